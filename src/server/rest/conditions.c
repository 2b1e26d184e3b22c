/*
 * The small languages of HTTP that FHIR uses: entity tags, dates, Prefer, and single query parameters (RFC 9110, RFC
 * 7240, http://hl7.org/fhir/R4/http.html#concurrency).
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/encode.h"
#include "server/rest/rest_priv.h"

bool query_value(struct arena *a, struct str query, const char *name, struct str *ret_value, struct error *err)
{
	*ret_value = STR_NULL;
	while (query.p) {
		struct str pair = str_split(&query, '&'), key = str_split(&pair, '=');
		if (!str_is(key, name))
			continue;
		struct buf text;
		buf_init(&text, 4096);
		bool ok = decode_percent(&text, pair, true);
		*ret_value = ok ? arena_str(a, buf_str(&text)) : STR_NULL;
		buf_done(&text);
		if (!ok)
			return error_set(err, ERR_VALUE, "The parameter %s is not encoded correctly", name);
		return ret_value->p || error_memory(err);
	}
	return true;
}

static bool parse_tag(struct str text, int64_t *ret_version)
{
	text = str_trim(text);
	if (str_starts(text, S("W/")))
		text = str_slice(text, 2, text.n);
	if (text.n < 3 || text.p[0] != '"' || text.p[text.n - 1] != '"')
		return false;
	return str_to_i64(str_slice(text, 1, text.n - 1), ret_version) && *ret_version > 0;
}

bool etag_parse(struct str text, int64_t *ret_version, bool *ret_any, struct error *err)
{
	int64_t version = 0;
	bool any = str_is(str_trim(text), "*");
	if (!any && !parse_tag(text, &version))
		return error_set(err, ERR_VALUE, "If-Match must hold one version, such as W/\"3\"");
	*ret_any = any;
	*ret_version = version;
	return true;
}

bool etag_matches(struct str list, int64_t version)
{
	while (list.p) {
		struct str item = str_trim(str_split(&list, ','));
		int64_t named;
		if (str_is(item, "*") || (parse_tag(item, &named) && named == version))
			return true;
	}
	return false;
}

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void put_two(char *text, int value)
{
	text[0] = (char)('0' + value / 10 % 10);
	text[1] = (char)('0' + value % 10);
}

/* Every read writes one, so without printf. */
struct str http_date(struct arena *a, int64_t ms)
{
	int64_t seconds = ms / 1000, day = seconds / 86400, left = seconds % 86400;
	int year, month, mday;
	if (left < 0) {
		left += 86400;
		day--;
	}
	clock_date_from_days(day, &year, &month, &mday);
	int weekday = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
	char *text = arena_alloc(a, 30);
	if (!text)
		return STR_NULL;
	memcpy(text, "Day, 00 Mon 0000 00:00:00 GMT", 30);
	memcpy(text, days + 3 * weekday, 3);
	memcpy(text + 8, months + 3 * (month - 1), 3);
	put_two(text + 5, mday);
	put_two(text + 12, year / 100);
	put_two(text + 14, year % 100);
	put_two(text + 17, (int)(left / 3600));
	put_two(text + 20, (int)(left / 60 % 60));
	put_two(text + 23, (int)(left % 60));
	return str_make(text, 29);
}

struct str instant_text(struct arena *a, int64_t ms)
{
	char text[CLOCK_INSTANT_SIZE];
	clock_format_instant(ms, text);
	return arena_str(a, str_make(text, sizeof(text)));
}

const char *status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {{200, "OK"},
		       {201, "Created"},
		       {204, "No Content"},
		       {304, "Not Modified"},
		       {400, "Bad Request"},
		       {401, "Unauthorized"},
		       {403, "Forbidden"},
		       {404, "Not Found"},
		       {405, "Method Not Allowed"},
		       {409, "Conflict"},
		       {410, "Gone"},
		       {412, "Precondition Failed"},
		       {413, "Content Too Large"},
		       {422, "Unprocessable Content"},
		       {500, "Internal Server Error"},
		       {503, "Service Unavailable"}};
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "";
}

static bool digits(struct str text, size_t at, size_t n, int *ret_value)
{
	uint64_t value;
	if (!str_to_u64(str_slice(text, at, at + n), &value) || value > 9999)
		return false;
	*ret_value = (int)value;
	return true;
}

bool http_date_parse(struct str text, int64_t *ret_ms)
{
	int day, year, hour, minute, second;
	if (text.n != 29 || !str_ends(text, S(" GMT")) || !digits(text, 5, 2, &day) || !digits(text, 12, 4, &year) ||
	    !digits(text, 17, 2, &hour) || !digits(text, 20, 2, &minute) || !digits(text, 23, 2, &second))
		return false;
	for (int month = 1; month <= 12; month++) {
		if (!str_eq(str_slice(text, 8, 11), str_make(months + 3 * (month - 1), 3)))
			continue;
		if (year < 1 || day < 1 || day > clock_days_in_month(year, month) || hour > 23 || minute > 59 ||
		    second > 60)
			return false;
		*ret_ms = 1000 * (clock_days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second);
		return true;
	}
	return false;
}

static void prefer_return(struct str value, struct rest_call *call)
{
	static const struct {
		const char *name;
		enum rest_prefer prefer;
	} values[] = {{"minimal", REST_RETURN_MINIMAL},
		      {"OperationOutcome", REST_RETURN_OUTCOME},
		      {"representation", REST_RETURN_REPRESENTATION}};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (!str_eq_nocase(value, str_from(values[i].name)))
			continue;
		call->prefer = values[i].prefer;
		call->prefer_given = true;
	}
}

void prefer_parse(struct str header, struct rest_call *call)
{
	while (header.p) {
		struct str item = str_split(&header, ',');
		while (item.p) { /* RFC 7240 writes preferences with commas; some clients use semicolons */
			struct str value = str_split(&item, ';'), name = str_trim(str_split(&value, '='));
			value = value.p ? str_trim(value) : S("");
			if (value.n >= 2 && value.p[0] == '"')
				value = str_slice(value, 1, value.n - 1);
			if (str_eq_nocase(name, S("return")))
				prefer_return(value, call);
			else if (str_eq_nocase(name, S("handling")))
				call->lenient = str_eq_nocase(value, S("lenient"));
		}
	}
}

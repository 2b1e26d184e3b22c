/*
 * Strings: white space around them, and dates with a time in one form. A time is only written differently, never moved:
 * an offset other than zero stays, since it tells the time of day at the place.
 */
#include "normal/normal_priv.h"

enum { TIME_MAX = 64 };

static bool digits(struct str s, size_t at, size_t n)
{
	if (at + n > s.n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s.p[at + i] < '0' || s.p[at + i] > '9')
			return false;
	return true;
}

struct time_parts {
	struct str date, minutes; /* "2019-05-28", "15:59" */
	struct str seconds; /* two digits, or STR_NULL */
	struct str fraction; /* digits after the point, or STR_NULL */
	struct str zone; /* as written, empty without one */
};

static bool split(struct str s, struct time_parts *ret)
{
	struct time_parts p = {.seconds = STR_NULL, .fraction = STR_NULL};
	if (s.n < 16 || s.n > 40 || !digits(s, 0, 4) || s.p[4] != '-' || !digits(s, 5, 2) || s.p[7] != '-' ||
	    !digits(s, 8, 2) || (s.p[10] != 'T' && s.p[10] != 't' && s.p[10] != ' ') || !digits(s, 11, 2) ||
	    s.p[13] != ':' || !digits(s, 14, 2))
		return false;
	p.date = str_slice(s, 0, 10);
	p.minutes = str_slice(s, 11, 16);
	size_t at = 16;
	if (at < s.n && s.p[at] == ':') {
		if (!digits(s, at + 1, 2))
			return false;
		p.seconds = str_slice(s, at + 1, at + 3);
		at += 3;
		size_t start = at + 1;
		if (at < s.n && s.p[at] == '.') {
			for (at = start; digits(s, at, 1);)
				at++;
			p.fraction = str_slice(s, start, at);
			if (!p.fraction.n)
				return false;
		}
	}
	p.zone = str_slice(s, at, s.n);
	*ret = p;
	return true;
}

static bool all_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '0')
			return false;
	return true;
}

/* "Z", "+01:00"; STR_NULL for what is no zone. */
static struct str zone_form(struct str zone, char buffer[8])
{
	if (str_eq_nocase(zone, S("Z")))
		return S("Z");
	bool colon = zone.n == 6 && zone.p[3] == ':' && digits(zone, 4, 2);
	if ((!colon && !(zone.n == 5 && digits(zone, 3, 2))) || (zone.p[0] != '+' && zone.p[0] != '-') ||
	    !digits(zone, 1, 2))
		return STR_NULL;
	memcpy(buffer, zone.p, 3);
	buffer[3] = ':';
	memcpy(buffer + 4, zone.p + zone.n - 2, 2);
	return str_is(str_make(buffer + 1, 5), "00:00") ? S("Z") : str_make(buffer, 6);
}

static size_t append(char *out, size_t n, struct str s)
{
	memcpy(out + n, s.p, s.n);
	return n + s.n;
}

/* The one form, the text itself when it has it or is no date with a time. */
static struct str time_form(struct walk *k, struct str text, char buffer[TIME_MAX], const struct spot *at)
{
	struct time_parts p;
	char zone_buffer[8];
	if (text.n <= 10 || (text.n == 20 && text.p[19] == 'Z' && text.p[10] == 'T') || !split(text, &p))
		return text;
	if (!p.zone.n) {
		walk_note(k, NORMAL_DATE_ZONELESS, at, NULL, text, text, STR_NULL);
		return text;
	}
	struct str zone = zone_form(p.zone, zone_buffer);
	if (!zone.p)
		return text;
	size_t n = append(buffer, 0, p.date);
	buffer[n++] = 'T';
	n = append(buffer, n, p.minutes);
	buffer[n++] = ':';
	n = append(buffer, n, p.seconds.p ? p.seconds : S("00"));
	if (p.fraction.p && !all_zero(p.fraction)) {
		buffer[n++] = '.';
		n = append(buffer, n, p.fraction);
	}
	n = append(buffer, n, zone);
	return str_make(buffer, n);
}

static bool is_trimmed(enum fhir_primitive primitive)
{
	switch (primitive) {
	case PRIMITIVE_STRING:
	case PRIMITIVE_CODE:
	case PRIMITIVE_URI:
	case PRIMITIVE_URL:
	case PRIMITIVE_CANONICAL:
	case PRIMITIVE_OID:
	case PRIMITIVE_UUID:
	case PRIMITIVE_DATE:
	case PRIMITIVE_DATETIME:
	case PRIMITIVE_INSTANT:
	case PRIMITIVE_TIME:
		return true;
	default: /* markdown, narrative and base64 may begin and end with it; an id is never another */
		return false;
	}
}

void walk_text(struct walk *k, const struct fhir_type *type, struct str text, const struct spot *at)
{
	struct str trimmed = is_trimmed(type->primitive) ? str_trim(text) : text;
	if (trimmed.n != text.n && trimmed.n) {
		walk_note(k, NORMAL_TRIMMED, at, NULL, text, trimmed, STR_NULL);
		text = trimmed;
	}
	if (type->primitive == PRIMITIVE_DATETIME || type->primitive == PRIMITIVE_INSTANT) {
		char buffer[TIME_MAX];
		struct str form = time_form(k, text, buffer, at);
		if (!str_eq(form, text))
			walk_note(k, NORMAL_DATE_FORM, at, NULL, text, form, STR_NULL);
		json_put_str(&k->w, form);
		return;
	}
	json_put_str(&k->w, text);
}

bool walk_unknown_date(struct walk *k, struct str key, const struct json *value, const struct json *sibling,
		       const struct spot *at)
{
	struct str text = json_str(value);
	if (k->options->vendor != NORMAL_CERNER || sibling || !str_starts(text, S("1900-01-01T00:00:00")))
		return false;
	char name[64];
	if (key.n + 1 > sizeof(name))
		return false;
	walk_note(k, NORMAL_DATE_UNKNOWN, at, NULL, text, S("unknown"), STR_NULL);
	name[0] = '_';
	memcpy(name + 1, key.p, key.n);
	json_key(&k->w, str_make(name, key.n + 1));
	json_object_begin(&k->w);
	json_key(&k->w, S("extension"));
	json_array_begin(&k->w);
	json_object_begin(&k->w);
	json_put_member(&k->w, S("url"), S(NORMAL_ABSENT));
	json_put_member(&k->w, S("valueCode"), S("unknown"));
	json_object_end(&k->w);
	json_array_end(&k->w);
	json_object_end(&k->w);
	return true;
}

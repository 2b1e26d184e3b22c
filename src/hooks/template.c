/*
 * Prefetch templates (CDS Hooks 2.0, "Prefetch Template" and "Prefetch Tokens"). A token is a field of the context, one
 * of the words for the user, a plain path into the context, or a date relative to now.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "hooks/request.h"

enum { SHOWN = 80, VALUES_MAX = 500, DEPTH_MAX = 12, FILLED_MAX = 64 * 1024 };

static const struct {
	const char *token, *type;
} users[] = {{"userPractitionerId", "Practitioner"},
	     {"userPractitionerRoleId", "PractitionerRole"},
	     {"userPatientId", "Patient"},
	     {"userRelatedPersonId", "RelatedPerson"}};

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

enum token_kind { TOKEN_PATH, TOKEN_USER, TOKEN_TODAY, TOKEN_NOW };
struct token {
	enum token_kind kind;
	struct str path; /* behind "context." */
	const char *type; /* of a user */
	int64_t days, months; /* to be added to now */
};

static bool no_token(struct error *err, struct str text, const char *why)
{
	return error_set(err, ERR_VALUE, "{{%.*s}} is no prefetch token: %s", STR_ARG(str_slice(text, 0, SHOWN)), why);
}

/* " - 90 days" */
static bool read_offset(struct str text, struct token *t)
{
	int64_t sign = str_starts(text, S("-")) ? -1 : 1;
	struct str rest = str_trim(str_slice(text, 1, text.n));
	uint64_t n;
	if (!text.n)
		return true;
	if ((text.p[0] != '-' && text.p[0] != '+') || !str_to_u64(str_split(&rest, ' '), &n) || n > 50000)
		return false;
	struct str unit = rest.p ? str_trim(rest) : S("");
	if (str_ends(unit, S("s")))
		unit.n--;
	if (str_is(unit, "day"))
		t->days = sign * (int64_t)n;
	else if (str_is(unit, "week"))
		t->days = sign * (int64_t)n * 7;
	else if (str_is(unit, "month") || str_is(unit, "year"))
		t->months = sign * (int64_t)n * (str_is(unit, "year") ? 12 : 1);
	else
		return false;
	return true;
}

static bool read_token(const struct hook_definition *hook, struct str text, struct token *t, struct error *err)
{
	*t = (struct token){.kind = TOKEN_PATH};
	if (str_starts(text, S("today()")) || str_starts(text, S("now()"))) {
		size_t end = str_find_char(text, ')', 0) + 1;
		t->kind = str_starts(text, S("now")) ? TOKEN_NOW : TOKEN_TODAY;
		return read_offset(str_trim(str_slice(text, end, text.n)), t) ||
		       no_token(err, text, "what follows is not such as - 90 days");
	}
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		if (str_is(text, users[i].token)) {
			t->kind = TOKEN_USER;
			t->type = users[i].type;
			return true;
		}
	}
	if (!str_starts(text, S("context.")))
		return no_token(err, text, "it begins with neither context. nor user");
	t->path = str_slice(text, 8, text.n);
	struct str rest = t->path, field = str_split(&rest, '.');
	return hook_field(hook, field) || no_token(err, text, "the hook's context has no such field");
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

struct values {
	struct buf *out; /* NULL: the path is only read */
	size_t count;
	bool cut;
};

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/:|,", c);
}

static void add_encoded(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] && is_unreserved(value.p[i]))
			buf_char(out, value.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)value.p[i]);
	}
}

static void add_value(struct values *v, const struct json *value)
{
	struct str text = json_is(value, JSON_NUMBER) ? json_number(value) : json_str(value);
	if (json_is(value, JSON_BOOL))
		text = json_bool(value) ? S("true") : S("false");
	if (!text.n || v->cut)
		return;
	v->cut = v->count == VALUES_MAX;
	if (v->count++)
		buf_char(v->out, ',');
	add_encoded(v->out, text);
}

static void walk(struct values *v, const struct json *at, struct str path, int depth);

/* What a name means for one value: a member; of a Bundle or resource also a type. */
static void step(struct values *v, const struct json *at, struct str name, struct str rest, int depth)
{
	struct str type = json_get_str(at, S("resourceType"));
	bool is_type = name.n && name.p[0] >= 'A' && name.p[0] <= 'Z';
	if (str_starts(name, S("ofType(")) || (is_type && str_eq(type, name))) {
		struct str wanted = is_type ? name : str_slice(name, 7, name.n - 1);
		if (str_eq(type, wanted))
			walk(v, at, rest, depth + 1);
	} else if (is_type && str_is(type, "Bundle")) {
		struct json_iter it = json_iter(json_get(at, S("entry")));
		while (json_next(&it)) {
			const struct json *resource = json_get(it.value, S("resource"));
			if (str_eq(json_get_str(resource, S("resourceType")), name))
				walk(v, resource, rest, depth + 1);
		}
	} else {
		walk(v, json_get(at, name), rest, depth + 1);
	}
}

static void walk(struct values *v, const struct json *at, struct str path, int depth)
{
	if (!at || depth > DEPTH_MAX * 2 || v->cut)
		return;
	if (json_is(at, JSON_ARRAY)) {
		struct json_iter it = json_iter(at);
		while (json_next(&it))
			walk(v, it.value, path, depth + 1);
		return;
	}
	if (!path.p) {
		add_value(v, at);
		return;
	}
	struct str rest = path, name = str_split(&rest, '.');
	step(v, at, name, rest, depth);
}

static bool is_name(struct str name)
{
	bool type = str_starts(name, S("ofType(")) && str_ends(name, S(")"));
	struct str word = type ? str_slice(name, 7, name.n - 1) : name;
	for (size_t i = 0; i < word.n; i++)
		if (!((word.p[i] >= 'a' && word.p[i] <= 'z') || (word.p[i] >= 'A' && word.p[i] <= 'Z') ||
		      (i && word.p[i] >= '0' && word.p[i] <= '9')))
			return false;
	return word.n > 0;
}

static bool check_path(struct str text, struct str path, struct error *err)
{
	int depth = 0;
	for (struct str rest = path; rest.p; depth++)
		if (!is_name(str_split(&rest, '.')))
			return no_token(err, text, "only names and ofType() may stand in its path");
	return depth <= DEPTH_MAX || no_token(err, text, "its path is too long");
}

/* ---- filling ----------------------------------------------------------------------------------------------------- */

static void add_moment(struct buf *out, const struct token *t, int64_t now_ms)
{
	int year, month, day;
	char text[CLOCK_INSTANT_SIZE];
	int64_t rest_ms = ((now_ms % 86400000) + 86400000) % 86400000, days = (now_ms - rest_ms) / 86400000 + t->days;
	clock_date_from_days(days, &year, &month, &day);
	int64_t months = (int64_t)year * 12 + month - 1 + t->months;
	months = months < 12 ? 12 : months > 9999 * 12 + 11 ? 9999 * 12 + 11 : months;
	year = (int)(months / 12);
	month = (int)(months % 12) + 1;
	if (day > clock_days_in_month(year, month))
		day = clock_days_in_month(year, month);
	clock_format_instant(clock_days_from_date(year, month, day) * 86400000 + rest_ms, text);
	buf_add(out, str_make(text, t->kind == TOKEN_TODAY ? 10 : CLOCK_INSTANT_SIZE));
}

/* False: it has no value. */
static bool add_token(struct buf *out, const struct hook_request *r, const struct token *t, int64_t now_ms)
{
	struct values v = {.out = out};
	struct str rest = t->path;
	switch (t->kind) {
	case TOKEN_TODAY:
		add_moment(out, t, now_ms + r->zone * INT64_C(60000));
		return true;
	case TOKEN_NOW:
		add_moment(out, t, now_ms);
		return true;
	case TOKEN_USER:
		rest = r->user;
		if (!rest.p || !str_is(str_split(&rest, '/'), t->type) || !rest.p)
			return false;
		add_encoded(out, rest);
		return true;
	default:
		break;
	}
	const struct hook_field *f = hook_field(r->hook, t->path);
	if (f && f->form == HOOK_FORM_PATIENT)
		add_encoded(out, r->patient);
	else if (f && f->form == HOOK_FORM_ENCOUNTER)
		add_encoded(out, r->encounter);
	else
		walk(&v, json_get(r->context, str_split(&rest, '.')), rest, 0);
	return f ? v.count > 0 || (f->form == HOOK_FORM_PATIENT && r->patient.n) ||
			       (f->form == HOOK_FORM_ENCOUNTER && r->encounter.n)
		 : v.count > 0 && !v.cut;
}

/* Goes through a template; r NULL: only checks it. */
static bool fill(struct buf *out, const struct hook_definition *hook, const struct hook_request *r, int64_t now_ms,
		 struct str text, bool *ret_known, struct error *err)
{
	*ret_known = true;
	if (!text.n || text.n > HOOK_TEMPLATE_MAX)
		return error_set(err, ERR_VALUE, "A prefetch template has from 1 to %d bytes", HOOK_TEMPLATE_MAX);
	for (;;) {
		size_t at = str_find(text, S("{{")), end = str_find(text, S("}}"));
		struct token t;
		if (at == STR_NONE && end == STR_NONE)
			break;
		if (at == STR_NONE || end == STR_NONE || end < at)
			return error_set(err, ERR_VALUE, "The braces of a prefetch template do not match");
		struct str token = str_trim(str_slice(text, at + 2, end));
		if (!read_token(hook, token, &t, err) || (t.kind == TOKEN_PATH && !check_path(token, t.path, err)))
			return false;
		buf_add(out, str_slice(text, 0, at));
		if (r && !add_token(out, r, &t, now_ms))
			*ret_known = false;
		text = str_slice(text, end + 2, text.n);
	}
	buf_add(out, text);
	return true;
}

bool hook_template_fill(struct arena *a, const struct hook_request *r, int64_t now_ms, struct str text,
			struct str *ret_query, struct error *err)
{
	struct buf out;
	bool known;
	buf_init(&out, FILLED_MAX);
	bool ok = fill(&out, r->hook, r, now_ms, text, &known, err);
	if (ok && !buf_ok(&out))
		ok = error_set(err, ERR_LIMIT, "A filled prefetch template has at most %d bytes", FILLED_MAX);
	struct str query = ok && known ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!ok)
		return false;
	*ret_query = query;
	return query.p || !known || error_memory(err);
}

bool hook_template_check(const struct hook_definition *hook, struct str text, struct error *err)
{
	struct buf out;
	bool known;
	buf_init(&out, FILLED_MAX);
	bool ok = fill(&out, hook, NULL, 0, text, &known, err);
	buf_done(&out);
	return ok;
}

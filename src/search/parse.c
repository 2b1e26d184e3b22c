/*
 * A query string to a struct search_query: decoding, one parameter after the other, and the self link of what was
 * understood. Anything not understood is refused, or with lenient handling dropped and listed; never passed over.
 */
#include "base/encode.h"
#include "search/search_priv.h"

static bool name_refused(struct parsing *p, struct str name, enum error_code code, const char *why)
{
	return error_set(p->err, code, "The search parameter \"%.*s\" %s", STR_ARG(str_slice(name, 0, 64)), why);
}

/* ---- decoding -------------------------------------------------------------------------------------------------- */

static bool decode(struct parsing *p, struct str text, struct str *ret_text)
{
	struct buf b;
	buf_init(&b, SEARCH_MAX_QUERY);
	bool zero = str_find_char(text, '\0', 0) != STR_NONE;
	bool ok = !zero && decode_percent(&b, text, true) && buf_ok(&b) && str_is_utf8(buf_str(&b));
	struct str decoded = ok ? arena_str(p->arena, buf_str(&b)) : STR_NULL;
	buf_done(&b);
	if (!ok)
		return error_set(p->err, ERR_VALUE, "The query string has a broken %%-escape, a zero or no UTF-8");
	if (!decoded.p)
		return error_memory(p->err);
	*ret_text = decoded;
	return true;
}

static bool stays_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~:/,$*", c));
}

static void encode(struct buf *out, struct str text)
{
	size_t plain = 0;
	while (text.n) {
		for (plain = 0; plain < text.n && stays_plain(text.p[plain]); plain++)
			;
		buf_add(out, str_slice(text, 0, plain));
		if (plain < text.n)
			encode_percent(out, str_slice(text, plain, plain + 1));
		text = str_slice(text, plain + 1, text.n);
	}
}

static void add_to_self(struct parsing *p, struct str full_name, struct str value)
{
	if (p->self.n)
		buf_char(&p->self, '&');
	encode(&p->self, full_name);
	buf_char(&p->self, '=');
	encode(&p->self, value);
}

/* ---- modifiers ------------------------------------------------------------------------------------------------- */

static bool modifier_refused(struct parsing *p, struct str name, struct str modifier, const char *why)
{
	return error_set(p->err, ERR_NOT_SUPPORTED, "The modifier :%.*s of the search parameter \"%.*s\" %s",
			 STR_ARG(str_slice(modifier, 0, 64)), STR_ARG(str_slice(name, 0, 64)), why);
}

static bool parse_type_modifier(struct parsing *p, struct str name, struct str modifier, struct criterion *c)
{
	const struct fhir_type *type = definitions_resource(p->definitions, modifier);
	if (!type || c->param->type != PARAM_REFERENCE)
		return modifier_refused(p, name, modifier, "is not known");
	for (size_t i = 0; i < c->param->target_count; i++) {
		if (!str_eq(c->param->targets[i], type->name))
			continue;
		c->modifier = MOD_TYPE;
		c->values = ARENA_NEW(p->arena, struct search_value);
		if (!c->values)
			return error_memory(p->err);
		c->values[0].ref_type = type->name;
		return true;
	}
	return error_set(p->err, ERR_VALUE, "The search parameter \"%.*s\" does not refer to %.*s",
			 STR_ARG(str_slice(name, 0, 64)), STR_ARG(type->name));
}

static bool parse_modifier(struct parsing *p, struct str name, struct str modifier, struct criterion *c)
{
	static const struct {
		const char *name;
		enum search_modifier modifier;
		enum search_param_type type;
	} known[] = {{"exact", MOD_EXACT, PARAM_STRING},
		     {"contains", MOD_CONTAINS, PARAM_STRING},
		     {"not", MOD_NOT, PARAM_TOKEN}};
	static const char *const later[] = {"text", "identifier", "above",   "below",
					    "in",   "not-in",	  "of-type", "ofType"};
	if (!modifier.p)
		return true;
	if (str_is(modifier, "missing")) {
		c->modifier = MOD_MISSING;
		return true;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!str_is(modifier, known[i].name))
			continue;
		c->modifier = known[i].modifier;
		return known[i].type == c->param->type ||
		       modifier_refused(p, name, modifier, "does not go with its type");
	}
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (str_is(modifier, later[i]))
			return modifier_refused(p, name, modifier, "is not supported yet");
	return parse_type_modifier(p, name, modifier, c);
}

/* ---- parameters ------------------------------------------------------------------------------------------------ */

static bool add_criterion(struct parsing *p, const struct criterion *c)
{
	struct search_part *q = p->part;
	void *grown = arena_grow(p->arena, q->criteria, q->criterion_count, &p->criterion_capacity,
				 q->criterion_count + 1, sizeof(*c));
	if (!grown)
		return error_memory(p->err);
	q->criteria = grown;
	q->criteria[q->criterion_count++] = *c;
	return true;
}

/* Which criterion a name stands for. Refuses names that are unknown or not possible yet. */
static bool find_param(struct parsing *p, struct str name, struct criterion *c)
{
	struct str shown = str_slice(name, 0, 64);
	if (str_is(name, "_id")) {
		c->kind = CRITERION_ID;
		return true;
	}
	if (str_is(name, "_lastUpdated")) {
		c->kind = CRITERION_LAST_UPDATED;
		return true;
	}
	if (str_find_char(name, '.', 0) != STR_NONE)
		return name_refused(p, name, ERR_NOT_SUPPORTED, "is chained, which is not supported yet");
	c->kind = CRITERION_PARAM;
	c->param = definitions_search_param(p->part->type, name);
	if (!c->param)
		return error_set(p->err, ERR_UNKNOWN_PARAM, "%.*s has no search parameter \"%.*s\"%.*s",
				 STR_ARG(p->part->type->name), STR_ARG(shown),
				 STR_ARG(suggest_params(p->arena, p->part->type, shown)));
	if (!param_indexed(c->param))
		return error_set(p->err, ERR_NOT_SUPPORTED,
				 "The search parameter \"%.*s\" is of type %s, which is not supported yet",
				 STR_ARG(shown), search_param_type_name(c->param->type));
	return true;
}

static bool parse_criterion(struct parsing *p, struct str name, struct str modifier, struct str value)
{
	struct criterion c = {.modifier = MOD_NONE};
	if (!find_param(p, name, &c))
		return false;
	if (modifier.p && str_find_char(modifier, '.', 0) != STR_NONE)
		return name_refused(p, name, ERR_NOT_SUPPORTED, "is chained, which is not supported yet");
	if (modifier.p && c.kind != CRITERION_PARAM)
		return error_set(p->err, ERR_NOT_SUPPORTED, "%.*s takes no modifier", STR_ARG(name));
	return parse_modifier(p, name, modifier, &c) && parse_values(p, &c, name, value) && add_criterion(p, &c);
}

/* Lenient handling may drop a whole parameter that this server does not know. A known parameter with a wrong value or
 * an unsupported modifier is refused even then (R4 search.html#modifiers). */
static bool may_ignore(const struct parsing *p, struct str name, struct str modifier, const struct error *err)
{
	if (!p->options->lenient)
		return false;
	if (err->code == ERR_UNKNOWN_PARAM)
		return true;
	if (err->code != ERR_NOT_SUPPORTED)
		return false;
	if (modifier.p && str_find_char(modifier, '.', 0) != STR_NONE)
		return true;
	const struct search_param *param = definitions_search_param(p->part->type, name);
	return !param || !param_indexed(param);
}

/* Takes back what the parameter has added so far. */
static bool ignore(struct parsing *p, struct str full_name, const struct search_query *before, size_t criterion_count,
		   const struct error *why)
{
	struct search_query *q = p->query;
	p->part->criterion_count = criterion_count;
	q->sort_count = before->sort_count;
	q->include_count = before->include_count;
	void *grown = arena_grow(p->arena, q->ignored, q->ignored_count, &p->ignored_capacity, q->ignored_count + 1,
				 sizeof(*q->ignored));
	struct str reason = arena_str(p->arena, str_from(why->text));
	if (!grown || !reason.p)
		return error_memory(p->err);
	q->ignored = grown;
	q->ignored[q->ignored_count++] = (struct search_ignored){full_name, reason};
	return true;
}

static bool parse_decoded(struct parsing *p, struct str name, struct str modifier, struct str value, bool *ret_in_self)
{
	bool known;
	*ret_in_self = true;
	if (!parse_control(p, name, modifier, value, &known, ret_in_self))
		return false;
	return known || parse_criterion(p, name, modifier, value);
}

static bool parse_param(struct parsing *p, struct str text)
{
	struct str value = text, full_name = str_split(&value, '='), name, modifier;
	struct error own = {0}, *err = p->err;
	if (!decode(p, full_name, &full_name) || !decode(p, value.p ? value : S(""), &value))
		return false;
	modifier = full_name;
	name = str_split(&modifier, ':');
	bool in_self;
	const struct search_query before = *p->query;
	size_t criterion_count = p->part->criterion_count;
	p->err = &own;
	bool ok = parse_decoded(p, name, modifier, value, &in_self);
	p->err = err;
	if (ok && in_self)
		add_to_self(p, full_name, value);
	if (!ok && may_ignore(p, name, modifier, &own))
		return ignore(p, full_name, &before, criterion_count, &own);
	if (!ok && err && !err->code)
		*err = own;
	return ok;
}

static bool parse_all(struct parsing *p, struct str query)
{
	size_t count = 0;
	if (query.n > SEARCH_MAX_QUERY)
		return error_set(p->err, ERR_LIMIT, "The query string is longer than %d bytes", SEARCH_MAX_QUERY);
	for (struct str rest = query; rest.p;) {
		struct str part = str_split(&rest, '&');
		if (part.n == 0)
			continue;
		if (++count > SEARCH_MAX_PARAMS)
			return error_set(p->err, ERR_LIMIT, "The query has more than %d parameters", SEARCH_MAX_PARAMS);
		if (!parse_param(p, part))
			return false;
	}
	return true;
}

/* Moves what a buffer collected into the arena. */
static bool keep(struct parsing *p, struct buf *b, struct str *ret_text)
{
	*ret_text = buf_ok(b) ? arena_str(p->arena, buf_str(b)) : STR_NULL;
	return ret_text->p ? true : error_memory(p->err);
}

bool search_parse(const struct definitions *d, struct arena *a, const struct fhir_type *type, struct str query,
		  const struct search_options *options, struct search_query *ret_query, struct error *err)
{
	static const struct search_options defaults = {.lenient = false};
	struct search_part *part = ARENA_NEW(a, struct search_part);
	struct search_query q = {.parts = part, .part_count = 1, .count = SEARCH_COUNT_DEFAULT, .cursor = STR_NULL};
	struct parsing p = {.definitions = d,
			    .arena = a,
			    .options = options ? options : &defaults,
			    .query = &q,
			    .part = part,
			    .err = err};
	if (!part)
		return error_memory(err);
	part->type = type;
	buf_init(&p.self, 4 * SEARCH_MAX_QUERY);
	bool ok = parse_all(&p, query) && keep(&p, &p.self, &q.self);
	buf_done(&p.self);
	if (ok)
		*ret_query = q;
	return ok;
}

bool search_parse_scope(const struct definitions *d, struct arena *a, const struct search_scope *scope,
			struct str query, const struct search_options *options, struct search_query *ret_query,
			struct error *err)
{
	if (scope->compartment)
		return error_set(err, ERR_NOT_SUPPORTED, "Searching a compartment is not supported yet");
	if (!scope->type)
		return error_set(err, ERR_NOT_SUPPORTED, "Searching all types is not supported yet");
	return search_parse(d, a, scope->type, query, options, ret_query, err);
}

/*
 * A query string to a struct search_query: decoding, one parameter after the other, and the self link of what was
 * understood. Anything not understood is refused, or with lenient handling dropped and listed; never passed over.
 */
#include "base/encode.h"
#include "search/search_priv.h"

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

/* ---- parameters ------------------------------------------------------------------------------------------------ */

static bool add_criterion(struct parsing *p, size_t part, const struct criterion *c)
{
	struct search_part *q = &p->query->parts[part];
	void *grown = arena_grow(p->arena, q->criteria, q->criterion_count, &p->criterion_capacities[part],
				 q->criterion_count + 1, sizeof(*c));
	if (!grown)
		return error_memory(p->err);
	q->criteria = grown;
	q->criteria[q->criterion_count++] = *c;
	return true;
}

/* The same question to each type: a parameter of one name is another one there. */
static bool parse_criterion(struct parsing *p, struct str name, struct str value)
{
	for (size_t i = 0; i < p->query->part_count; i++) {
		struct criterion c;
		if (++p->node_count > SEARCH_MAX_NODES)
			return error_set(p->err, ERR_LIMIT, "The query comes to more than %d criteria",
					 SEARCH_MAX_NODES);
		if (!parse_named(p, p->query->parts[i].type, name, value, &c) || !add_criterion(p, i, &c))
			return false;
	}
	return true;
}

/* Lenient handling may drop a whole parameter that this server does not know. A known parameter with a wrong value or
 * an unsupported modifier is refused even then (R4 search.html#modifiers). */
static bool may_ignore(const struct parsing *p, const struct error *err)
{
	return p->options->lenient && !p->never_ignored &&
	       (err->code == ERR_UNKNOWN_PARAM || err->code == ERR_NOT_SUPPORTED);
}

/* Takes back what the parameter has added so far; each part has had at most one criterion more than `criteria`. */
static bool ignore(struct parsing *p, struct str full_name, const struct search_query *before, size_t criteria,
		   const struct error *why)
{
	struct search_query *q = p->query;
	for (size_t i = 0; i < q->part_count; i++)
		if (q->parts[i].criterion_count > criteria + p->implied)
			q->parts[i].criterion_count = criteria + p->implied;
	q->sort_count = before->sort_count;
	q->include_count = before->include_count;
	q->element_count = before->element_count;
	void *grown = arena_grow(p->arena, q->ignored, q->ignored_count, &p->ignored_capacity, q->ignored_count + 1,
				 sizeof(*q->ignored));
	struct str reason = arena_str(p->arena, str_from(why->text));
	if (!grown || !reason.p)
		return error_memory(p->err);
	q->ignored = grown;
	q->ignored[q->ignored_count++] = (struct search_ignored){full_name, reason};
	return true;
}

static bool parse_decoded(struct parsing *p, struct str full_name, struct str value, bool *ret_in_self)
{
	bool known;
	struct str modifier = full_name, name = str_split(&modifier, ':');
	*ret_in_self = true;
	if (!parse_control(p, name, modifier, value, &known, ret_in_self))
		return false;
	if (known)
		return true;
	if (!parse_criterion(p, full_name, value))
		return false;
	p->criteria++;
	return true;
}

static bool decode_pair(struct parsing *p, struct str text, struct str *ret_name, struct str *ret_value)
{
	struct str value = text, name = str_split(&value, '=');
	return decode(p, name, ret_name) && decode(p, value.p ? value : S(""), ret_value);
}

static bool parse_param(struct parsing *p, struct str text)
{
	struct str value, full_name;
	struct error own = {0}, *err = p->err;
	if (!decode_pair(p, text, &full_name, &value))
		return false;
	bool in_self;
	const struct search_query before = *p->query;
	p->err = &own;
	p->never_ignored = false;
	p->depth = 0;
	bool ok = parse_decoded(p, full_name, value, &in_self);
	p->err = err;
	if (ok && in_self)
		add_to_self(p, full_name, value);
	if (!ok && may_ignore(p, &own))
		return ignore(p, full_name, &before, p->criteria, &own);
	if (!ok && err && !err->code)
		*err = own;
	return ok;
}

/* The types of the query are needed before all else. */
static bool find_types(struct parsing *p, struct str query, struct str *ret_types)
{
	*ret_types = STR_NULL;
	for (struct str rest = query; rest.p;) {
		struct str part = str_split(&rest, '&'), name;
		if (!str_starts(part, S("_type=")))
			continue;
		if (ret_types->p)
			return error_set(p->err, ERR_VALUE, "_type is given more than once");
		if (!decode_pair(p, part, &name, ret_types))
			return false;
	}
	return true;
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

bool search_parse_scope(const struct definitions *d, struct arena *a, const struct search_scope *scope,
			struct str query, const struct search_options *options, struct search_query *ret_query,
			struct error *err)
{
	static const struct search_options defaults = {.lenient = false};
	struct search_query q = {.count = SEARCH_COUNT_DEFAULT, .cursor = STR_NULL};
	struct parsing p = {.definitions = d,
			    .arena = a,
			    .options = options ? options : &defaults,
			    .query = &q,
			    .whole_type = scope->type != NULL,
			    .err = err};
	struct str types;
	buf_init(&p.self, 4 * SEARCH_MAX_QUERY);
	bool ok = find_types(&p, query, &types) && parse_scope(&p, scope, types) && parse_all(&p, query) &&
		  keep(&p, &p.self, &q.self);
	buf_done(&p.self);
	if (ok)
		*ret_query = q;
	return ok;
}

bool search_parse(const struct definitions *d, struct arena *a, const struct fhir_type *type, struct str query,
		  const struct search_options *options, struct search_query *ret_query, struct error *err)
{
	return search_parse_scope(d, a, &(struct search_scope){.type = type}, query, options, ret_query, err);
}

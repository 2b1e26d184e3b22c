/*
 * The part of SNOMED CT's Expression Constraint Language (version 2, https://confluence.ihtsdotools.org/display/DOCECL)
 * that value sets can say: concepts with < << <! > >> >! ^ and *, combined by AND, OR and MINUS. Refinements,
 * cardinality and filters need the grouping of relationships or histories that are not kept; they are refused, never
 * guessed.
 */
#include "terminology/release_priv.h"
#include "terminology/terminology_priv.h"

enum { MAX_NODES = 128, MAX_DEEP = 16 };
enum node_kind { NODE_CONCEPT, NODE_AND, NODE_OR, NODE_MINUS };
enum constraint { SELF, BELOW, BELOW_OR_SELF, CHILD, ABOVE, ABOVE_OR_SELF, PARENT, MEMBER, ANY };

struct node {
	enum node_kind kind;
	enum constraint constraint;
	struct str id;
	const struct node *left, *right;
};

struct reading {
	struct str rest, all;
	struct node nodes[MAX_NODES];
	size_t count;
	struct error *err;
};

static const struct node *read_expression(struct reading *r, unsigned depth);

static const struct node *refuse(struct reading *r, enum error_code code, const char *what)
{
	error_set(r->err, code, "expression constraint, character %zu: %s", r->all.n - r->rest.n + 1, what);
	return NULL;
}

static const struct node *add_node(struct reading *r, const struct node *n)
{
	if (r->count == MAX_NODES)
		return refuse(r, ERR_LIMIT, "it has too many parts");
	r->nodes[r->count] = *n;
	return &r->nodes[r->count++];
}

static void skip_space(struct reading *r)
{
	for (;;) {
		while (r->rest.n && (*r->rest.p == ' ' || (*r->rest.p >= 9 && *r->rest.p <= 13)))
			r->rest = str_slice(r->rest, 1, r->rest.n);
		if (!str_starts(r->rest, S("/*")))
			return;
		size_t end = str_find(r->rest, S("*/"));
		r->rest = end == STR_NONE ? S("") : str_slice(r->rest, end + 2, r->rest.n);
	}
}

static bool take(struct reading *r, struct str token)
{
	skip_space(r);
	if (r->rest.n < token.n || !str_eq_nocase(str_slice(r->rest, 0, token.n), token))
		return false;
	r->rest = str_slice(r->rest, token.n, r->rest.n);
	return true;
}

static enum constraint read_operator(struct reading *r)
{
	static const struct {
		struct str text;
		enum constraint constraint;
	} operators[] = {{{"<<", 2}, BELOW_OR_SELF}, {{"<!", 2}, CHILD}, {{"<", 1}, BELOW}, {{">>", 2}, ABOVE_OR_SELF},
			 {{">!", 2}, PARENT},	     {{">", 1}, ABOVE},	 {{"^", 1}, MEMBER}};
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (take(r, operators[i].text))
			return operators[i].constraint;
	return SELF;
}

static bool read_id(struct reading *r, struct str *ret_id)
{
	size_t n = 0;
	skip_space(r);
	while (n < r->rest.n && r->rest.p[n] >= '0' && r->rest.p[n] <= '9')
		n++;
	*ret_id = str_slice(r->rest, 0, n);
	r->rest = str_slice(r->rest, n, r->rest.n);
	if (n < 1 || n > 18)
		return false;
	if (!take(r, S("|")))
		return true;
	size_t bar = str_find_char(r->rest, '|', 0);
	if (bar == STR_NONE)
		return false;
	r->rest = str_slice(r->rest, bar + 1, r->rest.n);
	return true;
}

static const struct node *read_operand(struct reading *r, unsigned depth)
{
	struct node n = {.kind = NODE_CONCEPT, .constraint = read_operator(r)};
	if (take(r, S("("))) {
		const struct node *inner = depth < MAX_DEEP ? read_expression(r, depth + 1)
							    : refuse(r, ERR_LIMIT, "it is nested too deeply");
		if (inner && !take(r, S(")")))
			return refuse(r, ERR_VALUE, "a closing parenthesis is missing");
		if (inner && n.constraint != SELF)
			return refuse(r, ERR_NOT_SUPPORTED, "an operator before a parenthesis is not supported");
		return inner;
	}
	if (take(r, S("!")))
		return refuse(r, ERR_NOT_SUPPORTED, "this operator is not supported");
	if (take(r, S("*"))) {
		if (n.constraint != SELF)
			return refuse(r, ERR_NOT_SUPPORTED, "an operator before * is not supported");
		n.constraint = ANY;
		return add_node(r, &n);
	}
	if (!read_id(r, &n.id))
		return refuse(r, ERR_VALUE, "a concept is expected");
	skip_space(r);
	if (r->rest.n && (*r->rest.p == ':' || *r->rest.p == '{' || *r->rest.p == '.'))
		return refuse(r, ERR_NOT_SUPPORTED, "refinements and filters are not supported");
	return add_node(r, &n);
}

static bool take_operator(struct reading *r, enum node_kind *ret_kind)
{
	static const struct {
		struct str text;
		enum node_kind kind;
	} words[] = {{{"AND", 3}, NODE_AND}, {{",", 1}, NODE_AND}, {{"OR", 2}, NODE_OR}, {{"MINUS", 5}, NODE_MINUS}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (take(r, words[i].text)) {
			*ret_kind = words[i].kind;
			return true;
		}
	return false;
}

/* Different operators do not mix without parentheses. */
static const struct node *read_expression(struct reading *r, unsigned depth)
{
	enum node_kind kind, first = NODE_CONCEPT;
	const struct node *left = read_operand(r, depth);
	while (left && take_operator(r, &kind)) {
		if (first == NODE_CONCEPT)
			first = kind;
		if (kind != first || (kind == NODE_MINUS && left->kind == NODE_MINUS))
			return refuse(r, ERR_VALUE, "AND, OR and MINUS do not mix without parentheses");
		const struct node *right = read_operand(r, depth);
		left = right ? add_node(r, &(struct node){.kind = kind, .left = left, .right = right}) : NULL;
	}
	return left;
}

/* ---- as a composition -------------------------------------------------------------------------------------------- */

static void put_filter(struct json_writer *w, const char *property, const char *op, struct str value)
{
	json_object_begin(w);
	json_put_member(w, S("property"), str_from(property));
	json_put_member(w, S("op"), str_from(op));
	json_put_member(w, S("value"), value);
	json_object_end(w);
}

static void put_constraint(struct json_writer *w, const struct node *n)
{
	static const struct {
		const char *property, *op;
	} filters[] = {[SELF] = {"concept", "="},
		       [BELOW] = {"concept", "descendent-of"},
		       [BELOW_OR_SELF] = {"concept", "is-a"},
		       [CHILD] = {"parent", "="},
		       [ABOVE] = {"concept", "generalizes"},
		       [ABOVE_OR_SELF] = {"concept", "generalizes"},
		       [PARENT] = {"child", "="},
		       [MEMBER] = {"refset", "="}};
	if (n->constraint == ANY)
		return;
	put_filter(w, filters[n->constraint].property, filters[n->constraint].op, n->id);
	if (n->constraint == ABOVE)
		put_filter(w, "code", "not-in", n->id);
}

static bool put_conjunction(struct reading *r, struct json_writer *w, const struct node *n)
{
	if (n->kind == NODE_AND)
		return put_conjunction(r, w, n->left) && put_conjunction(r, w, n->right);
	if (n->kind != NODE_CONCEPT)
		return error_set(r->err, ERR_NOT_SUPPORTED,
				 "expression constraint: OR and MINUS inside of AND or MINUS are not supported");
	put_constraint(w, n);
	return true;
}

static bool put_alternatives(struct reading *r, struct json_writer *w, const struct node *n, struct str version)
{
	if (n->kind == NODE_OR)
		return put_alternatives(r, w, n->left, version) && put_alternatives(r, w, n->right, version);
	json_object_begin(w);
	json_put_member(w, S("system"), S(SNOMED_URL));
	json_put_member(w, S("version"), version);
	json_key(w, S("filter"));
	json_array_begin(w);
	bool ok = put_conjunction(r, w, n);
	json_array_end(w);
	json_object_end(w);
	return ok;
}

bool ecl_write_compose(struct json_writer *w, struct str ecl, struct str version, struct error *err)
{
	struct reading r = {.rest = ecl, .all = ecl, .err = err};
	const struct node *n = read_expression(&r, 0);
	skip_space(&r);
	if (!n || (r.rest.n && !refuse(&r, ERR_VALUE, "nothing more is expected here")))
		return false;
	json_object_begin(w);
	json_key(w, S("include"));
	json_array_begin(w);
	bool ok = put_alternatives(&r, w, n->kind == NODE_MINUS ? n->left : n, version);
	json_array_end(w);
	if (ok && n->kind == NODE_MINUS) {
		json_key(w, S("exclude"));
		json_array_begin(w);
		ok = put_alternatives(&r, w, n->right, version);
		json_array_end(w);
	}
	json_object_end(w);
	return ok;
}

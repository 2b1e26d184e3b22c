/* The parser of GraphQL documents: one pass, recursive, with the tokens made as it goes; see graphql.h. */
#include "server/rest/operations/graphql.h"

#include "base/buf.h"

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_MARK };

struct parser {
	struct arena *arena;
	struct str text;
	size_t at, depth;
	/* The token in front of us. */
	enum token_kind kind;
	struct str token; /* of a string: its value */
	size_t start;
	size_t seen, line, line_start; /* lines are counted up to `seen` */
	struct error *err;
};

/* ---- tokens --------------------------------------------------------------------------------------------------------
 */

/* Tokens only go forward, so every byte is looked at once. */
static void place_of(struct parser *p, size_t at, size_t *ret_line, size_t *ret_column)
{
	for (; p->seen < at && p->seen < p->text.n; p->seen++) {
		if (p->text.p[p->seen] == '\n') {
			p->line++;
			p->line_start = p->seen + 1;
		}
	}
	*ret_line = p->line;
	*ret_column = at - p->line_start + 1;
}

static bool fail(struct parser *p, const char *expected)
{
	if (p->err && !p->err->code)
		place_of(p, p->start, &p->err->line, &p->err->column);
	if (p->kind == TOKEN_END)
		return error_set(p->err, ERR_VALUE, "The query ends where %s is expected", expected);
	return error_set(p->err, ERR_VALUE, "%s is expected instead of \"%.*s\"", expected,
			 STR_ARG(str_slice(p->token, 0, 40)));
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char peek(const struct parser *p, size_t ahead)
{
	return p->at + ahead < p->text.n ? p->text.p[p->at + ahead] : 0;
}

/* White space, commas, comments and a byte order mark say nothing. */
static void skip_ignored(struct parser *p)
{
	while (p->at < p->text.n) {
		char c = p->text.p[p->at];
		if (c == '#') {
			while (p->at < p->text.n && p->text.p[p->at] != '\n')
				p->at++;
		} else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
			p->at++;
		} else if (str_starts(str_slice(p->text, p->at, p->text.n), S("\xef\xbb\xbf"))) {
			p->at += 3;
		} else {
			return;
		}
	}
}

static bool put_code_point(struct buf *out, unsigned code)
{
	if (code >= 0xd800 && code < 0xe000)
		return false;
	if (code < 0x80) {
		buf_char(out, (char)code);
	} else if (code < 0x800) {
		buf_char(out, (char)(0xc0 | code >> 6));
		buf_char(out, (char)(0x80 | (code & 0x3f)));
	} else {
		buf_char(out, (char)(0xe0 | code >> 12));
		buf_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_char(out, (char)(0x80 | (code & 0x3f)));
	}
	return code != 0;
}

static bool read_unicode(struct parser *p, struct buf *out)
{
	unsigned code = 0;
	for (size_t i = 0; i < 4; i++) {
		char c = peek(p, i);
		unsigned digit = is_digit(c)		? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
				 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
							: 16;
		if (digit > 15)
			return false;
		code = code << 4 | digit;
	}
	p->at += 4;
	return put_code_point(out, code);
}

static bool read_escape(struct parser *p, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = peek(p, 0);
	const char *found = c ? strchr(from, c) : NULL;
	p->at++;
	if (c == 'u')
		return read_unicode(p, out);
	if (!found)
		return false;
	buf_char(out, to[found - from]);
	return true;
}

static bool read_string(struct parser *p)
{
	struct buf out;
	bool block = peek(p, 1) == '"' && peek(p, 2) == '"', ok = true, closed = false;
	p->at += block ? 3 : 1;
	buf_init(&out, GRAPHQL_MAX_TEXT);
	while (ok && !closed && p->at < p->text.n) {
		char c = p->text.p[p->at];
		if (block ? c == '"' && peek(p, 1) == '"' && peek(p, 2) == '"' : c == '"') {
			p->at += block ? 3 : 1;
			closed = true;
		} else if (!block && c == '\\') {
			p->at++;
			ok = read_escape(p, &out);
		} else if (!block && c == '\n') {
			ok = false;
		} else {
			buf_char(&out, c);
			p->at++;
		}
	}
	p->token = ok && closed ? arena_str(p->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	p->kind = TOKEN_STRING;
	if (p->token.p)
		return true;
	p->token = S("\"");
	return fail(p, "a string that ends, with escapes as in JSON,");
}

static bool read_number(struct parser *p)
{
	size_t from = p->at;
	p->at += peek(p, 0) == '-';
	if (!is_digit(peek(p, 0)))
		return fail(p, "a number");
	while (is_digit(peek(p, 0)))
		p->at++;
	if (peek(p, 0) == '.' && is_digit(peek(p, 1)))
		for (p->at++; is_digit(peek(p, 0));)
			p->at++;
	if (peek(p, 0) == 'e' || peek(p, 0) == 'E') {
		p->at++;
		p->at += peek(p, 0) == '+' || peek(p, 0) == '-';
		while (is_digit(peek(p, 0)))
			p->at++;
	}
	p->kind = TOKEN_NUMBER;
	p->token = str_slice(p->text, from, p->at);
	return true;
}

static bool next(struct parser *p)
{
	skip_ignored(p);
	p->start = p->at;
	p->token = str_slice(p->text, p->at, p->at + 1);
	if (p->at >= p->text.n) {
		p->kind = TOKEN_END;
		return true;
	}
	char c = p->text.p[p->at];
	if (c == '"')
		return read_string(p);
	if (is_digit(c) || c == '-')
		return read_number(p);
	if (is_name_start(c)) {
		while (is_name_start(peek(p, 0)) || is_digit(peek(p, 0)))
			p->at++;
		p->kind = TOKEN_NAME;
		p->token = str_slice(p->text, p->start, p->at);
		return true;
	}
	bool dots = c == '.' && peek(p, 1) == '.' && peek(p, 2) == '.';
	p->kind = TOKEN_MARK;
	p->at += dots ? 3 : 1;
	p->token = str_slice(p->text, p->start, p->at);
	return dots || strchr("!$&()|:=@[]{}", c) ? true : fail(p, "a name or a mark of GraphQL");
}

static bool is_mark(const struct parser *p, const char *mark)
{
	return p->kind == TOKEN_MARK && str_is(p->token, mark);
}

static bool is_word(const struct parser *p, const char *word)
{
	return p->kind == TOKEN_NAME && str_is(p->token, word);
}

/* Takes the mark or fails. */
static bool take(struct parser *p, const char *mark)
{
	return is_mark(p, mark) ? next(p) : fail(p, mark);
}

static bool take_name(struct parser *p, struct str *ret_name)
{
	if (p->kind != TOKEN_NAME)
		return fail(p, "a name");
	*ret_name = p->token;
	return next(p);
}

static bool deeper(struct parser *p)
{
	if (p->depth++ < GRAPHQL_MAX_DEPTH)
		return true;
	return error_set(p->err, ERR_LIMIT, "The query is nested more than %d levels deep", GRAPHQL_MAX_DEPTH);
}

/* ---- values --------------------------------------------------------------------------------------------------------
 */

static bool parse_value(struct parser *p, struct graphql_value *ret_value);

static bool parse_items(struct parser *p, const char *end, bool named, struct graphql_value *value)
{
	struct graphql_value **last = &value->items;
	struct str name;
	if (!deeper(p) || !next(p))
		return false;
	while (!is_mark(p, end)) {
		struct graphql_value *item = ARENA_NEW(p->arena, struct graphql_value);
		if (!item)
			return error_memory(p->err);
		if (named && (!take_name(p, &name) || !take(p, ":")))
			return false;
		if (!parse_value(p, item))
			return false;
		*last = item;
		last = &item->next;
	}
	p->depth--;
	return next(p);
}

static bool parse_value(struct parser *p, struct graphql_value *ret_value)
{
	struct graphql_value *v = ret_value;
	v->text = p->token;
	if (is_mark(p, "[")) {
		v->kind = GRAPHQL_LIST;
		return parse_items(p, "]", false, v);
	}
	if (is_mark(p, "{")) {
		v->kind = GRAPHQL_OBJECT;
		return parse_items(p, "}", true, v);
	}
	if (is_mark(p, "$")) {
		v->kind = GRAPHQL_VARIABLE;
		return next(p) && take_name(p, &v->text);
	}
	switch (p->kind) {
	case TOKEN_NUMBER:
		v->kind = GRAPHQL_NUMBER;
		return next(p);
	case TOKEN_STRING:
		v->kind = GRAPHQL_STRING;
		return next(p);
	case TOKEN_NAME:
		v->kind = is_word(p, "null")			      ? GRAPHQL_NULL
			  : is_word(p, "true") || is_word(p, "false") ? GRAPHQL_BOOLEAN
								      : GRAPHQL_ENUM;
		return next(p);
	default:
		return fail(p, "a value");
	}
}

static bool parse_arguments(struct parser *p, struct graphql_argument **ret_arguments)
{
	struct graphql_argument **last = ret_arguments;
	if (!is_mark(p, "("))
		return true;
	if (!next(p))
		return false;
	do {
		struct graphql_argument *argument = ARENA_NEW(p->arena, struct graphql_argument);
		if (!argument)
			return error_memory(p->err);
		if (!take_name(p, &argument->name) || !take(p, ":") || !parse_value(p, &argument->value))
			return false;
		*last = argument;
		last = &argument->next;
	} while (!is_mark(p, ")"));
	return next(p);
}

static bool parse_directives(struct parser *p, struct graphql_directive **ret_directives)
{
	struct graphql_directive **last = ret_directives;
	while (is_mark(p, "@")) {
		struct graphql_directive *directive = ARENA_NEW(p->arena, struct graphql_directive);
		if (!directive)
			return error_memory(p->err);
		if (!next(p) || !take_name(p, &directive->name) || !parse_arguments(p, &directive->arguments))
			return false;
		*last = directive;
		last = &directive->next;
	}
	return true;
}

/* ---- selections ----------------------------------------------------------------------------------------------------
 */

static bool parse_selections(struct parser *p, struct graphql_selection **ret_selections);

static bool parse_field(struct parser *p, struct graphql_selection *s)
{
	s->kind = GRAPHQL_FIELD;
	if (!take_name(p, &s->name))
		return false;
	s->alias = s->name;
	if (is_mark(p, ":") && (!next(p) || !take_name(p, &s->name)))
		return false;
	if (!parse_arguments(p, &s->arguments) || !parse_directives(p, &s->directives))
		return false;
	return !is_mark(p, "{") || parse_selections(p, &s->selections);
}

static bool parse_fragment_use(struct parser *p, struct graphql_selection *s)
{
	if (!next(p))
		return false;
	if (p->kind == TOKEN_NAME && !is_word(p, "on")) {
		s->kind = GRAPHQL_SPREAD;
		return take_name(p, &s->name) && parse_directives(p, &s->directives);
	}
	s->kind = GRAPHQL_INLINE;
	if (is_word(p, "on") && (!next(p) || !take_name(p, &s->name)))
		return false;
	return parse_directives(p, &s->directives) && parse_selections(p, &s->selections);
}

static bool parse_selections(struct parser *p, struct graphql_selection **ret_selections)
{
	struct graphql_selection **last = ret_selections;
	if (!deeper(p) || !take(p, "{"))
		return false;
	do {
		struct graphql_selection *s = ARENA_NEW(p->arena, struct graphql_selection);
		if (!s)
			return error_memory(p->err);
		place_of(p, p->start, &s->line, &s->column);
		if (!(is_mark(p, "...") ? parse_fragment_use(p, s) : parse_field(p, s)))
			return false;
		*last = s;
		last = &s->next;
	} while (!is_mark(p, "}"));
	p->depth--;
	return next(p);
}

/* ---- definitions ---------------------------------------------------------------------------------------------------
 */

/* [Type!]! and so on: only whether it must be there matters here. */
static bool parse_type(struct parser *p, bool *ret_required)
{
	size_t open = 0;
	struct str name;
	while (is_mark(p, "[")) {
		if (++open > GRAPHQL_MAX_DEPTH)
			return fail(p, "a type");
		if (!next(p))
			return false;
	}
	if (!take_name(p, &name))
		return false;
	for (;;) {
		*ret_required = is_mark(p, "!");
		if (*ret_required && !next(p))
			return false;
		if (!open--)
			return true;
		if (!take(p, "]"))
			return false;
	}
}

static bool parse_variables(struct parser *p, struct graphql_variable **ret_variables)
{
	struct graphql_variable **last = ret_variables;
	struct graphql_directive *ignored = NULL;
	if (!is_mark(p, "("))
		return true;
	if (!next(p))
		return false;
	do {
		struct graphql_variable *v = ARENA_NEW(p->arena, struct graphql_variable);
		struct graphql_value *otherwise = ARENA_NEW(p->arena, struct graphql_value);
		if (!v || !otherwise)
			return error_memory(p->err);
		if (!take(p, "$") || !take_name(p, &v->name) || !take(p, ":") || !parse_type(p, &v->required))
			return false;
		if (is_mark(p, "=")) {
			v->otherwise = otherwise;
			if (!next(p) || !parse_value(p, otherwise))
				return false;
		}
		if (!parse_directives(p, &ignored))
			return false;
		*last = v;
		last = &v->next;
	} while (!is_mark(p, ")"));
	return next(p);
}

static bool parse_operation(struct parser *p, struct graphql_document *d)
{
	struct graphql_operation *o = ARENA_NEW(p->arena, struct graphql_operation);
	struct graphql_directive *ignored = NULL;
	if (!o)
		return error_memory(p->err);
	if (is_word(p, "mutation") || is_word(p, "subscription"))
		return error_set(p->err, ERR_NOT_SUPPORTED, "Only queries are answered, no %.*s", STR_ARG(p->token));
	if (p->kind == TOKEN_NAME) {
		if (!is_word(p, "query"))
			return fail(p, "query, fragment or {");
		if (!next(p) || (p->kind == TOKEN_NAME && !take_name(p, &o->name)) ||
		    !parse_variables(p, &o->variables) || !parse_directives(p, &ignored))
			return false;
	}
	struct graphql_operation **last = &d->operations;
	while (*last)
		last = &(*last)->next;
	*last = o;
	return parse_selections(p, &o->selections);
}

static bool parse_fragment(struct parser *p, struct graphql_document *d)
{
	struct graphql_fragment *f = ARENA_NEW(p->arena, struct graphql_fragment);
	struct graphql_directive *ignored = NULL;
	if (!f)
		return error_memory(p->err);
	if (!next(p) || !take_name(p, &f->name))
		return false;
	if (!is_word(p, "on"))
		return fail(p, "on and a type");
	f->next = d->fragments;
	d->fragments = f;
	return next(p) && take_name(p, &f->type) && parse_directives(p, &ignored) &&
	       parse_selections(p, &f->selections);
}

bool graphql_parse(struct arena *a, struct str text, struct graphql_document *ret_document, struct error *err)
{
	struct parser p = {.arena = a, .text = text, .line = 1, .err = err};
	struct graphql_document d = {0};
	if (text.n > GRAPHQL_MAX_TEXT)
		return error_set(err, ERR_LIMIT, "A query may have at most %d bytes", GRAPHQL_MAX_TEXT);
	if (!str_is_utf8(text))
		return error_set(err, ERR_UTF8, "The query is not valid UTF-8");
	if (!next(&p))
		return false;
	do {
		if (!(is_word(&p, "fragment") ? parse_fragment(&p, &d) : parse_operation(&p, &d)))
			return false;
	} while (p.kind != TOKEN_END);
	*ret_document = d;
	return true;
}

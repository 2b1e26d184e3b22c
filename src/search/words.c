/*
 * The words of _text and _content: all of them have to be there unless OR or NOT stands between; "..." keeps words
 * together, parentheses group, a comma is an OR (R4 search.html#content).
 */
#include "search/search_priv.h"

enum { MAX_WORD_DEPTH = 20 };

struct words {
	struct parsing *p;
	enum criterion_kind kind;
	struct str name, rest;
	unsigned depth;
};

static void skip_space(struct words *w)
{
	while (w->rest.n && (unsigned char)w->rest.p[0] <= ' ')
		w->rest = str_slice(w->rest, 1, w->rest.n);
}

/* The next word without taking it; empty at the end and before ( ) , and quotes. */
static struct str peek_word(struct words *w)
{
	size_t n = 0;
	skip_space(w);
	while (n < w->rest.n && (unsigned char)w->rest.p[n] > ' ' && !strchr("(),\"", w->rest.p[n]))
		n++;
	return str_slice(w->rest, 0, n);
}

static bool next_is(struct words *w, char c)
{
	skip_space(w);
	return w->rest.n && w->rest.p[0] == c;
}

static bool take(struct words *w, char c)
{
	if (!next_is(w, c))
		return false;
	w->rest = str_slice(w->rest, 1, w->rest.n);
	return true;
}

static bool take_word(struct words *w, const char *word)
{
	struct str next = peek_word(w);
	if (!str_eq_nocase(next, str_from(word)))
		return false;
	w->rest = str_slice(w->rest, next.n, w->rest.n);
	return true;
}

static bool leaf(struct words *w, struct str text, struct criterion *ret)
{
	struct search_value v = {.code = str_fold(w->p->arena, text)};
	*ret = (struct criterion){.kind = w->kind};
	if (!v.code.p)
		return error_memory(w->p->err);
	if (!v.code.n)
		return bad_value(w->p, w->name, "a text with letters or digits");
	return criterion_add_value(w->p, ret, SEARCH_MAX_VALUES, w->name, &v);
}

static bool parse_any(struct words *w, struct criterion *ret);

static bool parse_factor(struct words *w, struct criterion *ret)
{
	struct criterion inner;
	if (take_word(w, "not")) {
		*ret = (struct criterion){.kind = CRITERION_NOT};
		if (++w->depth > MAX_WORD_DEPTH)
			return bad_value(w->p, w->name, "nested less deeply");
		bool ok = parse_factor(w, &inner) && criterion_add_child(w->p, ret, &inner);
		w->depth--;
		return ok;
	}
	if (take(w, '(')) {
		if (++w->depth > MAX_WORD_DEPTH)
			return bad_value(w->p, w->name, "nested less deeply");
		bool ok = parse_any(w, ret);
		w->depth--;
		return ok && (take(w, ')') || bad_value(w->p, w->name, "complete: a parenthesis is not closed"));
	}
	if (take(w, '"')) {
		size_t end = str_find_char(w->rest, '"', 0);
		if (end == STR_NONE)
			return bad_value(w->p, w->name, "complete: a quote is not closed");
		struct str phrase = str_slice(w->rest, 0, end);
		w->rest = str_slice(w->rest, end + 1, w->rest.n);
		return leaf(w, phrase, ret);
	}
	struct str word = peek_word(w);
	if (!word.n)
		return bad_value(w->p, w->name, "made of words with AND, OR and NOT between");
	w->rest = str_slice(w->rest, word.n, w->rest.n);
	return leaf(w, word, ret);
}

static bool joined(struct words *w, struct criterion *parent, const struct criterion *child, struct criterion *ret)
{
	if (!criterion_add_child(w->p, parent, child))
		return false;
	*ret = parent->child_count == 1 ? *parent->children : *parent;
	return true;
}

static bool parse_all(struct words *w, struct criterion *ret)
{
	struct criterion all = {.kind = CRITERION_AND}, one;
	do {
		(void)(all.child_count && take_word(w, "and"));
		if (!parse_factor(w, &one) || !joined(w, &all, &one, ret))
			return false;
		skip_space(w);
	} while (w->rest.n && !next_is(w, ')') && !next_is(w, ',') && !str_eq_nocase(peek_word(w), S("or")));
	return true;
}

static bool parse_any(struct words *w, struct criterion *ret)
{
	struct criterion any = {.kind = CRITERION_OR}, one;
	do {
		if (!parse_all(w, &one) || !joined(w, &any, &one, ret))
			return false;
	} while (take_word(w, "or") || take(w, ','));
	return true;
}

bool parse_words(struct parsing *p, enum criterion_kind kind, struct str name, struct str value, struct criterion *ret)
{
	struct words w = {.p = p, .kind = kind, .name = name, .rest = value};
	if (!parse_any(&w, ret))
		return false;
	skip_space(&w);
	return w.rest.n == 0 || bad_value(p, name, "made of words with AND, OR and NOT between");
}

/*
 * Scope lists as the vendors treat them: of two grammars, without wildcards, and by the app's registration. What is
 * granted in the end is decided by server/smart; here lists are reworded before and after.
 */
#include "sandbox/oauth_priv.h"

enum { SCOPES_MAX = 128 * 1024 };

bool oauth_scope_is_v2(const struct scope *scope)
{
	return !str_ends(scope->text, S(".read")) && !str_ends(scope->text, S(".write")) &&
	       !str_ends(scope->text, S(".*"));
}

static void add_word(struct buf *out, struct str word)
{
	if (out->n)
		buf_char(out, ' ');
	buf_add(out, word);
}

static struct str finished(struct arena *a, struct buf *out)
{
	struct str text = buf_ok(out) ? arena_str(a, buf_str(out)) : STR_NULL;
	buf_done(out);
	return text;
}

struct str oauth_scopes_filtered(struct sandbox *s, struct arena *a, struct str scopes,
				 bool (*keep)(struct sandbox *s, struct str word, const struct scope *scope))
{
	struct buf out;
	buf_init(&out, SCOPES_MAX);
	for (struct str rest = scopes; rest.p;) {
		struct str word = str_split(&rest, ' ');
		struct scope scope;
		bool resource = scope_parse(s->o.definitions, word, &scope);
		if (word.n && keep(s, word, resource ? &scope : NULL))
			add_word(&out, word);
	}
	return finished(a, &out);
}

/* ---- grammars --------------------------------------------------------------------------------------------------- */

static void add_v1(struct buf *out, const struct scope *scope)
{
	static const struct {
		unsigned bits;
		const char *word;
	} words[] = {{SCOPE_R | SCOPE_S, "read"}, {SCOPE_C | SCOPE_U | SCOPE_D, "write"}};
	for (size_t i = 0; i < 2; i++) {
		char text[160];
		struct buf one = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
		if (!(scope->permissions & words[i].bits))
			continue;
		buf_printf(&one, "%.*s/%.*s.%s", STR_ARG(scope->context), STR_ARG(scope->type), words[i].word);
		if (str_find(buf_str(out), buf_str(&one)) == STR_NONE) /* .r and .s are one word there */
			add_word(out, buf_str(&one));
	}
}

/* What a site lets nobody do is not promised by the letters of v2, either. */
static void add_v2(struct sandbox *s, struct buf *out, const struct scope *scope)
{
	static const struct {
		unsigned bit;
		char letter;
	} letters[] = {{SCOPE_C, 'c'}, {SCOPE_R, 'r'}, {SCOPE_U, 'u'}, {SCOPE_D, 'd'}, {SCOPE_S, 's'}};
	char text[8];
	size_t n = 0;
	for (size_t i = 0; i < 5; i++) {
		bool may = face_may(s, scope->type, letters[i].letter) ||
			   (letters[i].letter == 'u' && face_may(s, scope->type, 'p'));
		if ((scope->permissions & letters[i].bit) && may)
			text[n++] = letters[i].letter;
	}
	if (!n)
		return;
	if (out->n)
		buf_char(out, ' ');
	buf_printf(out, "%.*s/%.*s.%.*s", STR_ARG(scope->context), STR_ARG(scope->type), (int)n, text);
	if (scope->filter.p)
		buf_printf(out, "?%.*s", STR_ARG(scope->filter));
}

bool oauth_scopes_reworded(struct sandbox *s, struct arena *a, bool v2, struct str *text, struct error *err)
{
	struct buf out;
	buf_init(&out, SCOPES_MAX);
	for (struct str rest = *text; rest.p;) {
		struct str word = str_split(&rest, ' ');
		struct scope scope;
		if (!word.n)
			continue;
		if (!scope_parse(s->o.definitions, word, &scope))
			add_word(&out, word);
		else if (v2)
			add_v2(s, &out, &scope);
		else
			add_v1(&out, &scope);
	}
	*text = finished(a, &out);
	return text->p ? true : error_memory(err);
}

struct str oauth_scopes_written_out(struct sandbox *s, struct arena *a, struct str scopes)
{
	struct buf out;
	buf_init(&out, SCOPES_MAX);
	for (struct str rest = scopes; rest.p;) {
		struct str word = str_split(&rest, ' ');
		struct scope scope;
		bool resource = scope_parse(s->o.definitions, word, &scope);
		if (resource && str_is(scope.type, "*")) {
			for (const struct face_type *t = s->vendor->types; t->name; t++) {
				scope.type = str_from(t->name);
				add_v2(s, &out, &scope);
			}
		} else if (word.n) {
			add_word(&out, word);
		}
	}
	return finished(a, &out);
}

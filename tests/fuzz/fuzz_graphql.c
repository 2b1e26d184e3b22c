/*
 * GraphQL documents from anywhere. Beyond not crashing: a refusal says why, what is accepted has selections everywhere
 * they are needed, and places are inside the text.
 */
#include <assert.h>

#include "fuzz.h"
#include "server/rest/operations/graphql.h"

static void check(const struct graphql_selection *list, struct str text)
{
	assert(list);
	for (const struct graphql_selection *s = list; s; s = s->next) {
		assert(s->line >= 1 && s->line <= text.n && s->column >= 1 && s->column <= text.n);
		assert(s->kind == GRAPHQL_INLINE || s->name.n > 0);
		if (s->selections || s->kind == GRAPHQL_INLINE)
			check(s->selections, text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	struct graphql_document document;
	struct str text = str_make((const char *)data, size);
	arena_init(&a, 64 << 20);
	if (graphql_parse(&a, text, &document, &err)) {
		assert(document.operations || document.fragments);
		for (const struct graphql_operation *o = document.operations; o; o = o->next)
			check(o->selections, text);
		for (const struct graphql_fragment *f = document.fragments; f; f = f->next)
			check(f->selections, text);
	} else {
		assert(err.code != ERR_NONE && err.text[0]);
	}
	arena_done(&a);
	return 0;
}

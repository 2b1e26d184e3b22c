/* A terminology over the built-in resources and a few made by hand. */
#ifndef FIRTH_TESTS_TERMINOLOGY_WORLD_H
#define FIRTH_TESTS_TERMINOLOGY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "terminology/terminology.h"

struct world {
	struct canonicals *canonicals;
	struct terminology *terminology;
	struct arena arena;
};

/* Adds a resource written in JSON with single quotes, as a loose file. */
static inline void world_add(struct world *w, const char *text)
{
	struct error err = {0};
	struct str copy = arena_str(canonicals_arena(w->canonicals), str_from(text));
	for (size_t i = 0; i < copy.n; i++)
		if (copy.p[i] == '\'')
			((char *)(uintptr_t)copy.p)[i] = '"';
	const struct json *json = json_parse(canonicals_arena(w->canonicals), copy, 0, &err);
	if (!json)
		fail_msg("%s in %s", err.text, text);
	assert_true(canonicals_add(w->canonicals, NULL, json, &err));
}

static inline void world_open(struct world *w, const char *const *resources, size_t count)
{
	struct error err = {0};
	arena_init(&w->arena, (size_t)64 << 20);
	w->canonicals = canonicals_new(&err);
	assert_non_null(w->canonicals);
	for (size_t i = 0; i < count; i++)
		world_add(w, resources[i]);
	w->terminology = terminology_new(w->canonicals, &err);
	assert_non_null(w->terminology);
}

static inline void world_close(struct world *w)
{
	terminology_free(w->terminology);
	canonicals_free(w->canonicals);
	arena_done(&w->arena);
}

/* "system|code", "|code" without system, display STR_NULL when NULL. */
static inline struct coding world_coding(const char *text, const char *display)
{
	struct str code = str_from(text);
	size_t bar = str_rfind_char(code, '|');
	struct str system = bar == STR_NONE ? STR_NULL : str_slice(code, 0, bar);
	return (struct coding){.system = system.n ? system : STR_NULL,
			       .code = str_slice(code, bar == STR_NONE ? 0 : bar + 1, code.n),
			       .display = str_from(display)};
}

#endif

/* Regular expressions: PCRE2 with every allocation in the caller's arena and with limits on each match. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>

enum {
	MATCH_LIMIT = 1000000, /* attempts from one place of the text */
	STEP_LIMIT = 5000000, /* items of the pattern tried in all: some hundred milliseconds */
	DEPTH_LIMIT = 50000,
	HEAP_LIMIT_KB = 16 * 1024,
	MAX_PATTERN = 16 * 1024
};

struct regex {
	pcre2_code *code;
};

static void *take(size_t n, void *arena)
{
	return arena_alloc(arena, n);
}

static void give(void *p, void *arena)
{
	(void)p;
	(void)arena;
}

static bool fail_pcre(struct error *err, int code, const char *what)
{
	PCRE2_UCHAR text[160];
	if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAPLIMIT)
		return error_set(err, ERR_LIMIT, "%s needs too much memory", what);
	if (code == PCRE2_ERROR_CALLOUT || code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT)
		return error_set(err, ERR_LIMIT, "%s takes too many steps", what);
	if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
		text[0] = '\0';
	return error_set(err, ERR_VALUE, "%s: %s", what, (const char *)text);
}

const struct regex *regex_compile(struct arena *a, struct str pattern, unsigned flags, struct error *err)
{
	int code;
	size_t at;
	struct regex *r = ARENA_NEW(a, struct regex);
	pcre2_general_context *memory = pcre2_general_context_create(take, give, a);
	pcre2_compile_context *context = memory ? pcre2_compile_context_create(memory) : NULL;
	if (!r || !context) {
		error_memory(err);
		return NULL;
	}
	/* The library limits the attempts from each place of the text; a call before each item of the pattern lets us
	 * limit all of them together. Items that never give back what they took would run between two calls. */
	uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT |
			   PCRE2_NO_AUTO_POSSESS;
	options |= flags & REGEX_NO_CASE ? PCRE2_CASELESS : 0;
	options |= flags & REGEX_LINES ? PCRE2_MULTILINE : 0;
	options |= flags & REGEX_WHOLE ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
	pcre2_set_max_pattern_length(context, MAX_PATTERN);
	r->code = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n, options, &code, &at, context);
	if (r->code)
		return r;
	fail_pcre(err, code, "The regular expression");
	if (at)
		error_context(err, "At character %zu", at);
	return NULL;
}

/* What one match needs; given back at once, since many matches may be made for one request. */
struct matching {
	uint64_t steps;
	pcre2_general_context *general;
	pcre2_match_context *context;
	pcre2_match_data *data;
};

static int count_step(pcre2_callout_block *block, void *ctx)
{
	uint64_t *steps = ctx;
	(void)block;
	return ++*steps > STEP_LIMIT ? PCRE2_ERROR_CALLOUT : 0;
}

static void done(struct matching *m)
{
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_general_context_free(m->general);
}

static bool prepare(const struct regex *r, struct str text, struct matching *m, struct error *err)
{
	if (text.n > REGEX_MAX_TEXT)
		return error_set(err, ERR_LIMIT, "A text of more than %zu bytes is too long for a regular expression",
				 REGEX_MAX_TEXT);
	m->steps = 0;
	/* Of general memory: that of the pattern's code is an arena, in which nothing is given back. */
	m->general = pcre2_general_context_create(NULL, NULL, NULL);
	m->context = m->general ? pcre2_match_context_create(m->general) : NULL;
	m->data = m->general ? pcre2_match_data_create_from_pattern(r->code, m->general) : NULL;
	if (!m->context || !m->data) {
		done(m);
		return error_memory(err);
	}
	pcre2_set_callout(m->context, count_step, &m->steps);
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KB);
	return true;
}

bool regex_search_counted(const struct regex *r, struct str text, bool *ret_found, uint64_t *steps, struct error *err)
{
	struct matching m;
	if (!prepare(r, text, &m, err))
		return false;
	int code = pcre2_match(r->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, 0, m.data, m.context);
	done(&m);
	*steps += m.steps;
	if (code < 0 && code != PCRE2_ERROR_NOMATCH)
		return fail_pcre(err, code, "Matching the regular expression");
	*ret_found = code >= 0;
	return true;
}

bool regex_search(const struct regex *r, struct str text, bool *ret_found, struct error *err)
{
	uint64_t steps = 0;
	return regex_search_counted(r, text, ret_found, &steps, err);
}

static bool substitute(const struct regex *r, struct matching *m, struct str text, struct str replacement,
		       struct buf *out, uint64_t *steps, struct error *err)
{
	size_t room = 2 * text.n + replacement.n + 64;
	for (int round = 0; round < 2; round++) {
		size_t n = room;
		char *into = buf_reserve(out, room);
		if (!into)
			return error_set(err, ERR_LIMIT, "The replaced text is too long");
		int code = pcre2_substitute(r->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0,
					    PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH |
						    PCRE2_SUBSTITUTE_UNSET_EMPTY,
					    m->data, m->context, (PCRE2_SPTR)(replacement.p ? replacement.p : ""),
					    replacement.n, (PCRE2_UCHAR *)into, &n);
		*steps += m->steps;
		if (code >= 0) {
			out->n += n;
			return true;
		}
		if (code != PCRE2_ERROR_NOMEMORY || n <= room)
			return fail_pcre(err, code, "Replacing by the regular expression");
		room = n;
	}
	return error_set(err, ERR_LIMIT, "The replaced text is too long");
}

bool regex_replace(const struct regex *r, struct str text, struct str replacement, struct buf *out, uint64_t *steps,
		   struct error *err)
{
	struct matching m;
	if (!prepare(r, text, &m, err))
		return false;
	bool ok = substitute(r, &m, text, replacement, out, steps, err);
	done(&m);
	return ok;
}

/*
 * Regular expressions over UTF-8 (PCRE2 syntax, Unicode classes, a dot matches line ends too). Only this room includes
 * pcre2.h. A match is bounded in steps, depth and memory, so that no pattern can hang or exhaust a thread.
 *
 * A compiled expression lives in its arena, never changes and may be used by any thread.
 */
#ifndef FIRTH_BASE_REGEX_H
#define FIRTH_BASE_REGEX_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct regex;

#define REGEX_MAX_TEXT ((size_t)1024 * 1024)

enum regex_flags {
	REGEX_NO_CASE = 1,
	REGEX_LINES = 2, /* ^ and $ match at every line */
	REGEX_WHOLE = 4 /* the text as a whole must match */
};

/* NULL with ERR_VALUE (what is wrong and where) when the pattern is malformed. */
const struct regex *regex_compile(struct arena *a, struct str pattern, unsigned flags, struct error *err) MUST_USE;
/* Does the expression match anywhere in the text? ERR_LIMIT when finding out takes too long or the text is longer than
 * REGEX_MAX_TEXT, ERR_UTF8. */
bool regex_search(const struct regex *r, struct str text, bool *ret_found, struct error *err) MUST_USE;
/* The same, and adds the steps taken to *steps: for callers that do many and have a limit of their own. */
bool regex_search_counted(const struct regex *r, struct str text, bool *ret_found, uint64_t *steps,
			  struct error *err) MUST_USE;
/* Appends the text with every match replaced; $1, ${1} and ${name} in the replacement stand for groups, $$ for a
 * dollar. ERR_VALUE when the replacement is malformed. */
bool regex_replace(const struct regex *r, struct str text, struct str replacement, struct buf *out, uint64_t *steps,
		   struct error *err) MUST_USE;

#endif

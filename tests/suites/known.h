/*
 * Cases of a suite that we are known to answer otherwise, each with its reason, in known/NAME.txt beside the runners:
 * "case -- reason" a line, # for comments. The list may only shrink: a listed case that passes is an error.
 */
#ifndef FIRTH_SUITES_KNOWN_H
#define FIRTH_SUITES_KNOWN_H

#include "base/arena.h"
#include "base/error.h"

struct known {
	struct str names[512], reasons[512];
	bool met[512];
	size_t count;
};

/* name: of the suite. A list that is not there is empty. False when it is malformed. */
bool known_read(struct known *k, struct arena *a, const char *name, struct error *err) MUST_USE;
/* Whether the case is listed; remembers that it was asked for. */
bool known_has(struct known *k, struct str name);

#endif

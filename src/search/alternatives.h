/* The alternatives of a search parameter's expression; also used when the definitions are generated. */
#ifndef FIRTH_SEARCH_ALTERNATIVES_H
#define FIRTH_SEARCH_ALTERNATIVES_H

#include "base/arena.h"

/* Takes the next alternative off *rest, at a `|` that is in no parenthesis and no string; *rest becomes STR_NULL behind
 * the last. */
struct str next_alternative(struct str *rest);
/* Those alternatives of an expression that start at a base type, or at an element, joined again. STR_NULL when there
 * are none; a text without its memory when the arena is exhausted. */
struct str expression_of_base(struct arena *a, struct str expression, struct str base);

#endif

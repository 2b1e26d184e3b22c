/* Text as people look for it: two texts that fold to the same are the same name to them. */
#ifndef FIRTH_BASE_FOLD_H
#define FIRTH_BASE_FOLD_H

#include "base/arena.h"

/* Compatibility caseless, marks removed, white space and punctuation runs as one space; "" when it is no UTF-8,
 * STR_NULL without memory. */
struct str str_fold(struct arena *a, struct str text);

#endif

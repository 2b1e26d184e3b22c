/* How far two words are from each other, to suggest what a person probably meant. */
#ifndef FIRTH_BASE_NEAR_H
#define FIRTH_BASE_NEAR_H

#include "base/str.h"

/* Inserted, deleted, replaced bytes and swapped neighbours on the way from a to b; NEAR_MAX when one of them is longer
 * than that. */
enum { NEAR_MAX = 48 };
size_t str_distance(struct str a, struct str b);

#endif

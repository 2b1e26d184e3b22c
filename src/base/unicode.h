/* Text by code points: length, parts, case. All text is UTF-8; broken bytes count as one code point each. */
#ifndef FIRTH_BASE_UNICODE_H
#define FIRTH_BASE_UNICODE_H

#include "base/buf.h"

/* Number of code points. */
size_t unicode_length(struct str s);
/* Byte offset of a code point, the length of the text when there are not as many. */
size_t unicode_offset(struct str s, size_t points);
/* Takes the first code point off *rest: its bytes. STR_NULL when nothing is left. */
struct str unicode_next(struct str *rest);
/* The code point of bytes that unicode_next gave; U+FFFD for a broken one. */
uint32_t unicode_point(struct str bytes);
/* Writes a code point as UTF-8; surrogates and numbers past U+10FFFF as U+FFFD. */
void unicode_write(struct buf *out, uint32_t point);

/* Simple case mapping, one code point to one. */
void unicode_upper(struct buf *out, struct str s);
void unicode_lower(struct buf *out, struct str s);
uint32_t unicode_lower_point(uint32_t point);
/* White space of any script, also the ASCII controls that are. */
bool unicode_is_space(uint32_t point);

#endif

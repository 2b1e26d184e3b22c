/* What the two halves of decimal share: the limits of a coefficient while it is being worked on. */
#ifndef FIRTH_BASE_DECIMAL_PRIV_H
#define FIRTH_BASE_DECIMAL_PRIV_H

#include "base/decimal.h"

#include <gmp.h>

_Static_assert(GMP_NUMB_BITS == 64 && sizeof(mp_limb_t) == sizeof(uint64_t), "limbs are 64 bits without nails");

/* 10^19 is the largest power of ten in a limb. */
enum { DECIMAL_LIMB_DIGITS = 19 };

/* A coefficient on the way: a product or a scaled dividend. 16 limbs hold 308 digits. */
enum { DECIMAL_WIDE_LIMBS = 16, DECIMAL_WIDE_DIGITS = 308 };
struct decimal_wide {
	mp_limb_t limb[DECIMAL_WIDE_LIMBS];
	mp_size_t n; /* limbs in use, the highest of them not zero */
};

/* 10^k for k up to DECIMAL_LIMB_DIGITS. */
uint64_t decimal_pow10(unsigned k);

#endif

/* Groups of reactions as bits, which rules are conditional on. */
#ifndef FIRTH_CLINICAL_ALLERGY_PRIV_H
#define FIRTH_CLINICAL_ALLERGY_PRIV_H

#include "clinical/allergy.h"

/* 0 for an unknown group. */
uint32_t allergy_group(struct str name);
/* Groups with '|' between them. */
uint32_t allergy_groups(struct str names);

#endif

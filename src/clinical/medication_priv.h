/* The parts of reading a medication: what stands in its dosage, and whether it is taken. */
#ifndef FIRTH_CLINICAL_MEDICATION_PRIV_H
#define FIRTH_CLINICAL_MEDICATION_PRIV_H

#include "clinical/medication.h"

/* Route and dose. strength: milligrams of a piece, 0: not known. The form that the product has is known by then. */
void medication_read_dosage(const struct json *record, double strength, struct medication *m);
void medication_read_state(const struct json *record, int64_t now_ms, struct medication *m);

#endif

/*
 * CDS Hooks (https://cds-hooks.hl7.org/2.0/): requests and responses are JSON of their own around FHIR resources. They
 * are validated when the logical model of their name is asked for by its canonical and no package brings that model.
 */
#ifndef FIRTH_VALIDATE_CDS_HOOKS_H
#define FIRTH_VALIDATE_CDS_HOOKS_H

#include "base/str.h"

/* "http://hl7.org/fhir/tools/StructureDefinition/CDSHooksRequest", "...Response". */
bool cds_hooks_model(struct str canonical);

#endif

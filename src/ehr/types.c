/* The vendors' tables of resource types. */
#include "ehr/ehr_priv.h"
#include "ehr/plan.h"

#define ROW(name, interactions, needs, parameters, page, page_max, ...)                                                \
	{name, interactions, needs, parameters, page, page_max},

static const struct ehr_type epic_types[] = {
#define EPIC ROW
#define CERNER(...)
#include "ehr/types.def"
#undef EPIC
#undef CERNER
	{NULL, NULL, NULL, NULL, 0, 0},
};

static const struct ehr_type cerner_types[] = {
#define EPIC(...)
#define CERNER ROW
#include "ehr/types.def"
	{NULL, NULL, NULL, NULL, 0, 0},
};

const struct ehr_type *ehr_type_find(enum ehr_vendor vendor, struct str type)
{
	const struct ehr_type *t = vendor == EHR_EPIC ? epic_types : vendor == EHR_CERNER ? cerner_types : NULL;
	for (; t && t->name; t++)
		if (str_is(type, t->name))
			return t;
	return NULL;
}

const char *ehr_vendor_label(enum ehr_vendor vendor)
{
	return ehr_rules(vendor)->label;
}

/* Which search parameters there are: those of the definitions. */
#include "search/search_priv.h"

const struct search_param *search_registry_param(const struct search_registry *r, const struct fhir_type *type,
						 struct str code)
{
	(void)r;
	return definitions_search_param(type, code);
}

/* Searches. */
#include "store/sqlite/sqlite_priv.h"

bool sqlite_search(void *b, struct arena *a, const struct search_query *query,
		   const struct store_search_options *options, struct store_page *ret_page, struct error *err)
{
	(void)b, (void)a, (void)query, (void)options, (void)ret_page;
	return error_set(err, ERR_NOT_SUPPORTED, "This store does not search yet");
}

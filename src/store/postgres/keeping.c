/* Keeping a store in PostgreSQL is PostgreSQL's own work: these say so instead of doing half of it. */
#include "store/postgres/postgres_priv.h"

static bool refuse(const char *what, struct error *err)
{
	return error_set(err, ERR_NOT_SUPPORTED, "A store in PostgreSQL is not %s by Firth: see docs/postgresql.md",
			 what);
}

bool pg_check(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	(void)b, (void)k, (void)kept;
	return refuse("checked", err);
}

bool pg_reindex(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	(void)b, (void)k, (void)kept;
	return refuse("reindexed", err);
}

bool pg_vacuum(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	(void)b, (void)k, (void)kept;
	return refuse("vacuumed", err);
}

/* Who is told when facts changed. */
#include "store/store_priv.h"

void watchers_tell(void *ctx, struct str shelf)
{
	struct watchers *w = ctx;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count; i++)
		w->list[i].fn(w->list[i].ctx, shelf);
	pthread_mutex_unlock(&w->lock);
}

static bool changes(const struct store_fact *fact)
{
	return !fact->only_look && !fact->quiet;
}

void watchers_tell_txn(struct watchers *w, const struct store_txn *txn)
{
	for (size_t i = 0; i < txn->fact_count && txn->err.code == ERR_NONE; i++) {
		bool told = !changes(&txn->facts[i]);
		for (size_t j = 0; j < i && !told; j++)
			told = changes(&txn->facts[j]) && str_eq(txn->facts[j].shelf, txn->facts[i].shelf);
		if (!told)
			watchers_tell(w, txn->facts[i].shelf);
	}
	bool revised = false;
	for (size_t i = 0; i < txn->change_count && txn->err.code == ERR_NONE && !revised; i++)
		revised = str_eq(txn->changes[i].type->name, REVISED_TYPE) && !txn->changes[i].unchanged;
	if (revised)
		watchers_tell(w, STORE_REVISION);
}

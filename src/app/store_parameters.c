/* One set of search parameters, held from opening to closing. */
#include "app/store_parameters.h"

bool store_parameters_open(struct store_parameters *p, const struct definitions *d, struct store *store,
			   struct str base, bool writable, struct error *err)
{
	const struct parameters_options options = {
		.definitions = d, .store = store, .base = base, .writable = writable};
	p->all = parameters_open(&options, err);
	p->set = p->all ? parameters_use(p->all, err) : NULL;
	return p->set != NULL;
}

void store_parameters_close(struct store_parameters *p)
{
	if (p->set)
		parameters_done(p->all, p->set);
	parameters_close(p->all);
	*p = (struct store_parameters){0};
}

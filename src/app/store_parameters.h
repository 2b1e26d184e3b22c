/*
 * The search parameters of a store for a command that writes to it without a server: those that were added by
 * SearchParameter resources too, so that what it writes is found by them.
 */
#ifndef FIRTH_APP_STORE_PARAMETERS_H
#define FIRTH_APP_STORE_PARAMETERS_H

#include "server/parameters/parameters.h"

struct store_parameters {
	struct parameters *all;
	const struct parameter_set *set; /* as of opening */
};

/* base: own base URL, for references to ourselves; STR_NULL: none. One thread. */
bool store_parameters_open(struct store_parameters *p, const struct definitions *d, struct store *store,
			   struct str base, bool writable, struct error *err) MUST_USE;
/* Also after opening failed, or when nothing was opened (zeros). Before the store is closed. */
void store_parameters_close(struct store_parameters *p);

#endif

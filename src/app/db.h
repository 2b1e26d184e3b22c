/* What the subcommands of `firth db` share. */
#ifndef FIRTH_APP_DB_H
#define FIRTH_APP_DB_H

#include "app/config.h"
#include "app/store_parameters.h"
#include "store/store.h"

/* Is the location a PostgreSQL database? */
bool db_is_postgres(const struct config *config);
/* The store opened for reading, or for keeping, with what its long work needs. NULL after saying why. */
struct db_work {
	struct app *app;
	struct progress progress;
	uint64_t last;
	struct extractor *extractor;
	struct store *store;
	struct store_parameters parameters; /* of db_work_parameters() */
	struct store_keeping keeping; /* with progress and base filled in */
};
bool db_work_open(struct db_work *w, struct app *app, const struct config *config, const char *label, const char *unit,
		  bool keeping) MUST_USE;
/* Puts the store's own search parameters to those of the definitions. */
bool db_work_parameters(struct db_work *w, struct error *err) MUST_USE;
void db_work_close(struct db_work *w);
/* Progress alone, for what opens no store. */
struct store_progress db_progress(struct db_work *w, struct app *app, const char *label, const char *unit);
/* "12.3 MB" */
struct str db_size_text(struct app *app, int64_t bytes);
/* {"key":value,...} of counts on standard output. */
struct db_figure {
	const char *key;
	int64_t value;
};
bool db_write_figures(struct app *app, const struct db_figure *figures, size_t count) MUST_USE;

#endif

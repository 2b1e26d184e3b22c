/* What the files of `firth normalise` share: the work, and its explanation. */
#ifndef FIRTH_APP_NORMALISE_H
#define FIRTH_APP_NORMALISE_H

#include <stdio.h>

#include "app/app.h"
#include "app/input.h"
#include "normal/normal.h"

struct explanation {
	struct arena arena;
	struct map groups; /* rule, element and source -> struct explained */
	struct explained **list;
	size_t count, capacity;
	bool failed;
};
/* Takes the changes of one resource; json: prints them, one per line. */
bool explain_take(struct explanation *e, struct app *app, const struct normal_report *report, struct str file,
		  struct str resource) MUST_USE;
/* The table, and what each rule did in all. */
bool explain_print(struct explanation *e, struct app *app, const struct normal_report *totals, size_t read,
		   size_t written) MUST_USE;

#endif

/* What firth why found of one request, and its two looks. Main thread only. */
#ifndef FIRTH_APP_WHY_H
#define FIRTH_APP_WHY_H

#include "app/config.h"
#include "server/decision/decision.h"

struct why_request {
	struct str id;
	const struct json **kept; /* decisions, oldest first: an id may come twice, since callers choose it */
	size_t kept_count;
	struct audit_row *rows; /* newest first */
	size_t row_count, rows_left;
};

/* Puts the texts of a row into another arena. False without memory. */
bool why_copy_row(struct arena *a, struct audit_row *row);
void why_print(const struct app *app, const struct why_request *r, struct str tenant, bool further);
void why_write(struct json_writer *w, const struct why_request *r, struct str tenant);
/* One check, as why and token explain print it. */
void why_print_check(const struct app *app, const char *question, bool passed, struct str had, struct str needed);
/* Text with line breaks, below one another from a column on. */
void why_print_wrapped(struct str text, int column);

#endif

/* What the `firth code` commands share: the terminology they ask, codes on the command line, answers for people. */
#ifndef FIRTH_APP_CODE_PRIV_H
#define FIRTH_APP_CODE_PRIV_H

#include "app/app.h"
#include "app/packages.h"
#include "app/releases.h"
#include "terminology/terminology.h"

struct code_world {
	struct app_packages packages;
	struct str directory; /* --terminology */
	struct canonicals *canonicals;
	struct terminology *terminology;
	struct releases *releases;
};
#define CODE_WORLD_OPTIONS(w) TERMINOLOGY_OPTION((w).directory), PACKAGE_OPTIONS((w).packages)

bool code_world_open(struct app *app, struct code_world *w, struct error *err) MUST_USE;
void code_world_close(struct code_world *w);

/* SYSTEM|CODE, with loinc, snomed, rxnorm, ucum, icd10cm and bcp47 as short names of systems; the system may have a
 * version after a second bar: SYSTEM|VERSION|CODE. False when there is no code. */
bool code_parse(struct str text, struct coding *ret_coding);
struct str code_system_name(struct str name);

/* A value set named on the command line: a canonical, or a file, which is taken in. */
bool code_value_set(struct app *app, struct code_world *w, struct str name, struct str *ret_canonical,
		    struct error *err) MUST_USE;

/* Prints an answer: with --format json the Parameters as they are, otherwise by `print`. Ends the buffer. */
int code_answer(struct app *app, struct buf *answer,
		void (*print)(struct app *app, const struct json *parameters, struct buf *out));

/* The parameter "result" of an answer. */
bool code_result(struct app *app, const struct buf *answer);

/* Access to Parameters: the value (value[x] or part) of the first of that name, its text, the next of that name. */
const struct json *parameter_find(const struct json *list, struct str name);
struct str parameter_text_of(const struct json *parameter);
/* "system|code" of a parameter's coding into out, and its display. */
void code_put_coding(struct buf *out, const struct json *coding);
/* Text on a line of its own: white space folded, control characters left out. */
void code_put_line(struct buf *out, struct str text);

#endif

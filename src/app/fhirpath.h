/* `firth fhirpath`: one expression over documents, and a stream of expressions (--batch). Main thread only. */
#ifndef FIRTH_APP_FHIRPATH_H
#define FIRTH_APP_FHIRPATH_H

#include <stdio.h>

#include "app/app.h"
#include "app/code_priv.h"
#include "app/input.h"
#include "fhirpath/fhirpath.h"
#include "validate/validate.h"

enum { FHIRPATH_MAX_VARIABLES = 64 };
#define FHIRPATH_MEMORY ((size_t)2 << 30)

struct fhirpath_command {
	struct app *app;
	struct str expression;
	bool strict, plain, traces;
	struct str type; /* --type, or STR_NULL */
	struct path_variable variables[FHIRPATH_MAX_VARIABLES];
	size_t variable_count;
	struct arena arena; /* of one document */
	struct buf out;
	bool many; /* results say which document they are of */
	struct str only; /* the one path that was named: what lies in it as a directory are many */
	size_t failed;
	const struct json *document; /* the one that is looked at */
	struct path_services services;
	struct code_world world; /* made when first asked */
	struct validator *validator;
};

/* The resource of a document in JSON or XML. */
const struct json *fhirpath_read(struct arena *a, struct str text, struct error *err) MUST_USE;
/* What expressions may ask of the world outside. */
void fhirpath_services_open(struct fhirpath_command *f);
void fhirpath_services_close(struct fhirpath_command *f);
/* Compiles and evaluates; resource NULL: no focus. */
bool fhirpath_run(struct fhirpath_command *f, struct arena *a, struct str expression, bool strict,
		  const struct json *resource, struct path_items *ret_items, struct error *err) MUST_USE;
/* [{"type":...,"value":...}] */
void fhirpath_put_items(struct json_writer *w, struct arena *a, const struct path_items *items);
/* Answers the lines of the paths, or of standard input. Returns the exit status. */
int fhirpath_batch(struct fhirpath_command *f, const struct str *paths, size_t count);

#endif

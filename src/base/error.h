/*
 * One way to fail. A fallible function returns false (or NULL) and fills a struct error that the caller owns and passes
 * last. The first failure wins; callers on the way up may add context. Texts are for people: one line, no PHI, no
 * secret. Codes and their HTTP and FHIR faces live in errors.def.
 */
#ifndef FIRTH_BASE_ERROR_H
#define FIRTH_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum error_code {
	ERR_NONE,
#define ERROR(name, status, issue, text) ERR_##name,
#include "base/errors.def"
#undef ERROR
	ERR_COUNT
};

struct error {
	enum error_code code;
	size_t line, column; /* 1-based position in the input, 0 when there is none; columns count bytes */
	char text[320]; /* what went wrong, one line */
	char path[160]; /* FHIRPath location such as Patient.name[0].family, or empty */
	const char *reason; /* of a refusal its stable word, static (server/decision); NULL: it is none */
};

#define MUST_USE __attribute__((warn_unused_result))

/* Sets the error unless one is set already. Always false, so `return error_set(err, ...)` reads well. err may be
 * NULL. */
bool error_set(struct error *err, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with a FHIRPath location. */
bool error_set_at(struct error *err, enum error_code code, struct str path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Out of memory, in one call. */
bool error_memory(struct error *err);
/* Puts "context: " in front of the text of an error that is set. Always false. */
bool error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_clear(struct error *err);

/* Constant facts of a code: "NOT_FOUND", 404, "not-found", "The resource does not exist". */
const char *error_name(enum error_code code);
int error_http_status(enum error_code code);
const char *error_issue_type(enum error_code code);
const char *error_default_text(enum error_code code);

#endif

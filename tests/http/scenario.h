/*
 * Scenarios: text files of requests and what must come back, run over real HTTP against any base URL, so the same files
 * can judge any store behind the server.
 *
 *   # comment
 *   == Title of a scenario                     variables end here
 *   > POST /Patient                            a request: method and path below the base, or a whole URL
 *   > Content-Type: application/fhir+json      headers; Content-Type of JSON bodies is set when absent
 *   >
 *   > {"resourceType":"Patient"}               body lines; `> @nest 1000` and `> @spaces 1000` make large ones,
 *                                              `> @hex ff` adds bytes
 *   < 201                                      its status
 *   < ETag: W/"1"                              a header that is equal; `ETag ~ W/` one that contains, `ETag absent`
 *   < $.name[0].family = Doe                   a JSON value by its text: strings plain, numbers as written
 *   < $.issue[0].diagnostics ~ version         contains
 *   < $.entry size 3                           items of an array or members of an object (0 when absent)
 *   < $.text absent, < $.text present
 *   < $.id -> id                               keeps the value as ${id}; `Location -> where` keeps a header
 *   < body empty, < body ~ text
 *   < until $.x = 1                            asks again, without a body, until it is so, for some 20 s
 *
 * ${name} is replaced everywhere. ${unique} is new for each scenario.
 */
#ifndef FIRTH_TESTS_HTTP_SCENARIO_H
#define FIRTH_TESTS_HTTP_SCENARIO_H

#include "fhir/resource.h"
#include "http/client.h"
#include "validate/validate.h"

struct scenario_run {
	struct validator *validator; /* holds every FHIR answer against R4; NULL: no check */
	struct str base; /* "http://127.0.0.1:1234/fhir" */
	struct http_client *client;
	/* ${token:SCOPES}; NULL: scenarios that use one are skipped */
	struct str (*token)(void *ctx, struct arena *a, struct str scopes);
	void *ctx;
	size_t passed, failed, skipped;
};
/* Runs all scenarios of a file and prints a line per failed one. False when the file cannot be read or understood. */
bool scenario_run_file(struct scenario_run *run, struct str path, struct error *err) MUST_USE;

#endif

/* Building a request of a hook as an EHR would, from a FHIR server and files. */
#ifndef FIRTH_APP_CDS_REQUEST_H
#define FIRTH_APP_CDS_REQUEST_H

#include "app/cds.h"
#include "app/login.h"

/* The FHIR server that data comes from, and the token that opens it. */
struct cds_fhir {
	struct app *app;
	struct login_command login; /* of an EHR that was named */
	bool named;
	struct str base; /* STR_NULL: there is none */
	struct str authorization; /* "Bearer ..."; STR_NULL: none */
	struct str scope, subject;
	struct http_client *http;
};
struct cds_fhir_options {
	struct str server, token_file, scope, subject;
};
/* server: a URL, or the name of a known EHR, with its configuration at hand in f->login. */
bool cds_fhir_open(struct cds_fhir *f, struct app *app, const struct cds_fhir_options *o, struct error *err) MUST_USE;
void cds_fhir_close(struct cds_fhir *f);
/* A read or search. True with *ret_json NULL when a read finds nothing (404, 410); false for everything else. */
bool cds_fhir_get(struct cds_fhir *f, struct arena *a, struct str query, const struct json **ret_json,
		  struct error *err) MUST_USE;

struct cds_wish {
	struct str hook, patient, encounter, user;
	struct str context; /* file with members of the context */
	const struct option_list *orders; /* files, or TYPE/ID of the FHIR server */
	const struct option_list *drugs; /* names, or SYSTEM|CODE */
	const struct option_list *selections; /* TYPE/ID; empty: all drafts */
	const struct option_list *prefetch; /* KEY=QUERY, KEY=FILE.json, or FILE.json with all */
	bool no_prefetch; /* nothing is sent along */
	bool share_token; /* fhirAuthorization is sent */
	const struct json *service; /* of discovery; NULL: not known */
	struct cds_fhir *fhir;
};
/* The request as JSON. ERR_USAGE, ERR_VALUE and ERR_REQUIRED say what is missing; what could not be sent along is told
 * on standard error. */
bool cds_request_build(struct app *app, const struct cds_wish *wish, struct str *ret_body, struct error *err) MUST_USE;

#endif

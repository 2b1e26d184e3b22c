/* Somebody in a browser, who signs in at a sandbox, chooses a patient and agrees, for the tests of this room. */
#ifndef FIRTH_TESTS_SANDBOX_PERSON_H
#define FIRTH_TESTS_SANDBOX_PERSON_H

#include "world.h"

#define PERSON_PASSWORD "a few plain words"
#define PERSON_CALLBACK "https://app.example.org/back"
#define PERSON_VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" /* of RFC 7636 appendix B */
#define PERSON_PKCE	"&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

struct person {
	const char *user, *patient; /* patient: who is chosen when a page asks */
	bool refuses; /* says no when asked for consent */
};
/* Where the browser ends: a URL of the app, or a page. */
struct ended {
	struct str url; /* STR_NULL: the page */
	int status;
	struct str page;
};
/* Opens a URL of the sandbox and does what its pages ask. */
struct ended person_opens(struct world *w, const struct person *p, struct str url);
/* A parameter of a URL, plain; STR_NULL: none. */
struct str url_parameter(struct world *w, struct str url, const char *name);
/* Users for world_options: clinician (Practitioner/FHIR-ID) and patient, both with PERSON_PASSWORD. */
const struct login_user *person_users(const char *fhir_user, size_t *ret_count);

#endif

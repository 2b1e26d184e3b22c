/* A sandbox with a public and a confidential app and what they ask its authorization server, for the tests of it. */
#ifndef FIRTH_TESTS_SANDBOX_SITE_H
#define FIRTH_TESTS_SANDBOX_SITE_H

#include "person.h"

#define CALLBACK "&redirect_uri=" PERSON_CALLBACK
#define PEOPLE                                                                                                         \
	"openid fhirUser profile launch launch/patient offline_access online_access patient/Patient.rs "               \
	"patient/Observation.rs"

#define SITE_SECRET "a secret of the app, long enough" /* of the confidential one */

enum app { PUBLIC, CONFIDENTIAL, APPS };

struct site {
	struct world *w;
	struct smart_client clients[APPS];
	enum ehr_vendor vendor;
};

/* scope: what both apps are registered with. behaviour: "KEY=VALUE" or NULL. One at a time. */
struct site open_site(enum ehr_vendor vendor, const char *scope, const char *behaviour);
void close_site(struct site *s);

extern const struct person doctor;
struct person doctor_of(struct site *s); /* who chooses the patient of the world */

/* more: further parameters, encoded */
struct str authorize_url(struct site *s, enum app app, const char *scope, const char *more);
const char *aud_of(struct site *s);
struct str encoded(struct world *w, struct str text);
/* The usual request, and that of a launch. */
struct str usual(struct site *s, enum app app, const char *scope);
struct str launch_of(struct site *s, enum app app);
struct str launched(struct site *s, enum app app, struct str launch);

struct http_answer token_request(struct site *s, enum app app, const char *form);
struct str code_form(struct site *s, struct str code);
/* The doctor opens the URL and agrees; the answer of the token endpoint. */
const struct json *tokens(struct site *s, enum app app, struct str url);
bool has_scope(const struct json *answer, const char *word);
int64_t number(const struct json *j, const char *name); /* must be there */

#endif

/* What the files of the library share: a handle, and how failures become errors. */
#ifndef FIRTH_LIBRARY_LIBRARY_PRIV_H
#define FIRTH_LIBRARY_LIBRARY_PRIV_H

#include <firth/firth.h>

#include "base/buf.h"
#include "ehr/login.h"
#include "record/record.h"

/* Where the one login of a handle is: stands in the place of a store (without.c). */
struct store {
	struct buf login;
};

struct firth_ehr {
	struct ehr_client *client;
	struct record *record;
	struct record_transport *transport;
	struct store store;
	struct ehr_logins *logins;
	struct arena words; /* of the last call about logins */
	struct buf pending; /* what was begun */
	struct firth_login login;
	bool for_people; /* there is an app that people log in with */
};

#define LIBRARY_LOGIN_SHELF S("login")

/* The status of a failure, and the error when there is one. */
enum firth_status library_fail(struct firth_error *error, const struct ehr_failure *f);
enum firth_status library_fail_here(struct firth_error *error, enum error_code code, const char *text);
struct str library_text(const char *text); /* STR_NULL for NULL and "" */

#endif

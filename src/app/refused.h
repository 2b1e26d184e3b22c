/* Refusals before any room of the server is asked: of strangers, and at the operator's door. Any thread. */
#ifndef FIRTH_APP_REFUSED_H
#define FIRTH_APP_REFUSED_H

#include "app/realm.h"

/* Takes the audit record of a refused request, with its decision, into the realm's store, and waits for it. */
bool refused_record(const struct realm *realm, const struct http_request *request, const char *what,
		    const struct decision *d, const struct error *refusal, struct error *err) MUST_USE;

#endif

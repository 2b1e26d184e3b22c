/*
 * Audit records of commands beside a running server: a SQLite store has one writer, so the server that holds it is
 * asked to write them, by the operator's door.
 */
#ifndef FIRTH_APP_TRAIL_H
#define FIRTH_APP_TRAIL_H

#include "app/operator.h"
#include "store/store.h"

struct trail {
	const struct config *config;
};
/* Fits struct ehr_client_options; ctx is a struct trail. */
bool trail_record_by_server(void *ctx, const struct audit_event *event, struct error *err);

#endif

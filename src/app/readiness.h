/*
 * Is the server ready to be sent requests? Its store must answer and take a write. The write is a fact that replaces
 * itself, made once a second at most however often is asked. Any thread.
 */
#ifndef FIRTH_APP_READINESS_H
#define FIRTH_APP_READINESS_H

#include <pthread.h>

#include "store/store.h"

struct readiness {
	struct store *store;
	pthread_mutex_t lock; /* of what follows; held during the write, so that there is one at a time */
	bool asked;
	uint64_t asked_ns;
	struct error trouble; /* ERR_NONE: there was none */
};

void readiness_init(struct readiness *r, struct store *store);
void readiness_done(struct readiness *r);
/* False with why not; the text is one for everybody. */
bool readiness_check(struct readiness *r, struct error *err) MUST_USE;

#endif

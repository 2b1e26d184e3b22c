/* A sandbox with the test patients of the public ones, and a small CDS service that it calls. */
#ifndef FIRTH_TESTS_SANDBOX_HOOK_WORLD_H
#define FIRTH_TESTS_SANDBOX_HOOK_WORLD_H

#include <pthread.h>

#include "world.h"

/* GET is its discovery, of a patient-view "hello" and an order-sign "sign"; every POST gets the answer. */
struct service {
	struct http_server *server;
	pthread_mutex_t lock;
	struct str base;
	const char *answer, *content_type;
	int status;
	char *got, *authorization, *path; /* of the last call */
	unsigned discoveries;
};

extern struct service service;
extern struct world *w;

/* behaviour: "KEY=VALUE" or NULL. An app "cds" is registered, whose URI is BASE/svc. */
void open_vendor(enum ehr_vendor vendor, const char *behaviour);
void close_vendor(void);

#define CAMILA "erXuFYUfucBZaryVksYEcMg3" /* at Epic */

#endif

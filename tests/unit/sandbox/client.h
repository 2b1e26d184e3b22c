/* A sandbox with one registered client that has a key. */
#ifndef FIRTH_TESTS_SANDBOX_CLIENT_H
#define FIRTH_TESTS_SANDBOX_CLIENT_H

#include "world.h"

#include "jose/jose.h"

struct client_world {
	struct arena arena;
	struct jose_key *key;
	struct smart_client client;
	struct world *world;
};

struct client_world *open_client(enum ehr_vendor vendor, const char *scope, unsigned patients);
void close_client(struct client_world *c);

#endif

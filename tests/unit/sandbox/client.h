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
/* The same with one behaviour set, "KEY=VALUE". */
struct client_world *open_client_behaving(enum ehr_vendor vendor, const char *scope, unsigned patients,
					  const char *behaviour);
void close_client(struct client_world *c);

#endif

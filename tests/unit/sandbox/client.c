/* A sandbox with one registered client that has a key. */
#include "client.h"

struct client_world *open_client_behaving(enum ehr_vendor vendor, const char *scope, unsigned patients,
					  const char *behaviour)
{
	struct str one = behaviour ? str_from(behaviour) : STR_NULL;
	static struct client_world worlds[1];
	struct client_world *c = &worlds[0];
	struct buf keys;
	struct error err = {0};
	*c = (struct client_world){0};
	arena_init(&c->arena, ARENA_NO_CAP);
	buf_init(&keys, 1 << 16);
	/* Epic takes keys of elliptic curves by URL only. */
	c->key = jose_key_new(vendor == EHR_EPIC ? JOSE_RS384 : JOSE_ES384, &err);
	must(c->key, &err);
	must(jose_key_write_public_set(c->key, &keys, &err), &err);
	c->client = (struct smart_client){.client_id = S("client-1"),
					  .name = S("Test"),
					  .scope = str_from(scope),
					  .jwks = json_parse(&c->arena, arena_str(&c->arena, buf_str(&keys)), 0, &err)};
	must(c->client.jwks, &err);
	buf_done(&keys);
	c->world = world_open(&(struct world_options){.vendor = vendor,
						      .patients = patients,
						      .clients = &c->client,
						      .client_count = 1,
						      .behaviours = &one,
						      .behaviour_count = behaviour != NULL});
	return c;
}

struct client_world *open_client(enum ehr_vendor vendor, const char *scope, unsigned patients)
{
	return open_client_behaving(vendor, scope, patients, NULL);
}

void close_client(struct client_world *c)
{
	world_close(c->world);
	jose_key_free(c->key);
	arena_done(&c->arena);
}

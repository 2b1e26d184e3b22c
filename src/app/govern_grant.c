/* What was authorized: firth grant list and revoke, as actions. */
#include "app/expiry.h"
#include "app/govern.h"
#include "base/clock.h"

enum { MOST_GRANTS = 10000 };

static void put_grant(struct json_writer *w, const struct smart_grant *g)
{
	json_object_begin(w);
	json_put_member(w, S("id"), g->id);
	json_put_member(w, S("client"), g->client_id);
	json_put_member(w, S("user"), g->user);
	json_put_member(w, S("fhir_user"), g->fhir_user);
	json_put_member(w, S("patient"), g->patient);
	json_put_member(w, S("encounter"), g->encounter);
	json_put_member(w, S("scopes"), g->scopes);
	json_key(w, S("offline"));
	json_put_bool(w, g->offline);
	govern_put_time(w, "issued", g->issued_ms);
	govern_put_time(w, "used", g->used_ms);
	govern_put_time(w, "expires", g->expires_ms);
	if (expiry_grant_is_near(g, clock_now_ms())) {
		json_key(w, S("ends_soon"));
		json_put_bool(w, true);
	}
	json_object_end(w);
}

static bool is_asked_for(const struct smart_grant *g, struct str id, struct str client)
{
	return (!id.n || str_eq(g->id, id)) && (!client.n || str_eq(g->client_id, client));
}

bool govern_grant_list(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		       struct error *err)
{
	struct str user = json_get_str(command, S("user")), client = json_get_str(command, S("client")),
		   id = json_get_str(command, S("grant"));
	struct smart_grant *grants;
	size_t count, shown = 0;
	if (!smart_grants_of(g->realm->smart, a, user.n ? user : STR_NULL, MOST_GRANTS, &grants, &count, err))
		return false;
	json_key(w, S("grants"));
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		if (is_asked_for(&grants[i], id, client)) {
			put_grant(w, &grants[i]);
			shown++;
		}
	json_array_end(w);
	return !id.n || shown || error_set(err, ERR_NOT_FOUND, "There is no grant %.*s", STR_ARG(str_slice(id, 0, 64)));
}

/* One by its id, or all of a user, or of a client. */
bool govern_grant_revoke(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			 struct error *err)
{
	struct str user = json_get_str(command, S("user")), client = json_get_str(command, S("client")),
		   id = json_get_str(command, S("grant"));
	struct smart_grant *grants;
	size_t count = 0, revoked = 0;
	if (!id.n && !user.n && !client.n)
		return error_set(err, ERR_VALUE, "What to revoke is missing: a grant, a user or a client");
	if (id.n && !smart_grant_revoke(g->realm->smart, a, id, STR_NULL, err))
		return false;
	revoked = id.n ? 1 : 0;
	if (!id.n && !smart_grants_of(g->realm->smart, a, user.n ? user : STR_NULL, MOST_GRANTS, &grants, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is_asked_for(&grants[i], STR_NULL, client))
			continue;
		if (!smart_grant_revoke(g->realm->smart, a, grants[i].id, STR_NULL, err))
			return false;
		revoked++;
	}
	json_key(w, S("revoked"));
	json_put_i64(w, (int64_t)revoked);
	return true;
}

/*
 * Authorizations: what a person agreed to once, until it ends. The shelf "grant" has one fact for each, which every
 * access and refresh token of it points to, so that it is ended by one change. A revoked one stays for a while, marked,
 * so that tokens of it are refused with the reason.
 */
#include "base/encode.h"
#include "base/random.h"
#include "server/smart/smart_priv.h"

#define SHELF S("grant")

enum {
	OWNER_HEX = 16,
	ID_BYTES = 16,
	MOST_LISTED = 10000,
	REMEMBERED_MS = 24 * 3600 * 1000 /* that it was revoked; no access token lives longer */
};

static const struct {
	const char *name;
	size_t offset;
} texts[] = {{"id", offsetof(struct authorization, id)},
	     {"client_id", offsetof(struct authorization, client_id)},
	     {"scope", offsetof(struct authorization, scope)},
	     {"user", offsetof(struct authorization, user)},
	     {"fhir_user", offsetof(struct authorization, fhir_user)},
	     {"roles", offsetof(struct authorization, roles)},
	     {"display", offsetof(struct authorization, display)},
	     {"session", offsetof(struct authorization, session)},
	     {"patient", offsetof(struct authorization, patient)},
	     {"encounter", offsetof(struct authorization, encounter)},
	     {"nonce", offsetof(struct authorization, nonce)},
	     {"code_challenge", offsetof(struct authorization, code_challenge)},
	     {"redirect_uri", offsetof(struct authorization, redirect_uri)},
	     {"state", offsetof(struct authorization, state)},
	     {"intent", offsetof(struct authorization, launch.intent)},
	     {"fhir_context", offsetof(struct authorization, launch.fhir_context)},
	     {"style_url", offsetof(struct authorization, launch.style_url)},
	     {"app_context", offsetof(struct authorization, launch.app_context)}},
  times[] = {{"authenticated", offsetof(struct authorization, authenticated_ms)},
	     {"issued", offsetof(struct authorization, issued_ms)},
	     {"used", offsetof(struct authorization, used_ms)},
	     {"ends", offsetof(struct authorization, ends_ms)},
	     {"revoked", offsetof(struct authorization, revoked_ms)},
	     {"refreshed", offsetof(struct authorization, refreshed_ms)},
	     {"expires", offsetof(struct authorization, expires_ms)}};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

bool authorization_parse(struct arena *a, struct str stored, struct authorization *ret_authorization, struct error *err)
{
	struct authorization read = {0};
	const struct json *j = json_parse(a, stored, 0, err);
	if (!j)
		return error_context(err, "an authorization");
	for (size_t i = 0; i < COUNT(texts); i++)
		*(struct str *)((char *)&read + texts[i].offset) = json_get_str(j, str_from(texts[i].name));
	for (size_t i = 0; i < COUNT(times); i++)
		(void)!str_to_i64(json_number(json_get(j, str_from(times[i].name))),
				  (int64_t *)((char *)&read + times[i].offset));
	read.launch.need_patient_banner = json_bool(json_get(j, S("banner")));
	*ret_authorization = read;
	return true;
}

struct str authorization_format(struct arena *a, const struct authorization *authorization, struct error *err)
{
	struct buf text;
	buf_init(&text, MAX_FACT);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	for (size_t i = 0; i < COUNT(texts); i++)
		json_put_member(&w, str_from(texts[i].name),
				*(const struct str *)((const char *)authorization + texts[i].offset));
	for (size_t i = 0; i < COUNT(times); i++) {
		int64_t time = *(const int64_t *)((const char *)authorization + times[i].offset);
		if (!time)
			continue;
		json_key(&w, str_from(times[i].name));
		json_put_i64(&w, time);
	}
	json_key(&w, S("banner"));
	json_put_bool(&w, authorization->launch.need_patient_banner);
	json_object_end(&w);
	struct str stored = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	if (!stored.p)
		error_set(err, ERR_LIMIT, "The authorization is larger than %d bytes", MAX_FACT);
	return stored;
}

/* What ids of a user's authorizations begin with. */
static struct str owner_of(struct arena *a, struct str user)
{
	struct str digest = secret_digest(a, user);
	return digest.p ? str_slice(digest, 0, OWNER_HEX) : STR_NULL;
}

struct str authorization_new_id(struct arena *a, struct str user)
{
	unsigned char bytes[ID_BYTES];
	struct str owner = owner_of(a, user), id = STR_NULL;
	struct buf text;
	random_bytes(bytes, sizeof(bytes));
	buf_init(&text, 64);
	encode_base64url(&text, str_make((const char *)bytes, sizeof(bytes)));
	if (owner.p && buf_ok(&text))
		id = arena_printf(a, "%.*s.%.*s", STR_ARG(owner), STR_ARG(buf_str(&text)));
	buf_done(&text);
	return id;
}

bool authorization_find(struct smart *s, struct arena *a, struct str id, struct authorization *ret_authorization,
			struct error *err)
{
	struct str stored = STR_NULL;
	*ret_authorization = (struct authorization){0};
	if (!store_fact_get(s->options.store, a, SHELF, str_slice(id, 0, 256), &stored, err))
		return false;
	if (stored.p && !authorization_parse(a, stored, ret_authorization, err))
		return false;
	ret_authorization->stored = stored;
	return true;
}

bool authorization_doom(struct smart *s, struct arena *a, const struct authorization *authorization,
			struct store_fact *ret_fact, struct error *err)
{
	struct authorization ended = *authorization;
	ended.revoked_ms = smart_now(s);
	ended.expires_ms = ended.revoked_ms + REMEMBERED_MS;
	struct str stored = authorization_format(a, &ended, err);
	if (!stored.p)
		return false;
	/* Not quiet: whoever keeps tokens of it in memory looks again. */
	*ret_fact =
		(struct store_fact){.shelf = SHELF, .key = ended.id, .value = stored, .expires_ms = ended.expires_ms};
	return true;
}

bool authorization_doom_id(struct smart *s, struct arena *a, struct str id, struct store_fact *ret_fact,
			   struct error *err)
{
	struct authorization found;
	if (!authorization_find(s, a, id, &found, err))
		return false;
	if (!found.id.p || found.revoked_ms)
		return error_set(err, ERR_NOT_FOUND, "There is no such authorization");
	return authorization_doom(s, a, &found, ret_fact, err);
}

/* ---- for the person and the operator ------------------------------------------------------------------------------
 */

static bool list_add(struct arena *a, const struct store_fact *fact, struct smart_grant *ret_grant, bool *ret_live,
		     struct error *err)
{
	struct authorization one;
	if (!authorization_parse(a, fact->value, &one, err))
		return false;
	*ret_live = !one.revoked_ms;
	*ret_grant = (struct smart_grant){.id = one.id,
					  .client_id = one.client_id,
					  .user = one.user,
					  .fhir_user = one.fhir_user,
					  .patient = one.patient,
					  .encounter = one.encounter,
					  .scopes = one.scope,
					  .issued_ms = one.issued_ms,
					  .used_ms = one.used_ms,
					  .expires_ms = fact->expires_ms,
					  .offline = one.ends_ms && !one.session.p};
	return true;
}

static bool list_from(struct smart *s, struct arena *a, struct str user, struct store_fact **ret_facts,
		      size_t *ret_count, struct error *err)
{
	struct str owner = user.p ? owner_of(a, user) : STR_NULL;
	size_t count = 0;
	if (user.p && !owner.p)
		return error_memory(err);
	if (!store_fact_list(s->options.store, a, SHELF, owner, MOST_LISTED, ret_facts, ret_count, err))
		return false;
	while (count < *ret_count && (!owner.p || str_starts((*ret_facts)[count].key, owner)))
		count++;
	*ret_count = count;
	return true;
}

bool smart_grants_of(struct smart *s, struct arena *a, struct str user, size_t max, struct smart_grant **ret_grants,
		     size_t *ret_count, struct error *err)
{
	struct store_fact *facts;
	size_t fact_count, count = 0;
	if (!list_from(s, a, user, &facts, &fact_count, err))
		return false;
	struct smart_grant *grants = ARENA_ARRAY(a, struct smart_grant, fact_count + 1);
	if (!grants)
		return error_memory(err);
	for (size_t i = 0; i < fact_count && count < max; i++) {
		bool live;
		if (!list_add(a, &facts[i], &grants[count], &live, err))
			return false;
		/* The first half of a digest may be another's. */
		if (live && (!user.p || str_eq(grants[count].user, user)))
			count++;
	}
	*ret_grants = grants;
	*ret_count = count;
	return true;
}

bool smart_grant_revoke(struct smart *s, struct arena *a, struct str id, struct str user, struct error *err)
{
	struct authorization found;
	struct store_fact fact;
	if (str_starts(id, S("t.")) && !user.p)
		return token_revoke_own(s, a, id, err);
	if (!authorization_find(s, a, id, &found, err))
		return false;
	if (!found.id.p || found.revoked_ms || (user.p && !str_eq(found.user, user)))
		return error_set(err, ERR_NOT_FOUND, "There is no such authorization");
	if (!authorization_doom(s, a, &found, &fact, err) || !store_fact_put(s->options.store, &fact, err))
		return false;
	atomic_fetch_add(&s->generation, 1);
	return true;
}

static bool revoke_where(struct smart *s, struct arena *a, struct str user, struct str session, size_t *ret_count,
			 struct error *err)
{
	struct store_fact *facts;
	size_t count;
	*ret_count = 0;
	if (!list_from(s, a, user, &facts, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct authorization one;
		struct error why = {0};
		if (!authorization_parse(a, facts[i].value, &one, err))
			return false;
		if (one.revoked_ms || !str_eq(one.user, user) || (session.p && !str_eq(one.session, session)))
			continue;
		if (smart_grant_revoke(s, a, one.id, user, &why))
			++*ret_count;
		else if (why.code != ERR_NOT_FOUND)
			return error_set(err, why.code, "%s", why.text);
	}
	return true;
}

bool smart_grants_revoke_user(struct smart *s, struct arena *a, struct str user, size_t *ret_count, struct error *err)
{
	return revoke_where(s, a, user, STR_NULL, ret_count, err);
}

bool smart_grants_end_session(struct smart *s, struct arena *a, struct str user, struct str session, size_t *ret_count,
			      struct error *err)
{
	return revoke_where(s, a, user, session, ret_count, err);
}

/* See reseal.h. */
#include "app/reseal.h"

#include <dirent.h>
#include <errno.h>

#include "ehr/login.h"

enum { PAGE = 200, MOST_MEMORY = 64 << 20 };

/* What is sealed: all of a fact's value, or one text in it. What for is part of the seal, so it stands here as the
 * rooms that seal have it. */
static const struct {
	struct str shelf;
	const char *member; /* NULL: all of it */
	const char *purpose; /* before the fact's key */
} sealed_facts[] = {{S("key"), "key", ""},
		    {S("user"), "totp", "totp/"},
		    {S("ehr-login"), NULL, "ehr-login/"},
		    {S("ehr-session"), NULL, "ehr-login/"}};

/* Base64url needs no escapes in JSON, so the sealed text stands in the value as it is. */
static bool replace_text(struct arena *a, struct str value, struct str before, struct str after, struct str *ret_value,
			 struct error *err)
{
	size_t at = str_find(value, before);
	if (at == STR_NONE)
		return error_set(err, ERR_INTERNAL, "A sealed value is not where it was");
	*ret_value = arena_printf(a, "%.*s%.*s%.*s", (int)at, value.p, STR_ARG(after),
				  STR_ARG(str_slice(value, at + before.n, value.n)));
	return ret_value->p || error_memory(err);
}

static bool reseal_fact(struct store *s, const struct vault *v, struct arena *a, size_t kind,
			const struct store_fact *fact, size_t *count, struct error *err)
{
	struct str sealed = str_trim(fact->value), plain, again, value, purpose;
	struct error why = {0};
	if (sealed_facts[kind].member) {
		const struct json *j = json_parse(a, fact->value, 0, err);
		if (!j)
			return false;
		sealed = json_get_str(j, str_from(sealed_facts[kind].member));
	}
	if (!vault_is_sealed(sealed) || !vault_is_stale(v, sealed))
		return true;
	purpose = arena_printf(a, "%s%.*s", sealed_facts[kind].purpose, STR_ARG(fact->key));
	if (!purpose.p)
		return error_memory(err);
	if (!vault_unseal(v, a, purpose, sealed, &plain, err))
		return error_context(err, "%.*s %.*s", STR_ARG(sealed_facts[kind].shelf), STR_ARG(fact->key));
	bool ok = vault_seal(v, a, purpose, plain, &again, err);
	vault_wipe((char *)(uintptr_t)plain.p, plain.n);
	if (!ok || !replace_text(a, fact->value, sealed, again, &value, err))
		return false;
	const struct store_fact fresh = {.shelf = sealed_facts[kind].shelf,
					 .key = fact->key,
					 .value = value,
					 .expected = fact->value,
					 .expires_ms = fact->expires_ms};
	if (store_fact_put(s, &fresh, &why))
		++*count;
	else if (why.code != ERR_CONFLICT)
		return error_set(err, why.code, "%s", why.text);
	return true;
}

static bool reseal_shelf(struct store *s, const struct vault *v, size_t kind, size_t *count, struct error *err)
{
	struct arena a, keep;
	struct str after = STR_NULL;
	struct store_fact *facts;
	size_t found;
	bool ok = true;
	arena_init(&keep, MOST_MEMORY);
	do {
		arena_init(&a, MOST_MEMORY);
		ok = store_fact_list(s, &a, sealed_facts[kind].shelf, after, PAGE, &facts, &found, err);
		for (size_t i = 0; ok && i < found; i++)
			ok = reseal_fact(s, v, &a, kind, &facts[i], count, err);
		after = ok && found ? arena_str(&keep, facts[found - 1].key) : STR_NULL;
		if (ok && found && !after.p)
			ok = error_memory(err);
		arena_done(&a);
	} while (ok && found == PAGE);
	arena_done(&keep);
	return ok;
}

bool reseal_store(struct store *s, const struct vault *v, size_t *ret_count, struct error *err)
{
	*ret_count = 0;
	for (size_t i = 0; i < sizeof(sealed_facts) / sizeof(sealed_facts[0]); i++)
		if (!reseal_shelf(s, v, i, ret_count, err))
			return false;
	return true;
}

/* Under its lease, as whoever renews the tokens does: theirs must not be lost. */
static bool reseal_login(struct ehr_logins *l, struct str name, size_t *count, struct error *err)
{
	enum { WAIT_MS = 30000 };
	struct arena a;
	struct ehr_lease lease;
	struct ehr_login login;
	bool found = false;
	arena_init(&a, 1 << 20);
	bool ok = ehr_logins_lease(l, name, WAIT_MS, &lease, err);
	if (ok) {
		ok = ehr_logins_get(l, &a, name, &login, &found, err) &&
		     (!found || ehr_logins_put(l, &a, name, &login, err));
		ehr_logins_release(l, &lease);
	}
	*count += ok && found;
	arena_done(&a);
	return ok;
}

bool reseal_logins(const struct config *config, const struct vault *v, size_t *ret_count, struct error *err)
{
	struct arena a;
	*ret_count = 0;
	arena_init(&a, 1 << 20);
	struct str directory = arena_printf(&a, "%.*s/logins", STR_ARG(config->data));
	DIR *dir = directory.p ? opendir(directory.p) : NULL;
	if (!dir) {
		arena_done(&a);
		return errno == ENOENT || error_set(err, ERR_IO, "%s", strerror(errno));
	}
	struct ehr_logins *logins =
		ehr_logins_open(&(struct ehr_logins_options){.vault = v, .directory = directory}, err);
	bool ok = logins != NULL;
	for (const struct dirent *e = ok ? readdir(dir) : NULL; ok && e; e = readdir(dir)) {
		struct str name = str_from(e->d_name), ending = S(".login");
		if (name.n > ending.n && str_ends(name, ending))
			ok = reseal_login(logins, arena_str(&a, str_slice(name, 0, name.n - ending.n)), ret_count, err);
	}
	ehr_logins_close(logins);
	closedir(dir);
	arena_done(&a);
	return ok;
}

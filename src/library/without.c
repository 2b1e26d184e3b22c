/*
 * What the EHR client asks of the store and the vault. The library has neither, so that programs which link it need
 * neither databases nor their libraries: these stand in their places. The one login of a handle is in its memory.
 */
#include "library/library_priv.h"
#include "store/store.h"
#include "vault/vault.h"

static bool absent(struct error *err)
{
	return error_set(err, ERR_NOT_SUPPORTED, "The library keeps nothing");
}

bool store_audit(struct store *s, const struct audit_event *events, size_t count, struct error *err)
{
	(void)s, (void)events, (void)count;
	return absent(err);
}

bool store_fact_put(struct store *s, const struct store_fact *fact, struct error *err)
{
	if (!s)
		return absent(err);
	if (!str_eq(fact->shelf, LIBRARY_LOGIN_SHELF))
		return true; /* a lease: a handle is one thread's */
	buf_reset(&s->login);
	buf_add(&s->login, fact->value);
	return buf_ok(&s->login) || error_memory(err);
}

bool store_fact_get(struct store *s, struct arena *a, struct str shelf, struct str key, struct str *ret_value,
		    struct error *err)
{
	(void)key;
	if (!s)
		return absent(err);
	bool there = str_eq(shelf, LIBRARY_LOGIN_SHELF) && s->login.n;
	*ret_value = there ? arena_str(a, buf_str(&s->login)) : STR_NULL;
	return !there || ret_value->p || error_memory(err);
}

bool vault_seal(const struct vault *v, struct arena *a, struct str purpose, struct str plain, struct str *ret_sealed,
		struct error *err)
{
	(void)v, (void)purpose;
	*ret_sealed = arena_str(a, plain); /* it does not leave the process */
	return ret_sealed->p || error_memory(err);
}

bool vault_unseal(const struct vault *v, struct arena *a, struct str purpose, struct str sealed, struct str *ret_plain,
		  struct error *err)
{
	(void)v, (void)purpose;
	*ret_plain = arena_str(a, sealed);
	return ret_plain->p || error_memory(err);
}

void vault_wipe(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
}

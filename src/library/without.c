/*
 * What the EHR client asks of the store and the vault when it is given them. The library never gives it any, so that
 * programs which link it need neither databases nor their libraries: these stand in their places.
 */
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
	(void)s, (void)fact;
	return absent(err);
}

bool store_fact_get(struct store *s, struct arena *a, struct str shelf, struct str key, struct str *ret_value,
		    struct error *err)
{
	(void)s, (void)a, (void)shelf, (void)key, (void)ret_value;
	return absent(err);
}

bool vault_seal(const struct vault *v, struct arena *a, struct str purpose, struct str plain, struct str *ret_sealed,
		struct error *err)
{
	(void)v, (void)a, (void)purpose, (void)plain, (void)ret_sealed;
	return absent(err);
}

bool vault_unseal(const struct vault *v, struct arena *a, struct str purpose, struct str sealed, struct str *ret_plain,
		  struct error *err)
{
	(void)v, (void)a, (void)purpose, (void)sealed, (void)ret_plain;
	return absent(err);
}

void vault_wipe(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
}

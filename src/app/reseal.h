/*
 * Sealing again: what the store and the directory of logins keep sealed, with the key that seals now, so that older
 * keys can be dropped from the file of sealing keys.
 */
#ifndef FIRTH_APP_RESEAL_H
#define FIRTH_APP_RESEAL_H

#include "app/config.h"
#include "vault/vault.h"

/* Every sealed value of a store that another key sealed. ret_count: how many there were. What somebody changes
 * meanwhile was sealed anew by them, or is found by the next time. */
bool reseal_store(struct store *s, const struct vault *v, size_t *ret_count, struct error *err) MUST_USE;
/* Logins at EHRs that are kept in files. */
bool reseal_logins(const struct config *config, const struct vault *v, size_t *ret_count, struct error *err) MUST_USE;

#endif

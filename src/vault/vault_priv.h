/* Shared by the files of the vault. */
#ifndef FIRTH_VAULT_VAULT_PRIV_H
#define FIRTH_VAULT_VAULT_PRIV_H

#include <sodium.h>

#include "vault/vault.h"

/* libsodium made ready, once for the process; any thread, again and again. */
bool vault_ready(struct error *err) MUST_USE;

#endif

/* The keys that seal what is secret at rest: a file of the configuration (seal_key_file), or DATA/seal.key. */
#ifndef FIRTH_APP_SECRETS_H
#define FIRTH_APP_SECRETS_H

#include "app/config.h"
#include "vault/vault.h"

/* Made when absent, with the directory. Processes that share a PostgreSQL store need the same file. */
struct vault *secrets_open(const struct config *config, struct error *err) MUST_USE;

/* The file's name. STR_NULL without memory. */
struct str secrets_path(struct arena *a, const struct config *config);

#endif

/*
 * The registry of EHRs: those of firth.yaml, and those that `firth ehr add` keeps in a file each, DATA/ehrs/NAME.yaml,
 * with the same keys as an entry of `ehrs:`. Both together are what every command knows; a name in both is an error.
 * The files hold no secrets, only places of secrets.
 */
#ifndef FIRTH_APP_REGISTRY_H
#define FIRTH_APP_REGISTRY_H

#include "app/config.h"

/* Adds the registry's EHRs behind those of firth.yaml, by name, with the environment over them. */
bool registry_load(struct config *c, struct arena *a, struct error *err) MUST_USE;
/* Is this one, of c->ehrs, kept in the registry? */
bool registry_has(const struct config *c, const struct ehr_config *ehr);
/* DATA/ehrs/NAME.yaml */
struct str registry_path(const struct config *c, struct arena *a, struct str name);
/* Durable when true, in a directory that is made when absent. */
bool registry_save(const struct config *c, struct arena *a, const struct ehr_config *ehr, struct error *err) MUST_USE;
/* ERR_NOT_FOUND when there is none. */
bool registry_remove(const struct config *c, struct arena *a, struct str name, struct error *err) MUST_USE;

#endif

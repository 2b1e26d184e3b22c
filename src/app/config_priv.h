/* The schema of firth.yaml, shared by the YAML reader and by overrides from flags and the environment. */
#ifndef FIRTH_APP_CONFIG_PRIV_H
#define FIRTH_APP_CONFIG_PRIV_H

#include "app/config.h"

enum config_kind {
	CONFIG_TEXT,
	CONFIG_PATH,
	CONFIG_PORT,
	CONFIG_SWITCH,
	CONFIG_URL,
	CONFIG_SCOPES, /* text, or a list of texts */
	CONFIG_VENDOR,
	CONFIG_EHR_NAME,
	CONFIG_COUNT, /* the three kinds of limits */
	CONFIG_BYTES,
	CONFIG_TIME
};

struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset; /* of the field in the section's struct */
	bool required;
	const char *hint; /* what belongs here */
};

struct config_section {
	const char *name; /* "server", "clients", "ehrs" */
	bool list; /* a list of mappings */
	size_t item_size;
	const char *id; /* the key that items of a list must differ in */
	const struct config_key *keys;
	size_t key_count;
	size_t items_offset, count_offset; /* of the array and its length in struct config */
};

extern const struct config_section config_sections[];
extern const size_t config_section_count;

const struct config_section *config_section_find(struct str name); /* NULL: there is none */
const struct config_key *config_key_find(const struct config_section *section, struct str name);

/* A value into its field. The error text says what is wrong with it, without naming key or place. */
bool config_value(struct arena *a, struct str directory, const struct config_key *key, struct str value, void *item,
		  struct error *err) MUST_USE;

/* A file of the registry, with the keys of one entry of `ehrs:`; it comes after those that are there. */
bool config_parse_ehr(struct config *c, struct arena *a, struct str text, struct str file, struct error *err) MUST_USE;
/* FIRTH_EHR_NAME_KEY of the EHRs from this one on. */
bool config_ehr_environment(struct config *c, struct arena *a, size_t from, struct error *err) MUST_USE;

/* Remembers that a key was given at all, where that matters. */
void config_given(struct config *c, const struct config_key *key);

/* Loads what the file names: the JWKS of clients. */
bool config_load_keys(struct config *c, struct arena *a, struct error *err) MUST_USE;
/* The same for users and the outside provider, with their rules. */
bool config_load_people(struct config *c, struct arena *a, struct error *err) MUST_USE;

#endif

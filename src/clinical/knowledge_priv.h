/* Inside of struct knowledge, for the files of this room that build it and the engines that read it. */
#ifndef FIRTH_CLINICAL_KNOWLEDGE_PRIV_H
#define FIRTH_CLINICAL_KNOWLEDGE_PRIV_H

#include "base/map.h"
#include "clinical/finding.h"
#include "clinical/knowledge.h"
#include "clinical/tsv.h"

enum {
	KNOWLEDGE_INGREDIENTS_MAX = 30000,
	KNOWLEDGE_CLASSES_MAX = 2000,
	KNOWLEDGE_RULES_MAX = 1024, /* with a class on either side */
	KNOWLEDGE_PAIRS_MAX = 1000000, /* of single ingredients */
	KNOWLEDGE_ENTRIES_MAX = 2000000,
	PHRASE_WORDS_MAX = 10,
};

enum code_system { CODE_NONE, CODE_RXNORM, CODE_SNOMED, CODE_NDFRT, CODE_UNII, CODE_ATC, CODE_NDC, CODE_EPIC_ALLERGEN };

/* What a code or phrase means, small: there are tens of thousands. */
struct entry {
	uint32_t from; /* in pool */
	uint32_t source;
	struct str token;
	float mg;
	uint16_t drug_class;
	uint8_t count, kind, route, verified;
	bool product, partial, ambiguous, alone;
};
struct code_slot {
	uint64_t key; /* 0: empty */
	uint32_t entry;
};

/* One side of a rule. */
enum side_kind { SIDE_INGREDIENT, SIDE_CLASS, SIDE_GROUP, SIDE_SAME, SIDE_OTHER };
struct side {
	enum side_kind kind;
	unsigned index;
	struct str token;
};
struct cross_rule {
	struct str id, relation, scope, when, severity, likelihood, reason;
	struct side allergen, target;
	enum level level;
	enum verified verified;
	struct str source;
};
struct interaction_rule {
	struct str id, tier, severity, adjust, local, mechanism, effect, advice;
	struct side a, b;
	enum level level;
	int washout_days;
	struct str washout_of; /* "4493=35,39786=7": days of single ingredients */
	enum verified verified;
	struct str source;
};
struct side_chain {
	uint16_t group, ingredient;
	bool identical;
	bool unique;
	enum verified verified;
};
struct reaction {
	uint64_t snomed;
	struct str display, severity, groups, text;
};
struct pair {
	uint32_t key; /* lower ingredient << 16 | higher */
	uint32_t rule;
};

/* A name under one of its keys; next: one behind the place of the next of that key, 0: none. */
struct near_name {
	struct str name;
	uint32_t entry, next;
};

struct knowledge {
	struct arena *arena;
	struct ingredient *ingredients;
	size_t ingredient_count, ingredient_capacity;
	struct drug_class *classes;
	size_t class_count, class_capacity;
	struct map class_names, source_names, group_names;
	struct str *sources;
	size_t source_count, source_capacity;
	struct str *groups; /* side chains */
	size_t group_count, group_capacity;
	struct entry *entries;
	size_t entry_count, entry_capacity;
	uint16_t *pool;
	size_t pool_count, pool_capacity;
	struct code_slot *codes;
	size_t code_count, code_capacity;
	struct map phrases; /* to entries */
	struct map allergen_phrases; /* what words mean in a list of allergies alone; looked at first there */
	struct map near_keys; /* of names that may be misspelled */
	struct near_name *near;
	size_t near_count, near_capacity;
	struct side_chain *chains;
	size_t chain_count, chain_capacity;
	struct reaction *reactions;
	size_t reaction_count, reaction_capacity;
	struct cross_rule *cross;
	size_t cross_count, cross_capacity;
	struct interaction_rule *rules;
	size_t rule_count, rule_capacity;
	struct pair *pairs; /* sorted */
	size_t pair_count, pair_capacity;
	/* membership while loading: (class, ingredient) */
	struct member {
		uint16_t drug_class, ingredient;
		uint8_t verified;
		uint32_t source;
	} * members;
	size_t member_count, member_capacity;
	struct map rule_names; /* interactions, to their places */
	uint32_t *masked; /* interactions with a class on a side: what each bit of a mask stands for */
	size_t masked_count, masked_capacity;
	/* Which rules an ingredient or class is on which side of, as bits; each has rule_words or cross_words words. */
	uint64_t *rule_a, *rule_b; /* interactions, by ingredient */
	uint64_t *cross_allergen, *cross_target; /* by ingredient */
	uint64_t *class_allergen; /* by class */
	size_t rule_words, cross_words;
	struct str version;
};

/* knowledge_code.c */
uint64_t knowledge_key(enum code_system system, struct str code); /* 0: no such code can be */
enum code_system knowledge_system(struct str system);
bool knowledge_add_code(struct knowledge *k, uint64_t key, uint32_t entry, struct error *err) MUST_USE;
bool knowledge_find(const struct knowledge *k, uint64_t key, uint32_t *ret_entry) MUST_USE;
void knowledge_meaning(const struct knowledge *k, const struct entry *e, struct meaning *ret);
int knowledge_rxcui(const struct knowledge *k, struct str rxcui); /* -1: no ingredient */

/* knowledge_text.c */
struct str phrase_normal(struct arena *a, struct str text); /* STR_NULL without memory */
bool knowledge_add_phrase(struct knowledge *k, struct map *phrases, struct str phrase, uint32_t entry,
			  struct error *err) MUST_USE;

/* knowledge_near.c */
bool knowledge_near_build(struct knowledge *k, struct error *err) MUST_USE;
/* The one meaning that a word of a text has when one of its letters is wrong. */
bool knowledge_near(const struct knowledge *k, struct str word, struct meaning *ret) MUST_USE;

/* knowledge_rules.c: the rule tables, and the masks once everything is there */
bool knowledge_load_cross(struct knowledge *k, struct tsv *t, struct str *f, struct error *err) MUST_USE;
bool knowledge_load_interactions(struct knowledge *k, struct tsv *t, struct str *f, struct error *err) MUST_USE;
bool knowledge_load_chains(struct knowledge *k, struct tsv *t, struct str *f, struct error *err) MUST_USE;
bool knowledge_load_reactions(struct knowledge *k, struct tsv *t, struct str *f, struct error *err) MUST_USE;
bool knowledge_finish(struct knowledge *k, struct error *err) MUST_USE;

/* knowledge.c: of use to the loaders */
bool knowledge_row_error(struct error *err, const struct tsv *t, const char *what);
bool knowledge_grow(struct knowledge *k, void *array_in_out, size_t count, size_t *capacity, size_t size, size_t max,
		    struct error *err) MUST_USE;
enum verified knowledge_verified(struct str text);
struct str knowledge_source(const struct knowledge *k, struct str id); /* the citation; the id when there is none */
#define KNOWLEDGE_EMBEDDED_MAX 16
size_t knowledge_embedded(struct knowledge_table *ret);

#endif

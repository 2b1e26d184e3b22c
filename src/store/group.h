/*
 * A group of transactions as every backend commits it: which resource each change meets, whether its conditions hold
 * against the state as the group has left it so far, the numbers of new versions, and their index rows as bytes.
 * Conditions are checked before anything of a transaction is written; so one that fails needs no savepoint and leaves
 * the others alone. The backend looks resources up and writes what comes out.
 */
#ifndef FIRTH_STORE_GROUP_H
#define FIRTH_STORE_GROUP_H

#include "store/bodies.h"
#include "store/names.h"
#include "store/seek/seek.h"

/* rows.c: index rows as terms. */
struct row_names {
	struct names *names;
	int64_t (*rid)(void *ctx, int64_t type, struct str id, struct error *err); /* 0 with an error */
	void *ctx;
};
/* The terms of a resource into out, which is emptied first. type_number: of its type. */
bool rows_write_terms(const struct row_names *n, const struct fhir_type *type, int64_t type_number,
		      const struct index_row *rows, size_t count, struct buf *out, struct error *err) MUST_USE;
/* The same behind the terms that are there. */
bool rows_add_terms(const struct row_names *n, const struct fhir_type *type, int64_t type_number,
		    const struct index_row *rows, size_t count, struct buf *out, struct error *err) MUST_USE;

/* The same terms, in whatever order? Elements of a resource may have been in another order than they are stored. */
bool rows_same_terms(struct arena *a, struct str one, struct str other, bool *ret_same, struct error *err) MUST_USE;

/* A resource as the group sees it: what the table has plus what transactions before have done. */
struct target {
	struct target *next; /* of those to be written */
	int64_t rid; /* 0: new, no number yet */
	int64_t type;
	struct str id;
	int64_t vid, version, time;
	enum store_op op;
	bool stored; /* has a row in the table */
	bool loaded; /* what the table has is known */
	bool compare; /* group_expect: the hash will be asked for */
	bool hashed; /* hash is that of the current version */
	unsigned char hash[STORED_HASH];
	int64_t patient; /* rid of the Patient of its compartment, 0: none */
	bool listed; /* is in the list to be written */
};

/* A fact as the group sees it. */
struct fact_state {
	struct fact_state *next; /* of those to be looked up, or to be written */
	struct str shelf, key;
	struct str value; /* STR_NULL: absent, or expired */
	int64_t expires;
	bool loaded; /* value and expires are known */
	bool listed; /* is in the list to be written */
};
/* What a fact of the transaction at hand did, to be undone if a later condition does not hold. */
struct fact_effect {
	struct fact_state *state;
	struct str old_value;
	int64_t old_expires;
	bool old_loaded;
};
enum { MOST_TOLD = 32 };
/* The shelves whose watchers are to be told. */
struct told {
	struct str shelves[MOST_TOLD];
	size_t count;
	bool all; /* there are more */
};

/* What is made of a change ahead of the group. */
struct ready {
	struct packed_body body;
	unsigned char hash[STORED_HASH];
};

/* A change that passed its checks, with what to restore if a later one of its transaction does not. */
struct effect {
	struct target *target;
	struct store_change *change;
	const struct ready *ready;
	int64_t vid, version;
	int64_t old_vid, old_version, old_time;
	enum store_op old_op;
	bool old_hashed;
	unsigned char old_hash[STORED_HASH];
};

enum { GROUP_TYPES = 1024 };

struct group {
	/* Fills a target from the table; leaves it alone when there is no row. */
	bool (*load)(void *ctx, struct target *t, struct error *err);
	/* Fills hash and hashed of a target that is stored. */
	bool (*load_hash)(void *ctx, struct target *t, struct error *err);
	/* Fills value, expires and loaded from the table. */
	bool (*load_fact)(void *ctx, struct fact_state *f, struct error *err);
	void *ctx;
	struct arena *a; /* of the group */
	struct names *names;
	struct cache *resources; /* rids met lately, kept from group to group */
	struct buf *terms;
	const struct compartment *patients; /* NULL: rows need not know whose they are */
	int64_t last_vid, last_rid; /* the numbers given last */
	int64_t time;
	struct map targets;
	struct target *written; /* the list to be written */
	struct target *unloaded; /* of group_expect, until the backend has loaded them */
	struct effect *effects; /* of the transaction at hand */
	size_t effect_count, effect_capacity;
	int64_t tallies[GROUP_TYPES]; /* change of the number of current resources, by type */
	struct map facts;
	struct fact_state *facts_written; /* the list to be written: without value to be removed */
	struct fact_state *facts_unloaded; /* of group_expect */
	struct fact_effect *fact_effects; /* of the transaction at hand */
	size_t fact_effect_count, fact_effect_capacity;
	size_t facts_put; /* written facts so far */
	struct told told;
};

void group_init(struct group *g);
void group_done(struct group *g);
/* On the submitting thread: packs and hashes the bodies of a transaction into item->memory. samples may be NULL. */
bool group_pack(struct bodies *bodies, struct samples *samples, _Atomic bool *sampled, struct item *item,
		struct error *err) MUST_USE;
/* Puts every resource that a transaction changes or refers to, and every fact that it has to know, on the lists of
 * unloaded ones, unless it is known. For backends that look up many at once. */
bool group_expect(struct group *g, const struct store_txn *txn, struct error *err) MUST_USE;
/* The same for what added rows refer to. */
bool group_expect_added(struct group *g, const struct store_adding *adding, struct error *err) MUST_USE;
/* Checks all facts and changes of a transaction and numbers the changes: effects, and what they touch on the lists to
 * be written. Its own failure goes to item->err and leaves no effect; one of the store to err. Guards are the
 * backend's, beforehand. */
bool group_check(struct group *g, struct item *item, struct error *err) MUST_USE;
/* facts.c: the parts of the above for facts. */
bool facts_expect(struct group *g, const struct store_txn *txn, struct error *err) MUST_USE;
bool facts_check(struct group *g, struct item *item, struct error *err) MUST_USE;
void facts_undo(struct group *g);
/* After the changes were checked: counts up the revision if one of them is of the type that has one. */
bool facts_revise(struct group *g, struct error *err) MUST_USE;
/* Puts what the transaction did on the list to be written. */
void facts_keep(struct group *g, const struct store_txn *txn);
/* Within the limits of a fact? ERR_LIMIT. */
bool fact_allowed(const struct store_fact *fact, struct error *err) MUST_USE;
/* Fills a state from a row of the table; a value is copied into the group's arena. */
bool fact_loaded(struct group *g, struct fact_state *f, struct str value, int64_t expires, struct error *err) MUST_USE;

/* The index rows of a new version, into g->terms. New resources that it refers to join the list to be written. */
bool group_terms(struct group *g, const struct effect *e, struct error *err) MUST_USE;
/* added.c: the terms of a version with the rows of parameters that came later. */
struct added_terms {
	struct buf terms; /* all of them */
	struct buf dropped; /* those of the parameters that it had before */
	struct str added; /* the new ones: the end of terms */
	int64_t type, *numbers;
	size_t number_count;
};
/* Of one struct store_adding; always followed by group_added_end(). */
bool group_added_begin(struct group *g, const struct store_adding *adding, struct added_terms *x,
		       struct error *err) MUST_USE;
/* *ret_changed: is it anything else than what the version has? */
bool group_added_terms(struct group *g, const struct store_adding *adding, const struct store_rows *version,
		       struct str terms, struct added_terms *x, bool *ret_changed, struct error *err) MUST_USE;
void group_added_end(struct added_terms *x);
/* The rid behind a reference, of struct row_names; ctx is the group. */
int64_t group_reference(void *ctx, int64_t type, struct str id, struct error *err);
/* The rid of the Patient in whose compartment a change is, 0 for none. */
bool group_patient(struct group *g, const struct effect *e, int64_t *ret_rid, struct error *err) MUST_USE;
/* Counts what an effect makes of the number of current resources. */
void group_tally(struct group *g, const struct effect *e);
/* An audit event of a transaction, with id and version of the change that it tells of. */
struct audit_event group_event(const struct store_txn *txn, size_t i);
/* Takes the list to be written, in order of type and id. A target without row (stored is false) needs a new one: the
 * backend sets stored. NULL without memory. */
struct target **group_targets(struct group *g, size_t *ret_count);

#endif

/*
 * The committing thread of a process: its connection, what it knows from group to group, and rows gathered for sending.
 */
#ifndef FIRTH_STORE_POSTGRES_WRITER_H
#define FIRTH_STORE_POSTGRES_WRITER_H

#include "store/group.h"
#include "store/postgres/postgres_priv.h"

struct writer {
	struct pg pg;
	struct names names;
	struct cache resources;
	/* This process among the writers, and the number of its last group: what a lost answer is found out by. */
	unsigned char id[16];
	int64_t number;
	struct buf terms, hashed;
	struct arena scratch; /* of one group */
	uint64_t facts_written;
	struct pg_rows facts, facts_put, facts_dropped, targets, resources_new, resources_set, versions, died, past,
		bodies, audit, tallies;
};

struct writer *pg_writer_new(struct error *err);
void pg_writer_free(struct writer *w);
/* Has a connection, making one when there is none or it broke. */
bool pg_writer_connect(struct pg_store *s, struct error *err) MUST_USE;
/* The same, and nobody else has the store open for writing: from now on until it is closed. */
bool pg_writer_alone(struct pg_store *s, struct error *err) MUST_USE;
/* vacuum.c: a number in the table of what keeping has done. */
bool pg_kept_set(struct pg *c, struct str key, int64_t value, struct error *err) MUST_USE;
/* After a failure: the connection has no transaction open, or is lost. */
void pg_writer_roll_back(struct writer *w);
/* Forgets what was interned and gathered: after a group that was not kept. */
void pg_writer_forget(struct writer *w);

/* group.c */
bool pg_group_prepare(void *b, struct item *item, struct error *err);
void pg_group_commit(void *b, struct item *items);
bool pg_group_settle(void *b);

/* purge.c: inside a group, all rows of which up to here were sent. */
bool pg_purge_past(struct pg_store *s, struct pg *c, int64_t rid, struct error *err) MUST_USE;

/* added.c: inside a group, all versions of which up to here were sent. */
bool pg_rows_add(struct writer *w, struct group *g, struct store_adding *what, struct error *err) MUST_USE;

/* facts.c, inside a group: the facts to be looked up, sent, and in the same order as a list of which the answer is then
 * taken (there is none for none of them); one of them; and what the group made of them, with a notice to other
 * processes. */
bool pg_facts_send_unloaded(struct writer *w, struct group *g, struct fact_state ***ret_list, int64_t *ret_count,
			    struct error *err) MUST_USE;
bool pg_facts_take(struct writer *w, struct group *g, struct fact_state *const *list, int64_t count,
		   struct error *err) MUST_USE;
bool pg_fact_load(struct writer *w, struct group *g, struct fact_state *f, struct error *err) MUST_USE;
bool pg_facts_send(struct writer *w, struct group *g, struct error *err) MUST_USE;

/* keeper.c: a thread with a connection of its own that makes index rows of what was committed, and trains the first
 * dictionary. */
bool pg_keeper_start(struct pg_store *s, bool bulk, struct error *err) MUST_USE;
void pg_keeper_stop(struct pg_store *s);
/* After each commit, from the committing thread: waits when the index rows have fallen far behind. */
void pg_keeper_note(struct pg_store *s, int64_t last_vid);
/* The trained dictionary that is not written yet, STR_NULL: none. */
struct str pg_keeper_dictionary(struct pg_store *s);
void pg_keeper_dictionary_written(struct pg_store *s);

#endif

/*
 * The index of words: which versions have a word in any of their texts. It is made behind the commits, a stretch of
 * versions at a time, from their bodies: for each word that occurs, one row with the vids of the stretch. So it costs
 * writers nothing, and a row for many versions instead of one for each. Versions behind the last stretch are looked at
 * one by one when texts are searched, as all were without this index.
 *
 * Rows stay as they are when their versions die. A row may be there twice, and before its stretch is finished.
 */
#ifndef FIRTH_STORE_WORDS_H
#define FIRTH_STORE_WORDS_H

#include "store/seek/seek.h"

enum {
	WORDS_LAG = 1000, /* so many versions may wait */
	WORDS_STRETCH = 16000, /* so many are done at once, at most */
	WORDS_BUSY = 200, /* versions since the last look that mean that it is no time for this */
	WORDS_PAUSE_MS = 200, /* between looks */
	WORDS_ROWS = 1000, /* rows in one commit */
	WORDS_KEY = 2 + SEARCH_WORD_KEY
};

struct words_row {
	struct str key; /* words_key() */
	int64_t low, high; /* the first and last vid */
	struct str vids; /* words_next() */
};

/* The number of a type and a key of search_word_key(), so that those of one type stand together in their order. */
struct str words_key(int64_t type, struct str word, char buffer[WORDS_KEY]);
/* Takes the next vid off a row's, the first after `before` 0. False at the end or when they make no sense. */
bool words_next(struct str *vids, int64_t before, int64_t *ret_vid);
/* Adds the vids of a row. */
bool words_take(struct str vids, struct seek_numbers *out, struct error *err) MUST_USE;
/* The vids of a row but one, by whose words nothing must be found any more: into a. STR_NULL: none is left. False
 * without memory. */
bool words_without(struct arena *a, struct str vids, int64_t vid, struct str *ret_vids) MUST_USE;

/* ---- making rows of a stretch ----------------------------------------------------------------------------------- */

struct words_builder;
struct words_builder *words_builder_new(struct error *err) MUST_USE;
void words_builder_free(struct words_builder *b);
/* In the order of vids. A body that is no JSON has no words. */
bool words_builder_add(struct words_builder *b, int64_t type, int64_t vid, struct str body, struct error *err) MUST_USE;
/* All rows in the order of their keys; they live as long as the builder. */
bool words_builder_rows(struct words_builder *b, struct words_row **ret_rows, size_t *ret_count,
			struct error *err) MUST_USE;
/* For checks. read adds the bodies of the versions behind `from` up to `to`. get gives for each of some rows the vids
 * of those rows of the index that share its key and reach into its vids, in any order. */
struct words_source {
	bool (*read)(void *ctx, int64_t from, int64_t to, struct words_builder *b, struct error *err);
	bool (*get)(void *ctx, const struct words_row *rows, size_t count, struct seek_numbers *out, struct error *err);
	void *ctx;
};
/* Has the index the words of all versions up to that one? What it lacks is a finding. */
bool words_check(const struct words_source *source, int64_t worded, const struct store_keeping *k,
		 struct store_kept *kept, struct error *err) MUST_USE;
/* The keys of one body, each once, in a. */
bool words_of_body(struct arena *a, int64_t type, struct str body, struct str **ret_keys, size_t *ret_count,
		   struct error *err) MUST_USE;

/* ---- the thread ------------------------------------------------------------------------------------------------- */

/* Does a stretch now and then, when nothing else is to be done. */
struct words_thread;
struct words_thread *words_thread_start(const struct store_backend *backend, void *data, struct error *err) MUST_USE;
/* NULL is nothing. */
void words_thread_stop(struct words_thread *t);

#endif

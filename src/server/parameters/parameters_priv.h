/* What the files of the room share: sets with what is known of each SearchParameter, and the run that indexes. */
#ifndef FIRTH_SERVER_PARAMETERS_PRIV_H
#define FIRTH_SERVER_PARAMETERS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/parameters/parameters.h"

#define PARAMETERS_SHELF S("search-parameter")

/* A SearchParameter resource of the store. */
struct known {
	struct str id, url, code;
	struct str meaning; /* a digest of what its rows depend on */
	enum parameter_standing standing;
	struct str why; /* PARAMETER_REFUSED */
	uint64_t since; /* the generation from which on every set has had it */
	const struct json *resource;
};

struct set {
	struct parameter_set shown; /* comes first */
	uint64_t generation; /* of the store's SearchParameters, as counted by `wanted` */
	unsigned users; /* under the lock */
	struct arena arena;
	struct search_registry *all, *served; /* NULL: those of the definitions alone */
	struct extractor *extractor;
	struct known *known; /* by id */
	size_t known_count;
};

struct parameters {
	struct parameters_options o;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct set *current;
	size_t retired; /* older sets that are still used */
	bool closing, started;
	int64_t done, total; /* of the run; total -1: none */
	char trouble[256]; /* why the run does not go on at the moment */
	bool watching;
	char self[40]; /* this process among those that index */
	atomic_uint_fast64_t wanted; /* counts changes of the store's SearchParameters */
	pthread_mutex_t loading;
	pthread_t thread;
};

/* load.c */
/* Under `loading`. */
struct set *set_load(struct parameters *p, uint64_t generation, struct error *err);
void set_free(struct set *s);
const struct known *set_find(const struct set *s, struct str id);
/* Digest of a resource as text in a. STR_NULL without memory. */
struct str known_meaning(struct arena *a, const struct json *resource);
/* All resources of a type, page by page; more tells the position of the next. */
bool store_page_of(struct parameters *p, struct arena *a, const struct fhir_type *type, int64_t count,
		   struct str position, struct store_page *ret_page, struct error *err) MUST_USE;

/* facts.c: lists of parameters as facts of the store, each with its meaning. */
enum list { LIST_INDEXED, LIST_RUNNING };
bool list_get(struct parameters *p, struct arena *a, enum list list, struct str *ret_text, struct error *err) MUST_USE;
bool list_has(struct str text, const struct known *k);
/* Drops from the lists what the set does not have, before anything is written by that set. */
bool lists_prune(struct parameters *p, struct set *s, struct error *err) MUST_USE;
/* Begins a run of what is open in the set: LIST_RUNNING says what that is, ret_running is its text in a; where an
 * earlier run was is forgotten. */
bool list_start(struct parameters *p, const struct set *s, struct arena *a, struct str *ret_running,
		struct error *err) MUST_USE;
/* What is open in the set, and has been in every set since, is indexed, and the run is over. ERR_CONFLICT when the run
 * of that text is not the one that is remembered: STR_NULL: no run. */
bool set_mark(struct parameters *p, const struct set *s, struct str running, struct error *err) MUST_USE;
/* One process indexes at a time, for as long as it goes on renewing that. *ret_ours: it is us. */
bool lease_take(struct parameters *p, bool *ret_ours, struct error *err) MUST_USE;
void lease_drop(struct parameters *p);
/* Where the run is: a type, and a position in it. */
struct run_place {
	struct str type, position; /* STR_NULL: at the start */
	int64_t done, total;
};
/* How far the run is, of whichever process; total -1 when there is none. */
void progress_of(struct parameters *p, struct arena *a, int64_t *ret_done, int64_t *ret_total);
/* Renews the lease as well; ERR_CONFLICT when another process has taken over. */
bool place_put(struct parameters *p, struct arena *a, const struct run_place *place, struct error *err) MUST_USE;
/* type STR_NULL when there is none. */
bool place_get(struct parameters *p, struct arena *a, struct run_place *ret_place, struct error *err) MUST_USE;

/* run.c: the thread. */
void *parameters_run(void *ctx);

#endif

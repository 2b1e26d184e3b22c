/*
 * The check of a store as every backend makes it: a version against its neighbours, its body, its hash, its terms and
 * the index rows that they give. The backend leads from resources to their versions and looks rows up.
 */
#ifndef FIRTH_STORE_CHECK_H
#define FIRTH_STORE_CHECK_H

#include "store/group.h"

/* A body that was unpacked, parsed and extracted. problem: what is wrong instead, as the end of a sentence. */
struct opened_body {
	const char *problem;
	struct str stored; /* in the buffer given */
	const struct json *json; /* in the arena, like the rows */
	struct index_rows rows;
};
/* The dictionary that it needs is known. False only without memory. */
bool check_open_body(struct bodies *bodies, ZSTD_DCtx *unpacker, struct buf *buffer, const struct store_keeping *k,
		     struct arena *a, struct packed_body packed, struct opened_body *ret_body,
		     struct error *err) MUST_USE;

enum {
	CHECK_TYPES = 1024,
	CHECK_PARAMS = 1 << 16,
	CHECK_NO_NAME = 1 << 30 /* a number that nothing has: for names that are not stored */
};

/* A resource and the version at hand. */
struct check_place {
	int64_t rid, type_number;
	const struct fhir_type *type;
	struct str id;
	int64_t version, vid, next_vid; /* next_vid 0: it is the current one */
	int64_t last_time; /* of the version before */
};

/* What is kept of a version. */
struct checked_version {
	int64_t rid, type_number, version, time;
	int64_t died; /* 0: current */
	bool deleted;
	struct str terms, hash;
	struct packed_body packed;
};

struct checking {
	const struct store_keeping *k;
	struct store_kept *kept;
	struct arena arena; /* of one version */
	struct names names;
	struct row_names row_names;
	struct buf terms, own;
	signed char is_own[CHECK_PARAMS]; /* parameters by number: 1 of the definitions, -1 added, 0 not known yet */
	int64_t indexed, vacuumed, bodies;
	int64_t rows[TABLE_COUNT]; /* that should be in the index tables up to indexed */
	int64_t counts[CHECK_TYPES]; /* current resources by type */
	bool (*open_body)(void *ctx, struct packed_body packed, struct opened_body *ret_body, struct error *err);
	/* Looks the rows of a version up, and counts in rows those that should be there. may_lack: of a version that
	 * was vacuumed; only those that are there count, except the first one. */
	bool (*look)(void *ctx, const struct check_place *p, const struct seek_row *rows, size_t count, bool may_lack,
		     struct error *err);
	/* The name of a parameter by its number, into the arena; STR_NULL when it has none. */
	bool (*param_name)(void *ctx, int64_t param, struct str *ret_name, struct error *err);
	void *ctx; /* of these */
};

bool checking_init(struct checking *c, names_intern *look_up,
		   int64_t (*rid)(void *ctx, int64_t type, struct str id, struct error *err), void *ctx,
		   struct error *err) MUST_USE;
void checking_done(struct checking *c);
void checking_found(struct checking *c, const struct check_place *p, const char *what);
/* The version at p->vid against its place. The arena is emptied by the caller, before what is in v. */
bool checking_version(struct checking *c, struct check_place *p, const struct checked_version *v,
		      struct error *err) MUST_USE;
/* A row count against what should be there; a type's count of current resources. */
void checking_total(struct checking *c, const char *table, int64_t there, int64_t expected);
void checking_type(struct checking *c, int64_t number, struct str name, int64_t count);
/* Facts: all of them, those that nobody can have put, and those with a time of expiry by the table and by its index. */
struct checked_facts {
	int64_t count, odd, expiring, indexed;
};
void checking_facts(struct checking *c, const struct checked_facts *f);

#endif

/* What the store's tests share: a store in a directory of its own, and short ways to write and read. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/resource.h"
#include "store/store_priv.h"

struct fixture {
	char directory[64], location[80], file[96], tenant[40];
	bool postgres; /* FIRTH_TEST_POSTGRES names a database: the store lies there */
	const struct definitions *definitions;
	struct extractor *extractor;
	struct store *store;
	struct arena arena; /* of one test */
};

struct store_options fixture_options(const struct fixture *f);
/* cmocka's setup and teardown of one test: an empty store. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Closes the store and opens it again. */
void fixture_reopen(struct fixture *f);
/* Meddles with the rows behind the store's back; something must have been changed. */
void fixture_sql(struct fixture *f, const char *sql);
/* A number straight from the tables. */
int64_t fixture_number(struct fixture *f, const char *sql);
/* A connection of its own to the database; PQfinish() it. */
struct pg_conn *fixture_connection(struct fixture *f);
void remove_tree(const char *path);

const struct fhir_type *type_named(const struct fixture *f, const char *name);
/* A change that holds this resource; NULL text for a deletion of TYPE/ID. Everything lies in the arena. */
struct store_change change_of(struct fixture *f, struct arena *a, enum store_op op, const char *json);
struct store_change deletion_of(struct fixture *f, const char *type, const char *id);
/* Commits one change; the error code it ended with. */
enum error_code commit_change(struct fixture *f, struct store_change *change);
/* Shorthand: update of this resource, which must succeed; gives the version. */
int64_t put(struct fixture *f, const char *json);
/* The body as served, or the error code's name. */
const char *get(struct fixture *f, const char *type, const char *id, int64_t version);

#endif

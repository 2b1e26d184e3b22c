/* A validator over R4 and a few small definitions, and checks of all findings of a resource at once. */
#ifndef FIRTH_TEST_VALIDATE_FIXTURE_H
#define FIRTH_TEST_VALIDATE_FIXTURE_H

#include "validate/validate.h"

struct fixture {
	struct canonicals *canonicals;
	struct terminology *terminology;
	struct validator *validator;
};

/* definitions: JSON texts of canonical resources, NULL at the end. */
void fixture_open(struct fixture *f, const char *const *definitions);
void fixture_close(struct fixture *f);

struct fixture_case {
	const char *resource; /* JSON with ' for ", or XML */
	const char *profile; /* canonical, or NULL */
	/* Errors and warnings as "severity location rule", one a line, in their order; "" when there are none. */
	const char *expected;
};
/* Fails the test with what was found when it differs. options may be NULL. */
void fixture_check(const struct fixture *f, const struct fixture_case *c, const struct validation_options *options);

/* A test of the name that checks all cases of a table. */
#define FIXTURE_TABLE(name, table)                                                                                     \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)                                          \
			fixture_check(*state, &table[i], NULL);                                                        \
	}
/* Setup and teardown of a group of tests: open_fixture() over the definitions, fixture_close_group(). */
#define FIXTURE_OPEN(definitions)                                                                                      \
	static int open_fixture(void **state)                                                                          \
	{                                                                                                              \
		static struct fixture f;                                                                               \
		fixture_open(&f, definitions);                                                                         \
		*state = &f;                                                                                           \
		return 0;                                                                                              \
	}
int fixture_close_group(void **state);

#endif

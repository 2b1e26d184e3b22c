/*
 * Provoking refusals: what the files of this test share. Each reason is provoked by a request, and what `firth why`
 * then finds is looked at as well.
 */
#ifndef FIRTH_TESTS_AUTH_REFUSALS_H
#define FIRTH_TESTS_AUTH_REFUSALS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>

#include "place.h"

extern struct place *p; /* open */

/* The answer names the code, has the status of the table (or 400 at OAuth's endpoints), and tells what to do; the
 * decision is kept under the id of the request. */
void refusal_expect(enum refusal want, const struct place_answer *answer);
/* The same of a page for a person. */
void refusal_expect_page(enum refusal want, const struct place_answer *answer);
/* The caller is told that there is nothing; the decision that was kept knows better. */
void refusal_expect_concealed(enum refusal want, const struct place_answer *answer);
/* An error of a function, where there is no answer. */
void refusal_expect_error(enum refusal want, const struct error *err);
/* In the store of another server. */
struct str refusal_expect_kept(enum refusal want, struct store *store, struct str request_id);
/* An address of this machine that is not its loopback: a peer at it is somewhere else for all that the server knows. */
bool network_address(char ret_text[INET_ADDRSTRLEN]);
/* Before any thread: without such an address, a network of this process alone with 192.0.2.1 (RFC 5737). Nothing where
 * the system does not allow it. */
void network_widen(void);
/* It cannot be provoked on this machine. */
void refusal_skip(enum refusal refusal);
/* Was it provoked? */
bool refusal_seen(enum refusal refusal);

/* A form to a path of server 0. */
void refusal_post(enum refusal want, const char *path, struct str form, struct str authorization);

/* The scenarios, by whom they are about. */
void refusals_of_pages(void **state);
void refusals_of_providers(void **state);
void refusals_of_silent_requests(void **state);
void refusals_of_access(void **state);
void refusals_of_breaking_glass(void **state);
void refusals_of_strangers(void **state);
void refusals_of_the_operators_door(void **state);
void refusals_of_foreign_tokens(void **state);
void refusals_of_calling_ehrs(void **state);

#endif

/*
 * A crooked EHR: a server on loopback that answers what a case says, byte for byte, and otherwise what a healthy one
 * would. One request a connection.
 */
#ifndef FIRTH_TESTS_DOCTOR_CROOKED_H
#define FIRTH_TESTS_DOCTOR_CROOKED_H

#include "base/str.h"

struct crooked_answer {
	const char *path; /* what the path and query must hold; NULL ends the list */
	int status;
	const char *type, *body; /* %s in the body: the server's own address */
	const char *header; /* "Location: ...", whole; NULL: none */
};
struct crooked;
struct crooked *crooked_start(void);
/* answers: over the healthy ones, first match wins; must live until the next. Keys are among them: there are none. */
void crooked_set(struct crooked *c, const struct crooked_answer *answers, long date_off_s);
void crooked_stop(struct crooked *c);
int crooked_port(const struct crooked *c);

#endif

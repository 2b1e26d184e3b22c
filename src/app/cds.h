/*
 * What the commands around CDS services share: one service to call, what it said, and how that is shown. The client's
 * token for services (a JWT that its key signs) is made for each call; secrets come from files that only their owner
 * may read, or from the environment.
 */
#ifndef FIRTH_APP_CDS_H
#define FIRTH_APP_CDS_H

#include "app/app.h"
#include "hooks/answer.h"
#include "hooks/client.h"
#include "hooks/request.h"
#include "http/client.h"
#include "jose/jose.h"

enum { CDS_ANSWER_MAX = 16 << 20, CDS_REQUEST_MAX = 64 << 20 };

/* How we prove ourselves to a service; zero: not at all. */
struct cds_caller_options {
	struct str key, issuer, jku; /* file with a private JWK or PEM; iss; where its public half is */
	int64_t timeout_ms;
};
#define CDS_OPTIONS(o)                                                                                                 \
	{                                                                                                              \
		"jwt-key", OPTION_TEXT, "FILE", "private key (JWK or PEM) that signs a token for the service",         \
		&(o).key,  NULL},                                                                                      \
		{"jwt-issuer", OPTION_TEXT, "URL", "its iss: who calls", &(o).issuer, NULL},                           \
		{"jwt-jku", OPTION_TEXT, "URL", "its jku: where the public key is", &(o).jku, NULL},                   \
	{                                                                                                              \
		"timeout", OPTION_TIME, "TIME", "give a call up after this (default 10s)", &(o).timeout_ms, NULL       \
	}

struct cds_caller {
	struct app *app;
	struct cds_caller_options o;
	struct hook_address at;
	struct http_client *http;
	struct jose_key *key;
};
bool cds_connect(struct cds_caller *c, struct app *app, const struct cds_caller_options *o, struct str url,
		 struct error *err) MUST_USE;
void cds_disconnect(struct cds_caller *c);

/* A call and what came of it; texts in the arena it was made with. */
struct cds_exchange {
	struct str method, url, request; /* request STR_NULL: none */
	struct judge_reply reply;
	struct str text; /* of the answer */
	struct judgement *judged;
};
/* Never fails for what the other side did: that is in the reply. ERR_MEMORY, ERR_KEY. */
bool cds_exchange(struct cds_caller *c, struct arena *a, struct str method, struct str url, struct str body,
		  struct cds_exchange *ret_exchange, struct error *err) MUST_USE;
/* BASE/cds-services/ID, with "/feedback" behind it when asked for. */
struct str cds_service_url(struct arena *a, const struct cds_caller *c, struct str id, bool feedback);
/* The content of a file that only its owner may read. */
bool cds_secret_read(struct arena *a, struct str path, struct str *ret_text, struct error *err) MUST_USE;

/* ---- showing ----------------------------------------------------------------------------------------------------- */

void cds_print_findings(const struct app *app, const struct judgement *j);
/* "200 after 12 ms", or why there is none. */
void cds_print_reply(const struct app *app, const struct cds_exchange *x);
/* {"url","request"?,"status","milliseconds","failure"?,"answer"|"text"} members of an object that is open. */
void cds_write_exchange(struct json_writer *w, const struct cds_exchange *x, bool request);
/* Each card with its number, 1 and so on; suggestions "1.2". */
void cds_print_cards(const struct app *app, const struct json *answer);
/* Indented, for people. */
bool cds_print_request(const struct app *app, const struct cds_exchange *x, struct error *err) MUST_USE;
/* Text of the other side on a terminal: one line, without what would act on it. */
void cds_add_text(struct buf *out, struct str text, size_t max);
unsigned cds_terminal_width(void);

#endif

/* Heads of requests, for the gate and for what tests it without a network. */
#ifndef FIRTH_HTTP_HEAD_PRIV_H
#define FIRTH_HTTP_HEAD_PRIV_H

#include "base/error.h"
#include "base/str.h"

enum head_state {
	HEAD_PARTIAL, /* more must come */
	HEAD_GOOD, /* libmicrohttpd will take it */
	HEAD_BAD /* err says why: ERR_VALUE, ERR_HTTP_VERSION, ERR_URI_TOO_LONG, ERR_HEADER_TOO_LONG */
};
/* What is known of a request even if it is bad. Parts of the text. */
struct head {
	struct str method, target; /* STR_NULL: not known; a target may be cut off */
};
/* Looks at what a connection has sent so far (RFC 9112 sections 2 to 6). room: what libmicrohttpd has for the head, its
 * own notes about it and the answer's head. */
enum head_state head_look(struct str text, size_t room, struct head *ret_head, struct error *err);

#endif

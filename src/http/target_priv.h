/* Request targets, for the server and for what tests it without a network. */
#ifndef FIRTH_HTTP_TARGET_PRIV_H
#define FIRTH_HTTP_TARGET_PRIV_H

#include "base/arena.h"
#include "base/error.h"

/* Without the scheme and host of the absolute form. */
struct str target_origin_form(struct str target);
/* Splits and decodes a request target (RFC 9112 section 3.2). */
bool target_parse(struct arena *a, struct str target, struct str *ret_path, struct str *ret_query,
		  struct error *err) MUST_USE;

/* 1 to 32 letters and hyphens, like every registered method; what else is a token is not worth repeating in answers. */
bool method_valid(struct str method);

#endif

/* The frame of a sandbox's own pages: the launch simulator's look, on top of the sign-in pages'. Without script. */
#ifndef FIRTH_SANDBOX_SHEET_PRIV_H
#define FIRTH_SANDBOX_SHEET_PRIV_H

#include "http/server.h"

struct sheet {
	const char *title, *brand, *note; /* note: on the right of the head */
	const char *here; /* path of the page among those of a sandbox; NULL: no links to the others */
	bool again; /* loads itself anew every two seconds */
};
/* Begins a page in a buffer that sheet_send() takes. */
void sheet_begin(struct buf *out, const struct sheet *sheet);
void sheet_send(struct http_exchange *x, int status, struct buf *out);
/* Was the form that came sent by a page of this server? */
bool sheet_is_ours(const struct http_exchange *x, struct str base_url);
/* A field of a form that was sent, trimmed; STR_NULL when it is not there or empty. */
struct str sheet_value(struct arena *a, struct str form, const char *name);
/* Any answer with the headers of these pages; location STR_NULL: none. */
void sheet_respond(struct http_exchange *x, int status, struct str type, struct str location, struct buf *body);
/* <div class="field"> with a label and an input; and the beginning of one with a select. */
void sheet_text(struct buf *out, const char *name, const char *label, struct str value, size_t max);
void sheet_area(struct buf *out, const char *name, const char *label, const char *hint, struct str value);
void sheet_select(struct buf *out, const char *name, const char *label);
void sheet_option(struct buf *out, struct str value, struct str chosen, struct str text);

#endif

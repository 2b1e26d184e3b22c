/*
 * Reading JSON that is not quite JSON. A parser stops at the first fault; somebody who repairs a file wants to see all
 * of them, and what the rest of the resource is worth. This reader names each fault with its place and reads on where
 * it is clear what was meant: comments, commas that are missing or too many, duplicate keys, control characters, wrong
 * escapes, quotes that are missing. Pure; any thread.
 */
#ifndef FIRTH_VALIDATE_JSON_FORM_H
#define FIRTH_VALIDATE_JSON_FORM_H

#include "fhir/resource.h"

struct json_form_options {
	bool allow_comments; /* take comments without a word */
};

/* The tree of a text. Sound JSON gives no finding and costs no more than json_parse. Otherwise each fault becomes an
 * ERR_JSON (or ERR_UTF8, ERR_LIMIT) finding with line, column, path and rule "json"; when nothing could be made of the
 * text the last of them is fatal and the answer NULL. err is set only when memory ran out. */
const struct json *json_form_read(struct arena *a, struct str text, const struct json_form_options *options,
				  struct issues *findings, struct error *err) MUST_USE;

#endif

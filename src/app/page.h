/*
 * The page on which a clinic finds a patient: a form, and a table of who was found. It is plain HTML written by the
 * server, with no script at all. Names travel in POST bodies only, so they never land in URLs, histories or logs.
 */
#ifndef FIRTH_APP_PAGE_H
#define FIRTH_APP_PAGE_H

#include "app/config.h"
#include "http/server.h"
#include "store/store.h"

struct page {
	const struct config *config;
	const struct definitions *definitions;
	struct store *store;
	struct str refusal; /* why the page is not shown, STR_NULL: it is */
};

/* Answers "/", "/patients" and "/page.css" (true), and leaves everything else alone (false). */
bool page_handle(const struct page *p, struct http_exchange *x);

/* Is this one of the page's addresses? */
bool page_has(struct str path);

#endif

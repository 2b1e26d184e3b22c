/*
 * Inside the REST room: the server, how a call runs, and what the files of the room offer each other.
 *
 * A call is answered in one of two ways. Handlers of reading interactions fill a struct rest_answer at once, on the
 * HTTP thread. Handlers of writes prepare a store transaction; the committing thread then answers, so no HTTP thread
 * waits for the disk. Both kinds also serve entries of batches, which is why handlers know nothing of the exchange.
 */
#ifndef FIRTH_SERVER_REST_REST_PRIV_H
#define FIRTH_SERVER_REST_REST_PRIV_H

#include "server/rest/rest.h"

#define REST_MAX_RESOURCE ((size_t)64 << 20) /* stored form of one resource */
#define REST_MAX_ANSWER	  ((size_t)1 << 30)
#define REST_MAX_ENTRIES  100000 /* of a batch or transaction */

struct rest_server {
	struct rest_options o; /* texts in arena */
	struct arena arena;
	struct str cursor_key; /* 32 bytes, kept in the store */
	struct str capability; /* JSON, made once */
	struct str smart_configuration;
	int64_t started_ms;
};

/* ---- route.c ------------------------------------------------------------------------------------------------------
 */

struct interaction {
	const char *name, *method, *path, *code;
	unsigned permissions; /* enum scope_permission, 0: open, or decided per entry */
	char audit_action;
};
const struct interaction *rest_interaction(enum rest_interaction i);

/* What a path and method lead to. type_name, id and version point into path. */
struct route {
	enum rest_interaction interaction; /* REST_UNKNOWN with ERR_METHOD or ERR_NOT_FOUND */
	struct str type_name, id, version;
	struct str allow; /* ERR_METHOD: "GET, HEAD, PUT" */
};
/* path: below the base, without the leading slash. HEAD counts as GET. */
bool route_find(struct arena *a, struct str method, struct str path, struct route *ret_route,
		struct error *err) MUST_USE;

/* ---- media.c ------------------------------------------------------------------------------------------------------
 */

struct media {
	bool xml;
	struct str content_type; /* constant text */
};
/* By Accept (STR_NULL: absent) and _format (STR_NULL: absent; it wins). ERR_NOT_ACCEPTABLE. */
bool media_choose(struct str accept, struct str format, struct media *ret_media, struct error *err) MUST_USE;
/* Content-Type of a body that must be FHIR JSON. ERR_MEDIA_TYPE. */
bool media_check_json(struct str content_type, struct error *err) MUST_USE;
bool media_check_form(struct str content_type, struct error *err) MUST_USE;

/* ---- conditions.c: what headers and queries say -------------------------------------------------------------------
 */

/* The decoded value of a query parameter, STR_NULL when absent. ERR_VALUE for broken escapes. */
bool query_value(struct arena *a, struct str query, const char *name, struct str *ret_value,
		 struct error *err) MUST_USE;
/* W/"3" or "3": the version; `*` gives *ret_any. ERR_VALUE. */
bool etag_parse(struct str text, int64_t *ret_version, bool *ret_any, struct error *err) MUST_USE;
/* Is the version among those of an If-None-Match list? */
bool etag_matches(struct str list, int64_t version);
/* RFC 9110 section 5.6.7 IMF-fixdate: "Tue, 24 Nov 2026 01:47:03 GMT", 29 bytes. */
struct str http_date(struct arena *a, int64_t ms);
bool http_date_parse(struct str text, int64_t *ret_ms);
/* Prefer: return and handling into the call. */
void prefer_parse(struct str header, enum rest_prefer *ret_prefer, bool *ret_lenient);

/* ---- cursor.c ------------------------------------------------------------------------------------------------------
 */

/* The key of page links, made at the first start and kept in the store. */
bool cursor_key_open(struct store *store, struct arena *a, struct str *ret_key, struct error *err) MUST_USE;

/* ---- prepare.c, transaction.c --------------------------------------------------------------------------------------
 */

struct rest_preparer {
	const struct definitions *definitions;
	const struct extractor *extractor;
	struct arena *arena;
	struct str base;
	struct buf *scratch; /* used again for each resource */
};
/* Everything of a change that comes from the resource; findings tells all that is wrong with it. */
bool prepare_resource(const struct rest_preparer *p, const struct json *resource, struct str id,
		      const struct resource_rewrite *rewrite, struct issues *findings, struct store_change *ret_change,
		      struct error *err) MUST_USE;

enum entry_method { ENTRY_DELETE, ENTRY_CREATE, ENTRY_UPDATE, ENTRY_GET }; /* in the order of processing */
struct bundle_entry {
	size_t position; /* in Bundle.entry */
	enum entry_method method;
	const struct json *resource;
	struct str full_url; /* STR_NULL when absent */
	struct str url; /* request.url below the base; ENTRY_GET: with query */
	const struct fhir_type *type; /* not for ENTRY_GET */
	struct str id; /* of what it touches, new ones included; not for ENTRY_GET */
	struct str if_match, if_none_match;
	int64_t version; /* required by ifMatch, 0: none */
	bool must_exist; /* ifMatch: * */
};

/* How an entry set is read and prepared. */
struct bundle_options {
	struct rest_preparer preparer;
	struct store *store; /* resolves conditional references; NULL: they are refused */
	const struct rest_face *face; /* may choose ids; NULL: none */
};
/* An id for a new resource: the face's, or a time-ordered UUID, which keeps indexes compact. */
struct str rest_new_id(const struct rest_face *face, struct arena *a, const struct fhir_type *type);
/* Reads one entry: method, url, type, id; everything but the resource itself is checked. */
bool bundle_entry_read(const struct bundle_options *o, const struct json *bundle_type, const struct json *entry,
		       size_t position, struct bundle_entry *ret_entry, struct error *err) MUST_USE;
/* The whole bundle as one transaction; gets receives the ENTRY_GET entries in document order. */
bool transaction_prepare(const struct bundle_options *o, const struct json *bundle,
			 struct rest_transaction *ret_transaction, struct bundle_entry **ret_gets,
			 size_t *ret_get_count, struct error *err) MUST_USE;
/* "Type?query" to the one resource that matches: "Type/id". ERR_NOT_FOUND, ERR_MULTIPLE. */
bool condition_resolve(const struct bundle_options *o, struct str condition, struct str *ret_reference,
		       struct error *err) MUST_USE;

#endif

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
	struct search_terminology terminology; /* of searches; without knowledge it is not used */
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
	const struct operation *operation;
	struct str allow; /* ERR_METHOD: "GET, HEAD, PUT" */
};
/* path: below the base, without the leading slash. HEAD counts as GET. */
bool route_find(struct arena *a, struct str method, struct str path, struct route *ret_route,
		struct error *err) MUST_USE;

/* operations/run.c: paths that end with $name. */
bool operation_is_path(struct str path);
bool operation_route(struct arena *a, struct str method, struct str path, struct route *ret_route,
		     struct error *err) MUST_USE;
bool operation_answer(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
/* rest.operation and rest.resource.operation of the CapabilityStatement; type NULL: of the system. */
void operation_put_capability(struct json_writer *w, const struct fhir_type *type);
const char *operation_name(const struct operation *operation);
char operation_audit_action(const struct operation *operation);

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
struct str instant_text(struct arena *a, int64_t ms); /* FHIR instant */
const char *status_phrase(int status); /* "Created" */
bool http_date_parse(struct str text, int64_t *ret_ms);
/* Prefer: return and handling into the call. */
void prefer_parse(struct str header, enum rest_prefer *ret_prefer, bool *ret_lenient);

/* How this server parses searches. */
struct search_options call_search_options(const struct rest_call *call);

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
	struct knowledge *knowledge; /* the rules of writing; NULL: structure alone */
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
/* An error at Bundle.entry[position] + below; always false. */
bool entry_fail(struct error *err, enum error_code code, size_t position, const char *below, const char *text);
/* Puts the entry in front of a path: "Patient.name" becomes "Bundle.entry[3].resource.name". */
void entry_place_error(struct error *err, size_t position);
/* The bundle's own form: known elements, a list of entries, not too many. */
bool bundle_check(const struct bundle_options *o, const struct json *bundle, struct error *err) MUST_USE;
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

/* ---- server.c: the way of a call -----------------------------------------------------------------------------------
 */

/* Fills the parts of a call that come from its path; type and media may stay empty, which admit_call() then refuses. */
bool call_route(struct rest_call *call, struct str method, struct str path, struct rest_answer *answer,
		struct error *err) MUST_USE;
/* May the caller's token do what the interaction needs to this type? True without authorization. */
bool call_allowed(const struct rest_call *call, const struct fhir_type *type, unsigned permissions,
		  struct error *err) MUST_USE;
/* Runs a reading interaction at once, auditing it. The answer is final when true; otherwise err says why not. */
bool call_read(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;

/* ---- answer.c ------------------------------------------------------------------------------------------------------
 */

void answer_init(struct rest_answer *answer);
/* Sends and ends the exchange: formats, CORS, length. Nothing of the call may be touched afterwards. */
void answer_send(struct rest_call *call, struct rest_answer *answer);
/* Turns the answer into that of an error, keeping its headers. */
void answer_error(struct rest_call *call, struct rest_answer *answer, const struct error *err);
/* The OperationOutcome of an error, with everything the structure check found. */
void answer_outcome(const struct rest_call *call, struct buf *out, const struct error *err);
/* ETag and Last-Modified of a version. */
void answer_version(const struct rest_call *call, struct rest_answer *answer, int64_t version, int64_t updated_ms);
struct str answer_etag(struct arena *a, int64_t version);
/* The resource as this server, or its face, shows it. */
bool answer_resource(struct rest_call *call, const struct store_entry *entry, struct buf *out,
		     struct error *err) MUST_USE;
/* One issue that is no error: "3 parameters were ignored". */
/* The same with what was found beside: warnings that did not prevent it. */
void outcome_write_noted(struct buf *out, struct str text, struct issues *findings);
void outcome_write_note(struct buf *out, enum issue_severity severity, const char *issue_type, struct str text);

/* ---- bundles: bundle.c ---------------------------------------------------------------------------------------------
 */

struct rest_bundle {
	struct rest_call *call;
	struct json_writer w;
	bool entries; /* the array is open */
};
/* {"resourceType":"Bundle","id":...,"type":type; total below 0 is left out. */
void bundle_begin(struct rest_bundle *b, struct rest_call *call, struct buf *out, const char *type, int64_t total);
struct bundle_link {
	const char *relation;
	struct str url; /* STR_NULL: the link is left out */
};
void bundle_links(struct rest_bundle *b, const struct bundle_link *links, size_t count);
/* Opens an entry with fullUrl (and resource, when the entry has a body); members may be added before bundle_close(). */
bool bundle_open_entry(struct rest_bundle *b, const struct store_entry *entry, struct error *err) MUST_USE;
void bundle_open_plain(struct rest_bundle *b);
void bundle_close_entry(struct rest_bundle *b);
void bundle_end(struct rest_bundle *b);

/* ---- one file per interaction ---------------------------------------------------------------------------------------
 */

bool read_answer(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool search_answer(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool history_answer(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool capability_answer(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool smart_configuration_answer(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool capability_open(struct rest_server *s, struct error *err) MUST_USE;
bool smart_configuration_open(struct rest_server *s, struct error *err) MUST_USE;

/* Writes: what the body and headers ask for, as one change. resource is NULL for deletes. */
struct write_headers {
	struct str if_match, if_none_match, if_none_exist;
};
bool create_prepare(struct rest_call *call, const struct json *resource, const struct write_headers *headers,
		    struct store_change *ret_change, struct error *err) MUST_USE;
bool update_prepare(struct rest_call *call, const struct json *resource, const struct write_headers *headers,
		    struct store_change *ret_change, struct error *err) MUST_USE;
bool delete_prepare(struct rest_call *call, const struct json *resource, const struct write_headers *headers,
		    struct store_change *ret_change, struct error *err) MUST_USE;
typedef bool write_prepare(struct rest_call *call, const struct json *resource, const struct write_headers *headers,
			   struct store_change *ret_change, struct error *err);
/* The prepare function of a writing interaction, NULL for others. */
write_prepare *write_prepare_of(enum rest_interaction i);
/* Parts the three share. */
bool write_check_type(const struct rest_call *call, const struct json *resource, struct error *err) MUST_USE;
bool write_resource(struct rest_call *call, const struct json *resource, struct str id, struct store_change *ret_change,
		    struct error *err) MUST_USE;
bool write_if_match(struct str if_match, struct store_change *change, struct error *err) MUST_USE;
/* Status, headers and body of a change that is durable. */
void write_answer(struct rest_call *call, const struct store_change *change, struct rest_answer *answer);
/* What a failed change means to the client: names the current version. */
void write_explain(struct rest_call *call, const struct store_change *change, struct rest_answer *answer,
		   struct error *err);

/* Start a write or bundle that the store's committing thread will answer. False: nothing was started. */
bool write_start(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool batch_start(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;

/* ---- audit.c, audit_event.c
 * ------------------------------------------------------------------------------------------ */

/* The event of a call as far as the call tells; err may be NULL. */
struct audit_event audit_describe(const struct rest_call *call, int status, const struct error *err);
/* Whose data a resource is: "Patient/123", or STR_NULL. body is stored or served JSON. */
struct str audit_patient(struct arena *a, const struct fhir_type *type, struct str id, struct str body);
struct str audit_query_patient(struct arena *a, const struct search_query *query);
bool audit_take(const struct rest_call *call, const struct audit_event *event, struct error *err) MUST_USE;
/* Takes the event of a failed call, then answers it; from any thread, also the committing one, never waiting. */
void audit_then_send(struct rest_call *call, struct rest_answer *answer, const struct error *err);

/* GET AuditEvent and AuditEvent/:id from the store's chain. */
bool audit_event_read(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool audit_event_search(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool is_audit_event(const struct fhir_type *type);

#endif

/*
 * Inside the REST room: the server, how a call runs, and what the files of the room offer each other.
 *
 * A call is answered in one of two ways. Handlers of reading interactions fill a struct rest_answer at once, on the
 * HTTP thread. Handlers of writes prepare a store transaction; the committing thread then answers, so no HTTP thread
 * waits for the disk. Both kinds also serve entries of batches, which is why handlers know nothing of the exchange.
 */
#ifndef FIRTH_SERVER_REST_REST_PRIV_H
#define FIRTH_SERVER_REST_REST_PRIV_H

#include "base/workers.h"
#include "fhir/xml.h"
#include "server/rest/rest.h"

#define REST_MAX_RESOURCE ((size_t)64 << 20) /* stored form of one resource */
#define REST_MAX_ANSWER	  ((size_t)1 << 30)
#define REST_MAX_ENTRIES  1000000 /* of a batch or transaction, whatever is configured */
#define REST_MAX_DELETE	  10000 /* of one conditional delete, whatever is configured */
#define REST_MAX_ATTEMPTS 10 /* of a write that others get in the way of */

/* ---- limits.c ------------------------------------------------------------------------------------------------------
 */

/* Puts the defaults where nothing is given. */
void limits_settle(struct rest_limits *limits);

struct rest_server {
	struct rest_options o; /* texts in arena */
	struct arena arena;
	struct search_terminology terminology; /* of searches; without knowledge it is not used */
	struct str cursor_key; /* 32 bytes, kept in the store */
	struct str capability; /* JSON, made once */
	struct workers *redo; /* write_again() */
	struct access *own_access; /* when options gave none */
	struct parameters *parameters; /* NULL with a face: those of the definitions alone */
	int64_t started_ms;
};

/* ---- route.c ------------------------------------------------------------------------------------------------------
 */

/* What a request needs beside the permissions of a scope. */
enum rest_need {
	NEEDS_NOTHING = 0, /* not even a token */
	NEEDS_TOKEN = 32, /* any */
	NEEDS_EACH = 64, /* the permissions for each type that it is about, or that an entry of it asks for */
	NEEDS_WHOLE = 128, /* the permissions for all resources of all types */
	NEEDS_OWNER = 256, /* the job is the caller's */
	NEEDS_OPERATOR = 512 /* all permissions for all types, in the context system */
};
/* "the permissions r and s (read, search) for each type that it is about": for documents. */
struct str rest_need_text(struct arena *a, unsigned needs);

struct interaction {
	const char *name, *method, *path, *code;
	unsigned permissions; /* of enum scope_permission and enum rest_need */
	char audit_action;
};
const struct interaction *rest_interaction(enum rest_interaction i);

/* What a path and method lead to. type_name, id and version point into path. */
struct route {
	enum rest_interaction interaction; /* REST_UNKNOWN with ERR_METHOD or ERR_NOT_FOUND */
	struct str type_name, id, version, within, within_id;
	const struct operation *operation;
	struct str allow; /* ERR_METHOD: "GET, HEAD, PUT, PATCH" */
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
bool operation_starts_job(const struct operation *operation);
bool operation_changes(const struct operation *operation); /* what is stored */
char operation_audit_action(const struct operation *operation);

/* ---- media.c ------------------------------------------------------------------------------------------------------
 */

struct media {
	bool xml;
	struct str content_type; /* constant text */
};
/* By Accept (STR_NULL: absent) and _format (STR_NULL: absent; it wins). ERR_NOT_ACCEPTABLE. */
bool media_choose(struct str accept, struct str format, struct media *ret_media, struct error *err) MUST_USE;
/* What a body is by its Content-Type. Patches only when `patch`. ERR_MEDIA_TYPE names what is possible. */
enum media_body { MEDIA_JSON, MEDIA_XML, MEDIA_JSON_PATCH, MEDIA_XML_PATCH };
bool media_body(struct str content_type, bool patch, enum media_body *ret_body, struct error *err) MUST_USE;
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
void prefer_parse(struct str header, struct rest_call *call);

/* What makes index rows: with added parameters, where there are some. */
const struct extractor *call_extractor(const struct rest_call *call);
/* How this server parses searches. */
struct search_options call_search_options(const struct rest_call *call);

/* ---- cursor.c ------------------------------------------------------------------------------------------------------
 */

/* The key of page links, made at the first start and kept in the store. */
bool cursor_key_open(struct store *store, struct arena *a, struct str *ret_key, struct error *err) MUST_USE;

/* ---- what a write asks for, and what it comes to ----------------------------------------------------------------
 *
 * A request of its own and an entry of a bundle are the same thing: a struct bundle_entry. entry_resolve() finds what
 * it is about, which is a search when it has a condition; entry_prepare() makes the changes. Nothing is kept between
 * attempts, so when others get in between (ERR_CONFLICT_RETRY), both run anew on a fresh copy.
 */

struct rest_preparer {
	const struct definitions *definitions;
	const struct extractor *extractor;
	struct arena *arena;
	struct str base;
	struct buf *scratch; /* used again for each resource */
	struct knowledge *knowledge; /* the rules of writing; NULL: structure alone */
	struct parameters *parameters; /* with parameter_set: what SearchParameters are held to; NULL: they are not */
	const struct parameter_set *parameter_set;
};
/* Everything of a change that comes from the resource; findings tells all that is wrong with it. */
bool prepare_resource(const struct rest_preparer *p, const struct json *resource, struct str id,
		      const struct resource_rewrite *rewrite, struct issues *findings, struct store_change *ret_change,
		      struct error *err) MUST_USE;

enum patch_kind { PATCH_JSON, PATCH_FHIRPATH, PATCH_XML };
struct patch {
	enum patch_kind kind;
	const struct json *json; /* PATCH_JSON, PATCH_FHIRPATH */
	struct str text; /* PATCH_XML */
};

enum entry_method { ENTRY_DELETE, ENTRY_CREATE, ENTRY_UPDATE, ENTRY_PATCH, ENTRY_GET }; /* in the order of processing */
struct bundle_entry {
	size_t position; /* in Bundle.entry */
	enum entry_method method;
	bool head; /* ENTRY_GET: without body */
	bool post; /* ENTRY_GET: an operation by POST; resource is its body, if there is one */
	const struct json *resource; /* create, update; a patch of an entry before it is read */
	struct patch patch; /* ENTRY_PATCH */
	struct str full_url; /* STR_NULL when absent */
	struct str url; /* request.url below the base; ENTRY_GET: with query */
	const struct fhir_type *type; /* not for ENTRY_GET */
	struct str id; /* of what it touches, new ones included; STR_NULL before a condition was looked up */
	struct str condition; /* the query that chooses instead of an id, or If-None-Exist; STR_NULL: none */
	struct str if_match, if_none_match, if_modified_since;
	int64_t version; /* required by ifMatch, 0: none */
	bool must_exist; /* ifMatch: * */
	bool must_be_new; /* ifNoneMatch: *, or the id came from the body of a conditional update */
	/* Found by entry_resolve(): */
	struct store_entry *found; /* what a condition matched, or a patch starts from */
	size_t found_count;
	struct store_guard guard; /* query NULL: none */
	size_t change_count; /* 0: nothing is to be done */
	bool hidden; /* the caller may write what it comes to, but not read it */
	/* Filled by entry_prepare(): */
	struct store_change *changes; /* of the caller: room for change_count */
};

/* How writes are read and prepared. */
struct bundle_options {
	struct rest_preparer preparer;
	struct store *store; /* answers conditions; NULL: they are refused */
	const struct rest_call *call; /* whose rights limit conditions; not NULL when there is a store */
	const struct rest_face *face; /* may choose ids; NULL: none */
	size_t max_delete, max_entries; /* 0: defaults */
	bool no_update_create;
};
/* Those of a call; scratch is given by the caller, who frees it. */
struct bundle_options bundle_options_of(const struct rest_call *call, struct buf *scratch);
/* An id for a new resource: the face's, or a time-ordered UUID, which keeps indexes compact. */
struct str rest_new_id(const struct rest_face *face, struct arena *a, const struct fhir_type *type,
		       const struct json *resource);
/* An error at Bundle.entry[position] + below; always false. */
bool entry_fail(struct error *err, enum error_code code, size_t position, const char *below, const char *text);
/* Puts the entry in front of a path: "Patient.name" becomes "Bundle.entry[3].resource.name". */
void entry_place_error(struct error *err, size_t position);
/* The bundle's own form: known elements, a list of entries, not too many. */
bool bundle_check(const struct bundle_options *o, const struct json *bundle, struct error *err) MUST_USE;
/* Reads one entry: method, url, type, id; everything but the resource itself is checked. */
bool bundle_entry_read(const struct bundle_options *o, const struct json *bundle_type, const struct json *entry,
		       size_t position, struct bundle_entry *ret_entry, struct error *err) MUST_USE;
bool entry_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err) MUST_USE;
bool entry_prepare(const struct bundle_options *o, struct bundle_entry *e, const struct resource_rewrite *rewrite,
		   struct issues *findings, struct error *err) MUST_USE;
/* May this failed write be tried again, because only the time between looking and committing was in its way? */
bool entry_may_retry(const struct bundle_entry *e, const struct error *err);

/* One file per verb. */
/* What If-None-Exist says: the parameters of a search, which some clients write as its URL: "?a=b", "Type?a=b", or
 * absolute. ERR_VALUE when that is about another type. */
bool create_condition(const struct fhir_type *type, struct str text, struct str *ret_condition,
		      struct error *err) MUST_USE;
bool create_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err) MUST_USE;
bool update_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err) MUST_USE;
bool patch_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err) MUST_USE;
/* The patched resource, of the same type and id. */
const struct json *patch_result(const struct bundle_options *o, const struct bundle_entry *e,
				struct error *err) MUST_USE;
/* A patch in the Binary or Parameters of a bundle's entry. */
bool patch_from_entry(const struct bundle_options *o, const struct json *resource, struct patch *ret_patch,
		      struct error *err) MUST_USE;
bool delete_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err) MUST_USE;

/* What a condition matches at this moment: as many as max, and one more to tell that there are more. The guard belongs
 * to this answer. ERR_FORBIDDEN when the caller may not search; ERR_VALUE without a criterion. */
struct condition_answer {
	struct store_entry *entries;
	size_t count;
	struct store_guard guard;
};
bool condition_find(const struct bundle_options *o, const struct fhir_type *type, struct str condition, size_t max,
		    struct condition_answer *ret_answer, struct error *err) MUST_USE;
/* A conditional reference, "Type?query", to the one resource that matches: "Type/id". ERR_BUSINESS_RULE, ERR_MULTIPLE.
 */
bool condition_resolve(const struct bundle_options *o, struct str reference, struct str *ret_reference,
		       struct store_guard *ret_guard, struct error *err) MUST_USE;

/* The whole bundle as one transaction. Changes of an entry point into those of the transaction. */
struct transaction_plan {
	struct bundle_entry *entries; /* all, in document order */
	size_t entry_count;
	struct rest_transaction transaction;
};
bool transaction_prepare(const struct bundle_options *o, const struct json *bundle, struct transaction_plan *ret_plan,
			 struct error *err) MUST_USE;

/* ---- server.c: the way of a call -----------------------------------------------------------------------------------
 */

/* Fills the parts of a call that come from its path; type and media may stay empty, which admit_call() then refuses. */
bool call_route(struct rest_call *call, struct str method, struct str path, struct rest_answer *answer,
		struct error *err) MUST_USE;
/* May the caller's token do what the interaction needs to this type? True without authorization. */
bool call_allowed(const struct rest_call *call, const struct fhir_type *type, unsigned permissions,
		  struct error *err) MUST_USE;
/* Of the call's search parameters, for struct store_txn; and newer ones for a call whose transaction was stale. */
struct str call_revision(const struct rest_call *call);
bool call_take_parameters(struct rest_call *call, struct error *err) MUST_USE;
bool call_renew_parameters(struct rest_call *call, struct error *err) MUST_USE;
/* ---- sight.c: what is there for the caller -------------------------------------------------------------------------
 */

/* store_read(), store_search() and store_history() of what the caller may see; nothing else of this room calls those.
 * What is left out is as if it were not stored: ERR_NOT_FOUND with the same text. Searches go within the limits of the
 * server, whatever how says of them. permission: SCOPE_R or SCOPE_S, to what the history is about. */
bool call_find(const struct rest_call *call, struct arena *a, const struct fhir_type *type, struct str id,
	       int64_t version, struct store_entry *ret_entry, struct error *err) MUST_USE;
bool call_history(const struct rest_call *call, struct arena *a, const struct store_history_query *query,
		  unsigned permission, struct store_page *ret_page, struct error *err) MUST_USE;
/* call_search() with bodies as they are stored, for writes. */
bool sight_search(const struct rest_call *call, struct arena *a, const struct search_query *query,
		  const struct store_search_options *how, struct store_page *ret_page, struct error *err) MUST_USE;
/* An entry as the caller may see it: without what the policy hides. */
bool call_mask(const struct rest_call *call, struct arena *a, struct store_entry *entry, struct error *err) MUST_USE;
/* The resource of an update with what is hidden from the caller as it is stored. NULL with an error. */
const struct json *sight_unmask(const struct bundle_options *o, const struct bundle_entry *e,
				const struct json *resource, struct error *err);
/* What call_search() does with a query; for guards, which go to the store by themselves. */
void call_restrict(const struct rest_call *call, struct search_query *query);
/* Does an entry meet what the caller's right depends on? */
bool call_may(const struct rest_call *call, struct arena *a, unsigned permission, const struct store_entry *entry,
	      bool *ret_may, struct error *err) MUST_USE;
/* Of a write by id: *ret_absent when what it is about is not there for the caller. Where the right depends on it, sets
 * found. ERR_FORBIDDEN for what may be seen but not changed. */
bool sight_before(const struct bundle_options *o, struct bundle_entry *e, bool *ret_absent, struct error *err) MUST_USE;
/* May the caller give a new resource its id? Only whoever sees all of the type: ids that are taken would show. */
bool sight_chooses_ids(const struct bundle_options *o, const struct fhir_type *type);
/* The same as sight_before() of what a condition found. */
bool sight_of_found(const struct bundle_options *o, struct bundle_entry *e, struct error *err) MUST_USE;
/* May it be as it is going to be? Sets hidden. */
bool sight_after(const struct bundle_options *o, struct bundle_entry *e, const struct store_change *change,
		 struct error *err) MUST_USE;
bool call_search(const struct rest_call *call, struct arena *a, const struct search_query *query,
		 const struct store_search_options *how, struct store_page *ret_page, struct error *err) MUST_USE;
/* The error, or ret_named with the key of the limit behind it, where those who noticed could not know it. */
const struct error *limits_explain(const struct rest_call *call, const struct error *err, struct error *ret_named);
/* A body as a tree, no deeper than limits.depth. */
const struct json *call_parse(const struct rest_call *call, struct str body, struct error *err) MUST_USE;
/* What the answer is to be, by Accept and the _format and _pretty of a query. err may be NULL. */
bool call_media(struct rest_call *call, struct str query, struct error *err) MUST_USE;
bool is_search(enum rest_interaction i);
/* Documents about the server itself: for everybody, and nobody's data. */
bool is_open(enum rest_interaction i);
/* Runs a reading interaction at once, auditing it. The answer is final when true; otherwise err says why not. */
bool call_read(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;

/* ---- view.c: _elements and _summary ---------------------------------------------------------------------------------
 */

struct rest_view {
	enum search_summary summary; /* never SUMMARY_COUNT */
	const struct str *elements;
	size_t element_count;
};
/* From the query of a read or history, or from a search as parsed, into call->view. Faces have their own. */
bool view_read(struct rest_call *call, struct error *err) MUST_USE;
bool view_of_search(struct rest_call *call, const struct search_query *query, struct error *err) MUST_USE;
/* The part of a served resource that the call's view shows. */
bool view_write(const struct rest_call *call, const struct fhir_type *type, struct str body, struct buf *out,
		struct error *err) MUST_USE;

/* rights.c: may the caller search the types that the query is about, and those it looks through? Types that the query
 * does not name are left out of it instead. */
bool rights_to_query(const struct rest_call *call, struct search_query *query, bool named, struct error *err) MUST_USE;
/* Does the query look at nothing that the policy hides from the caller? */
bool rights_to_masked(const struct rest_call *call, const struct search_query *query, struct error *err) MUST_USE;
/* May the caller see what only concerns whoever runs the server? `what` starts the refusal. */
bool rights_to_operate(const struct rest_call *call, const char *what, struct error *err) MUST_USE;

/* glass.c: does the caller break the glass, and may it? Recorded before anything is shown. */
bool glass_check(struct rest_call *call, bool *ret_broken, struct error *err) MUST_USE;

/* The first half of a call, without answering: route, formats, authorization. NULL with err, and headers of the refusal
 * in answer. */
struct rest_call *call_begin(struct rest_server *s, struct http_exchange *x, struct rest_answer *answer,
			     struct error *err) MUST_USE;
/* The second: does it and answers, now or later. */
void call_go(struct rest_call *call);

/* ---- import.c */
bool import_start(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;

/* ---- async.c -------------------------------------------------------------------------------------------------------
 */

/* Does the client want to be answered at once, and can it be? */
bool async_wanted(const struct rest_call *call);
/* Does it say so? */
bool async_preferred(const struct rest_call *call);
/* The same call in an exchange of its own, with the rights that the caller has now; it ends with http_respond() on
 * call->exchange. */
struct rest_call *call_apart(struct rest_call *call, void (*answered)(void *ctx, const struct http_response *response),
			     void *ctx, struct error *err);
bool async_file(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
/* Makes a job of the call and answers 202 with its status URL. */
bool async_start(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool async_status(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool async_notes(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool async_cancel(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;

/* ---- answer.c ------------------------------------------------------------------------------------------------------
 */

void answer_init(struct rest_answer *answer);
void answer_forget_file(struct rest_answer *answer);
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

/* ---- write.c, batch.c: writes on their way to the store ---------------------------------------------------
 */

/* One write, asked for by itself or by an entry of a batch: resolved, prepared and committed, anew when others got in
 * between. done is called once, from any thread, with err as the result; entry then has the changes as they are. */
struct rest_write {
	struct rest_call *call;
	struct bundle_entry asked, entry;
	struct audit_event *events;
	struct store_txn txn;
	struct error err;
	unsigned attempts;
	struct workers_job *job;
	/* May be NULL. Called on the committing thread before another attempt: true keeps the job, to be handed to
	 * write_again() later. For calls whose arena another thread still works in. */
	bool (*hold)(struct rest_write *w);
	void (*done)(struct rest_write *w);
	void *ctx;
};
/* The first attempt. False with err: nothing was handed in, and done is not called. */
bool rest_write_begin(struct rest_write *w, struct error *err) MUST_USE;
/* The interaction of a write, for permissions and audit. */
enum rest_interaction entry_interaction(const struct bundle_entry *e);
/* What one change of an entry is to the audit trail; the store fills in id and version. */
struct audit_event entry_describe(const struct rest_call *call, const struct store_change *change);
/* Status, headers and body of an entry that is durable. */
void write_answer(struct rest_call *call, const struct bundle_entry *e, struct rest_answer *answer);
/* What a failed change means to the client: names the current version. answer may be NULL. */
void write_explain(struct rest_call *call, const struct bundle_entry *e, const struct store_change *change,
		   struct rest_answer *answer, struct error *err);

/* Start a write or bundle that the store's committing thread will answer. False: nothing was started. */
bool write_start(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
bool batch_start(struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;
/* The body as a FHIR resource, from JSON or XML. */
bool body_resource(struct rest_call *call, const struct json **ret_resource, struct error *err) MUST_USE;

/* On a thread of its own, for what must run again but not on the committing thread, which must not search and prepare.
 * Jobs are as many as exchanges in flight, so they need no limit of their own. */
void write_again(struct rest_server *s, struct workers_job *job);

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

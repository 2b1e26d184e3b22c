/*
 * The FHIR REST API (http://hl7.org/fhir/R4/http.html) over a store. One table (interactions.def) gives routes,
 * CapabilityStatement, needed scopes and audit codes. A `face` lets another server's looks be laid over it: the
 * sandboxes are this server with a vendor's face. Any thread.
 */
#ifndef FIRTH_SERVER_REST_REST_H
#define FIRTH_SERVER_REST_REST_H

#include "http/server.h"
#include "fhir/resource.h"
#include "search/search.h"
#include "server/access/access.h"
#include "server/decision/decision.h"
#include "server/jobs/jobs.h"
#include "server/knowledge/knowledge.h"
#include "server/parameters/parameters.h"
#include "server/smart/smart.h"
#include "store/store.h"

/* From interactions.def: REST_READ, REST_UPDATE, REST_UPDATE_IF (conditional), REST_BATCH (batch and transaction) and
 * so on. */
enum rest_interaction {
	REST_UNKNOWN,
#define INTERACTION(name, ...) REST_##name,
#include "server/rest/interactions.def"
#undef INTERACTION
	REST_INTERACTION_COUNT
};
const char *rest_interaction_code(enum rest_interaction i); /* "search-type" */

/* Prefer: return=... (http.html#ops); the default of FHIR servers is the representation. */
enum rest_prefer { REST_RETURN_REPRESENTATION, REST_RETURN_MINIMAL, REST_RETURN_OUTCOME };

/* One request on its way. Faces read it and may answer through rest_answer. */
struct rest_server;
struct operation;
struct rest_call {
	struct rest_server *server;
	struct http_exchange *exchange;
	const struct http_request *request;
	struct arena *arena;
	enum rest_interaction interaction;
	const struct fhir_type *type; /* NULL at system level */
	struct str type_name; /* as in the path, even when unknown */
	struct str id, version;
	const struct operation *operation; /* REST_OPERATION */
	const struct json *operation_body; /* of an inner call, or NULL */
	const struct fhir_type *within; /* of the compartment that is searched; NULL: none */
	struct str within_id;
	struct str query; /* of the search or condition: from URL, or body of POST _search */
	struct str if_none_match, if_modified_since; /* of an entry of a bundle; other calls have headers */
	struct grant grant; /* client_id "anonymous" when authorization is off */
	struct decision *decision; /* NULL when authorization is off, and for entries of bundles */
	struct access_pass *pass; /* what the grant comes to, until the exchange ends; NULL: everything is allowed */
	enum rest_prefer prefer;
	bool prefer_given; /* answers of bundles leave resources out unless they are asked for */
	bool lenient; /* Prefer: handling=lenient; a face may set it */
	bool head; /* HEAD: as GET, without the body */
	bool xml; /* answer in XML */
	bool pretty;
	const struct rest_view *view; /* the part of resources that is shown, NULL: all */
	struct str media; /* content type of the answer, by what the client accepts */
	struct issues findings; /* what the structure check found wrong with a body */
	bool inner; /* an entry of a batch or transaction, not a request of its own */
	const struct parameter_set *parameters; /* of this request; NULL with a face */
};

/* An answer to be sent: status, headers, body. The body is JSON of a FHIR resource unless content_type is set; then it
 * goes out as it is. An empty content_type sends none. */
#define REST_ANSWER_HEADERS 8
struct rest_answer {
	int status;
	struct str content_type; /* STR_NULL: application/fhir+json or +xml by what the call accepts */
	struct http_header headers[REST_ANSWER_HEADERS];
	size_t header_count;
	struct buf body; /* ready to use */
	struct http_sent_file file; /* instead of body */
	bool has_file;
};
/* Name and value must live as long as the call's arena. Past REST_ANSWER_HEADERS nothing is added. */
void rest_answer_header(struct rest_answer *answer, const char *name, struct str value);

/* Page positions as one opaque, signed word for a URL: base64url(MAC over owner, type, self, position || covered
 * position). A word that was changed, or made for another client or query, gives ERR_CURSOR. position STR_NULL ends up
 * so again.
 */
struct str rest_cursor_write(const struct rest_call *call, struct str self, struct str position);
bool rest_cursor_read(const struct rest_call *call, struct str self, struct str cursor, struct str *ret_position,
		      struct error *err) MUST_USE;

/* A vendor's looks. Every member may be NULL: then Firth's own behaviour. Members that return bool answer true to go
 * on; false means that `answer` holds the final answer. */
struct rest_face {
	const char *name;
	void *ctx;
	const char *jobs_path; /* of jobs below the base; NULL: "_async" */
	/* After the route is known, before authorization: media types, unknown types, interactions that do not exist.
	 */
	bool (*admit)(void *ctx, struct rest_call *call, struct rest_answer *answer);
	/* Before a search is parsed: required and unknown parameters; may rewrite call->query. */
	bool (*search)(void *ctx, struct rest_call *call, struct rest_answer *answer);
	/* Before a write is stored; may replace the body (arena), e.g. silent transformations. */
	bool (*write)(void *ctx, struct rest_call *call, const struct json *resource, struct str *ret_body,
		      struct rest_answer *answer);
	/* Before a JSON Patch is applied. */
	bool (*patch)(void *ctx, struct rest_call *call, const struct json *patch, struct rest_answer *answer);
	/* An id for a new resource. */
	struct str (*new_id)(void *ctx, struct arena *a, const struct fhir_type *type, const struct json *resource);
	/* Turns a stored resource into what this vendor shows. entry->body is the served form. Also called for the
	 * entries of a searchset or history when there is no searchset hook, and for the body of a write's answer. */
	bool (*resource)(void *ctx, struct rest_call *call, const struct store_entry *entry, struct buf *out,
			 struct error *err);
	/* After a read: headers and status to be changed where the vendor differs. answer comes with ETag and
	 * Last-Modified. */
	void (*read)(void *ctx, struct rest_call *call, const struct store_entry *entry, struct rest_answer *answer);
	/* Writes the whole searchset: body, and status when it is not 200. page->next is the opaque position of the
	 * next page or STR_NULL. */
	bool (*searchset)(void *ctx, struct rest_call *call, const struct search_query *query,
			  const struct store_page *page, struct rest_answer *answer, struct error *err);
	/* The position of a page from the vendor's own paging parameters; STR_NULL for a first page. May replace
	 * call->query with that of the first page. Called before `search`. Firth's own _cursor is then not looked at.
	 */
	bool (*page)(void *ctx, struct rest_call *call, struct str *ret_position, struct rest_answer *answer);
	/* Any error: status, headers and body as the vendor sends them. answer comes with status and headers of Firth's
	 * own answer (WWW-Authenticate, Allow, ETag) and an empty body. call->type and call->interaction may be unset.
	 */
	void (*error)(void *ctx, struct rest_call *call, const struct error *err, struct rest_answer *answer);
	/* After a successful create, update or delete: the answer to send, to be changed where the vendor differs.
	 * answer comes with Firth's own status and headers; the body is empty, and is filled by Firth afterwards
	 * (unless content_type was set, or status is 204) by what call->prefer says. Runs on the store's committing
	 * thread. */
	void (*written)(void *ctx, struct rest_call *call, const struct store_change *change,
			struct rest_answer *answer);
	/* $export; without it there is none. Before its parameters are read: vendors' own rules; may set call->lenient
	 * and replace call->query. */
	bool (*bulk)(void *ctx, struct rest_call *call, struct rest_answer *answer);
	/* Is the type part of an export that names none? */
	bool (*exports)(void *ctx, const struct fhir_type *type);
	/* A path below the base as the vendor has it, into one of Firth's, or as it is. */
	struct str (*path)(void *ctx, struct arena *a, struct str path);
	/* After the state of a job was answered, or (state NULL) it was ended; and before a file of it is: headers and
	 * status may be changed. */
	void (*job)(void *ctx, struct rest_call *call, const struct job_state *state, struct rest_answer *answer);
	bool (*file)(void *ctx, struct rest_call *call, size_t number, struct rest_answer *answer);
	bool (*capability)(void *ctx, struct rest_call *call, struct rest_answer *answer);
	bool (*smart_configuration)(void *ctx, struct rest_call *call, struct rest_answer *answer);
};

struct match_weights;
struct rest_export;

/* How far calls may go; 0 is the default each time. Messages name them limits.NAME. */
struct rest_limits {
	unsigned depth; /* nesting of JSON, 64 */
	unsigned entries; /* of a batch or transaction, 100,000 */
	unsigned deletes; /* resources that one conditional delete may delete, 100; at most 10,000 */
	unsigned page; /* resources on a page, 1,000 */
	unsigned chain; /* links of a chain, 5 */
	unsigned includes; /* that come with a page, 10,000 */
	unsigned query_ms; /* time of one search, 30,000 */
	size_t memory; /* of one request, as told to the HTTP server: for messages */
};

struct rest_options {
	struct rest_limits limits;
	const struct definitions *definitions;
	struct store *store;
	struct smart *smart; /* NULL: no authorization, everything allowed (loopback only) */
	struct access *access; /* with smart: the rules of the site; NULL: what scopes say */
	struct str base_path; /* "/fhir" */
	struct str base_url; /* "http://127.0.0.1:8080/fhir" */
	struct str token_url; /* for smart-configuration */
	struct str resource_metadata; /* URL that refusals name (RFC 9728 section 5.1); STR_NULL: none */
	struct decision_journal *journal; /* the budget of refusals that are kept; NULL: none is kept */
	const struct rest_face *face; /* NULL: none */
	const struct extractor *extractor; /* with a face; others have that of their search parameters */
	struct knowledge *knowledge; /* what $validate, $expand and rules of writing ask; NULL: they are refused */
	const struct match_weights *match_weights; /* of Patient/$match; NULL: the product's own */
	const struct zone *zone; /* of the site, for $apply; NULL: UTC. Borrowed */
	struct jobs *jobs; /* of asynchronous requests; NULL: Prefer: respond-async is not followed */
	/* $import, which lives above this room; NULL: not offered. Called when the caller may create and update all
	 * types; answers through rest_accept_job(). */
	bool (*import)(void *ctx, struct rest_call *call, struct rest_answer *answer, struct error *err);
	void *import_ctx;
	/* $export, which lives above this room; NULL: not offered. e is the hook's once it returns true; it answers
	 * through rest_accept_job(), and frees e when its work is done. */
	bool (*export)(void *ctx, struct rest_call *call, struct rest_export *e, struct rest_answer *answer,
		       struct error *err);
	void *export_ctx;
	uint64_t max_upload; /* bytes of an NDJSON body of $import */
	/* Tells whoever runs the server of something that should be looked at, without anything of anybody; may be
	 * NULL.
	 */
	void (*alert)(void *ctx, const char *what, struct str request_id);
	void *alert_ctx;
	bool audit_off; /* benchmarks that measure the cost of audit, nothing else */
	bool no_update_create; /* PUT of an id that is not there: 405 instead of creating */
};
struct rest_server *rest_open(const struct rest_options *options, struct error *err) MUST_USE;
void rest_close(struct rest_server *s);

/* The search parameters of the server, for whoever else writes to its store; NULL with a face. */
struct parameters *rest_parameters(struct rest_server *s);

/* The API as an OpenAPI 3.0 document in JSON. */
bool rest_openapi(const struct rest_server *s, struct arena *a, struct buf *out, struct error *err) MUST_USE;

/* Answers the exchange when its path lies under base_path (true), otherwise leaves it alone (false). */
bool rest_handle(struct rest_server *s, struct http_exchange *x);
/* The `expect` of the HTTP server for paths below base_path: bodies of $import go to a file, and only of callers that
 * may send them. */
bool rest_expect(struct rest_server *s, struct http_exchange *x, struct http_expectation *expectation,
		 struct error *err) MUST_USE;
bool rest_is_ndjson(struct str media_type);
/* One OperationOutcome of one error, and a FHIR instant. */
void rest_outcome_write(struct buf *out, const char *issue_type, struct str text);
struct str rest_instant(struct arena *a, int64_t ms);
/* The same for a request that failed before it was complete. */
void rest_refuse(struct rest_server *s, struct http_exchange *x, const struct error *err);

/* To whom its jobs and page links belong: client, person and patient together. */
struct str call_owner(const struct rest_call *call);
/* Makes a job of a call and puts 202 with its status URL into the answer. The work's ctx stays the caller's when this
 * is false. ERR_BUSY. */
bool rest_accept_job(struct rest_call *call, const struct job_work *work, struct rest_answer *answer,
		     struct error *err) MUST_USE;

/* What an $export asks for. Walked once, on any thread. */
struct rest_export_sink {
	/* One resource as one line; those of a type need not come together. False ends the walk. */
	bool (*line)(void *ctx, const struct fhir_type *type, struct str line, struct error *err);
	/* One that was deleted since. */
	bool (*gone)(void *ctx, const struct fhir_type *type, struct str id, struct error *err);
	void *ctx;
};
bool rest_export_run(struct rest_export *e, const struct rest_export_sink *sink, struct error *err) MUST_USE;
struct str rest_export_request(const struct rest_export *e); /* the URL asked, as long as e */
int64_t rest_export_time(const struct rest_export *e); /* of the snapshot, once it runs */
void rest_export_free(struct rest_export *e);

/* What a request would need: the permissions (enum scope_permission) for the type; 0, or no type: it decides by what it
 * finds. path is below the base, without query. ERR_NOT_FOUND, ERR_METHOD, ERR_UNKNOWN_TYPE. */
struct rest_needs {
	const char *interaction;
	const struct fhir_type *type;
	struct str id; /* STR_NULL: of no single resource */
	unsigned permissions;
};
bool rest_request_needs(struct arena *a, const struct definitions *d, struct str method, struct str path,
			struct rest_needs *ret_needs, struct error *err) MUST_USE;

/* What a method and a path below the base mean, without anything of the path itself: ":type/:id". NULL for nothing. */
const char *rest_pattern(struct str method, struct str path);

/* A resource made ready for the store: checked, with its id, stored form and index rows. Shared by create, update,
 * transactions, and import. Without op, if_match and must_exist, which the caller sets. The resource and everything
 * returned stay in arena a (or the document). */
struct rest_prepared {
	struct store_change change;
	struct index_rows rows;
};
bool rest_prepare(const struct definitions *d, const struct extractor *x, struct arena *a, const struct json *resource,
		  struct str id, const struct resource_rewrite *rewrite, struct str base,
		  struct rest_prepared *ret_prepared, struct error *err) MUST_USE;

/* A transaction bundle taken apart: ids given, urn:uuid links resolved, every entry prepared. Shared with import, where
 * nothing goes over HTTP. The first bad entry fails it all; err->path starts with Bundle.entry[n]. Bundles of other
 * types than transaction and batch are taken as well: an entry without request is an update of its resource when that
 * has an id, otherwise a create. Changes come in the order of R4 http.html#trules: deletes, creates, updates.
 * Conditions need a store, so they are refused here. */
struct rest_transaction {
	struct store_change *changes;
	size_t *entries; /* of each change: its position in Bundle.entry */
	size_t count;
	struct store_guard *guards; /* of conditions */
	size_t guard_count;
};
bool rest_transaction_prepare(const struct definitions *d, const struct extractor *x, struct arena *a,
			      const struct json *bundle, struct str base, struct rest_transaction *ret_transaction,
			      struct error *err) MUST_USE;

#endif

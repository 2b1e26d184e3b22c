/*
 * Requests of hooks (CDS Hooks 2.0, "HTTP Request") and prefetch templates. A request is read once; everything points
 * into its document, which must outlive it. What EHRs are known to send beside the specification is taken: ids of
 * patients and encounters with their type in front, a hookInstance that is no UUID, extensions anywhere, resources in
 * orders that are not quite valid, the entry of a batch's answer in place of a resource of the prefetch. What a service
 * could not do without is refused, with the member's name. Pure.
 */
#ifndef FIRTH_HOOKS_REQUEST_H
#define FIRTH_HOOKS_REQUEST_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

enum hook_id {
#define HOOK(id, name) HOOK_ID_##id,
#define FIELD(hook, name, form, need)
#include "hooks/hooks.def"
#undef HOOK
#undef FIELD
	HOOK_IDS
};

enum hook_form {
	HOOK_FORM_USER,
	HOOK_FORM_PATIENT,
	HOOK_FORM_ENCOUNTER,
	HOOK_FORM_REFERENCE,
	HOOK_FORM_REFERENCES,
	HOOK_FORM_BUNDLE,
	HOOK_FORM_RESOURCE,
	HOOK_FORM_RESOURCES
};
enum hook_need { HOOK_NEED_OPTIONAL, HOOK_NEED_EITHER, HOOK_NEED_REQUIRED };
struct hook_field {
	enum hook_id hook;
	const char *name;
	enum hook_form form;
	enum hook_need need;
};
struct hook_definition {
	enum hook_id id;
	const char *name; /* "order-sign" */
};
const struct hook_definition *hook_definition(enum hook_id id);
const struct hook_definition *hook_named(struct str name); /* NULL: there is no such hook */
/* The fields of its context. */
const struct hook_field *hook_fields(const struct hook_definition *hook, size_t *ret_count);
/* NULL: the hook's context has no such field. */
const struct hook_field *hook_field(const struct hook_definition *hook, struct str name);

struct hook_request {
	const struct hook_definition *hook;
	const struct json *document; /* all of it, extension included */
	struct str instance; /* hookInstance */
	struct str fhir_server; /* without a slash at the end; STR_NULL: none was sent */
	struct str access_token; /* of fhirAuthorization; STR_NULL: none */
	struct str scope, subject; /* STR_NULL: none */
	const struct json *context, *prefetch; /* prefetch NULL: none */
	struct str user; /* "Practitioner/7"; STR_NULL: the context has none */
	struct str patient, encounter; /* ids without type; STR_NULL: none */
	const struct json *orders; /* draftOrders or appointments, a Bundle or a list; NULL: none */
	const struct json *selections; /* of order-select; NULL: none */
	int zone; /* minutes east of UTC, by which today is: that of its orders' or appointments' own times, else 0 */
};

/* From the body. ERR_JSON and others of json_parse; ERR_REQUIRED and ERR_VALUE with the member as error.path, such as
 * "context.patientId". */
bool hook_request_read(struct arena *a, struct str body, struct hook_request *ret_request, struct error *err) MUST_USE;
/* The same of a document that was parsed. */
bool hook_request_of(struct arena *a, const struct json *document, struct hook_request *ret_request,
		     struct error *err) MUST_USE;

/* Is the resource one of the selections of an order-select? Always, when there are none. */
bool hook_is_selected(const struct hook_request *r, const struct json *resource);

/* ---- prefetch ---------------------------------------------------------------------------------------------------- */

/* The data that a service asked for, by key: what was sent along, or fetched later. */
struct hook_prefetch_value {
	struct str key;
	const struct json *value; /* a resource or a searchset; NULL: it was asked for and there is none */
};
struct hook_prefetch {
	const struct hook_prefetch_value *items;
	size_t count;
};
/* NULL for what there is none of, and for an unknown key. */
const struct json *hook_prefetch_get(const struct hook_prefetch *p, struct str key);

/* Walks resources of a value: the resource itself, that of an entry, or those of a Bundle's entries; OperationOutcomes
 * are passed over. struct hook_resources it = hook_resources(value); while ((resource = hook_resources_next(&it))) ...
 */
struct hook_resources {
	const struct json *single;
	struct json_iter entries;
};
struct hook_resources hook_resources(const struct json *value);
const struct json *hook_resources_next(struct hook_resources *it);

/* The user's role: the first code of a PractitionerRole among the data, else the type of the user, "Practitioner";
 * empty when neither is known. */
struct str hook_role(const struct hook_request *r, const struct hook_prefetch *p);

/* A template with its tokens filled in (CDS Hooks 2.0, "Prefetch Tokens"): {{context.patientId}},
 * {{userPractitionerId}} and its like, paths into the context such as {{context.draftOrders.MedicationRequest.id}} or
 * {{context.draftOrders.entry.resource.ofType(ServiceRequest).code.coding.code}}, whose values are joined by commas,
 * and
 * {{today() - 90 days}}, the day of the request's zone. Values are percent-encoded as far as they must. STR_NULL in
 * *ret_query when a token has no value: the key is then not to be asked for. ERR_VALUE for a template that is none. */
#define HOOK_TEMPLATE_MAX 4000
bool hook_template_fill(struct arena *a, const struct hook_request *r, int64_t now_ms, struct str text,
			struct str *ret_query, struct error *err) MUST_USE;
/* Could it be filled for this hook? ERR_VALUE says which token could not. */
bool hook_template_check(const struct hook_definition *hook, struct str text, struct error *err) MUST_USE;

#endif

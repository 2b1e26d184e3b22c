/*
 * Bundles (http://hl7.org/fhir/R4/bundle.html): the identity of their entries, what each kind of Bundle must begin
 * with, requests that fit what they carry, and links that fit the kind. Invariants of the definitions (bdl-1 to bdl-12)
 * are not repeated here. How entries hang together is in bundle_links.c.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 200 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

static bool is_one_of(struct str s, const char *a, const char *b)
{
	return str_is(s, a) || str_is(s, b);
}

static bool is_exchange(struct str type)
{
	return str_starts(type, S("transaction")) || str_starts(type, S("batch"));
}

/* ---- fullUrl ---------------------------------------------------------------------------------------------------- */

static bool is_absolute(struct str url)
{
	size_t colon = str_find_char(url, ':', 0);
	if (colon == STR_NONE || colon == 0)
		return false;
	for (size_t i = 0; i < colon; i++) {
		char c = url.p[i];
		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(i && ((c >= '0' && c <= '9') || strchr("+-.", c))))
			return false;
	}
	return true;
}

/* A fullUrl of the form of a RESTful one must be that of the resource. */
static void check_identity(struct validation *v, const struct node *entry, struct str full_url, struct str type,
			   struct str id)
{
	struct reference r = reference_parse(v->definitions, full_url);
	if (r.kind == REF_ABSOLUTE && r.type.n && type.n) {
		if (!id.n)
			find_error(v, entry, ERR_INVARIANT, "full-url",
				   "The fullUrl \"%.*s\" names a resource by type and id, but the resource has no id",
				   SHOW(full_url));
		else if (!str_eq(r.type, type) || !str_eq(r.id, id))
			find_error(v, entry, ERR_INVARIANT, "full-url",
				   "The fullUrl \"%.*s\" must end with the type and id of its resource, \"%.*s/%.*s\"",
				   SHOW(full_url), SHOW(type), SHOW(id));
		if (r.version.n)
			find_error(v, entry, ERR_INVARIANT, "bdl-8", "The fullUrl \"%.*s\" must not name a version",
				   SHOW(full_url));
	} else if (str_starts(full_url, S("urn:uuid:"))) {
		struct str uuid = str_slice(full_url, 9, full_url.n);
		if (str_eq_nocase(uuid, id) && !str_eq(uuid, id))
			find_warning(v, entry, ERR_VALUE, "full-url",
				     "The fullUrl \"%.*s\" and the id \"%.*s\" differ in upper and lower case",
				     SHOW(full_url), SHOW(id));
	}
}

static void check_full_url(struct validation *v, const struct node *entry, struct str bundle_type)
{
	const struct json *resource = json_get(entry->value, S("resource"));
	struct str full_url = json_get_str(entry->value, S("fullUrl"));
	if (full_url.n && !is_absolute(full_url)) {
		find_error(v, entry, ERR_VALUE, "full-url", "The fullUrl \"%.*s\" must be an absolute URL",
			   SHOW(full_url));
	} else if (full_url.n && resource) {
		check_identity(v, entry, full_url, json_get_str(resource, S("resourceType")),
			       json_get_str(resource, S("id")));
	} else if (!full_url.n && resource && !is_exchange(bundle_type) && !json_get(entry->value, S("request")) &&
		   !str_is(json_get_str(json_get(entry->value, S("search")), S("mode")), "outcome")) {
		find_error(
			v, entry, ERR_REQUIRED, "full-url",
			"An entry must have a fullUrl, the identity of its resource, unless the Bundle is a batch or "
			"transaction");
	}
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

/* "Type/id" or "Type" of request.url, relative to the server; *ret_id empty for a type alone. False for anything else,
 * such as searches and operations. */
static bool parse_request_url(struct validation *v, struct str url, struct str *ret_type, struct str *ret_id)
{
	if (str_find_char(url, '?', 0) != STR_NONE || str_find_char(url, '$', 0) != STR_NONE || is_absolute(url))
		return false;
	if (str_starts(url, S("/")))
		url = str_slice(url, 1, url.n);
	size_t slash = str_find_char(url, '/', 0);
	*ret_type = str_slice(url, 0, slash);
	*ret_id = slash == STR_NONE ? S("") : str_slice(url, slash + 1, url.n);
	return definitions_resource(v->definitions, *ret_type) && str_find_char(*ret_id, '/', 0) == STR_NONE;
}

static void check_request(struct validation *v, const struct node *entry)
{
	const struct json *resource = json_get(entry->value, S("resource"));
	const struct json *request = json_get(entry->value, S("request"));
	struct str method = json_get_str(request, S("method")), url = json_get_str(request, S("url"));
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	struct str to_type, to_id;
	struct node place = node_child(entry, S("request"), -1, request);
	struct node at = node_child(&place, S("url"), -1, json_get(request, S("url")));
	if (!request || !url.n)
		return;
	if (is_one_of(method, "PUT", "POST") && !resource && str_find_char(url, '$', 0) == STR_NONE &&
	    !str_ends(url, S("/_search")))
		find_error(v, entry, ERR_REQUIRED, "bundle-request", "A %.*s request must carry a resource",
			   SHOW(method));
	if (!type.n || !is_one_of(method, "PUT", "POST") || !parse_request_url(v, url, &to_type, &to_id))
		return;
	if (!str_eq(to_type, type))
		find_error(v, &at, ERR_VALUE, "bundle-request",
			   "The request goes to \"%.*s\", but the resource is of type %.*s", SHOW(url), SHOW(type));
	else if (str_is(method, "PUT") && to_id.n && !str_eq(to_id, id))
		find_error(v, &at, ERR_VALUE, "bundle-request",
			   "The request updates \"%.*s\", but the resource has the id \"%.*s\"", SHOW(url), SHOW(id));
	else if (str_is(method, "PUT") && !to_id.n)
		find_error(v, &at, ERR_VALUE, "bundle-request", "A PUT to \"%.*s\" names no id and no condition",
			   SHOW(url));
	else if (str_is(method, "POST") && to_id.n)
		find_error(v, &at, ERR_VALUE, "bundle-request",
			   "A POST goes to a type, not to a single resource as in \"%.*s\"", SHOW(url));
}

/* ---- kinds of Bundles ------------------------------------------------------------------------------------------- */

/* A document begins with its Composition, a message with its MessageHeader. */
static bool begins_with(struct validation *v, const struct node *at, const struct json *entries, const char *kind,
			const char *first)
{
	const struct json *entry = json_at(entries, 0);
	if (!entry) {
		find_error(v, at, ERR_REQUIRED, "bundle-first", "A %s must have at least one entry", kind);
		return false;
	}
	struct node place = node_child(at, S("entry"), 0, entry);
	if (str_is(json_get_str(json_get(entry, S("resource")), S("resourceType")), first))
		return true;
	find_error(v, &place, ERR_INVARIANT, "bundle-first", "The first entry of a %s must be a %s", kind, first);
	return false;
}

static void check_search_entry(struct validation *v, const struct node *entry)
{
	const struct json *resource = json_get(entry->value, S("resource"));
	struct str mode = json_get_str(json_get(entry->value, S("search")), S("mode"));
	bool outcome = str_is(json_get_str(resource, S("resourceType")), "OperationOutcome");
	struct node place = node_child(entry, S("resource"), -1, resource);
	if (resource && !outcome && !json_get_str(resource, S("id")).n)
		find_error(v, &place, ERR_REQUIRED, "search-id", "What a search finds must have an id");
	if (resource && mode.n && outcome != str_is(mode, "outcome"))
		find_error(v, entry, ERR_VALUE, "search-mode",
			   outcome ? "An OperationOutcome among search results must have the search mode outcome"
				   : "The search mode outcome is for an OperationOutcome");
}

/* The first part of the self link, when it is a search of one type: ".../Patient?name=x". */
static struct str searched_type(struct validation *v, const struct json *bundle)
{
	for (struct json_iter it = json_iter(json_get(bundle, S("link"))); json_next(&it);) {
		struct str url = json_get_str(it.value, S("url"));
		size_t question = str_find_char(url, '?', 0);
		if (!str_is(json_get_str(it.value, S("relation")), "self") || question == STR_NONE)
			continue;
		struct str path = str_slice(url, 0, question);
		size_t slash = str_rfind_char(path, '/');
		struct str type = slash == STR_NONE ? path : str_slice(path, slash + 1, path.n);
		return definitions_resource(v->definitions, type) ? type : STR_NULL;
	}
	return STR_NULL;
}

static void check_search(struct validation *v, const struct node *at, const struct json *entries)
{
	struct str type = searched_type(v, at->value);
	int64_t i = 0;
	for (struct json_iter it = json_iter(entries); json_next(&it); i++) {
		struct node entry = node_child(at, S("entry"), i, it.value);
		struct str mode = json_get_str(json_get(it.value, S("search")), S("mode"));
		struct str has = json_get_str(json_get(it.value, S("resource")), S("resourceType"));
		check_search_entry(v, &entry);
		if (type.n && has.n && str_is(mode, "match") && !str_eq(has, type))
			find_error(v, &entry, ERR_VALUE, "search-type",
				   "A search for %.*s does not match a resource of type %.*s", SHOW(type), SHOW(has));
	}
}

/* ---- links ------------------------------------------------------------------------------------------------------ */

static void check_stylesheet(struct validation *v, const struct node *bundle, const struct node *link)
{
	struct str url = json_get_str(link->value, S("url"));
	struct node at = node_child(link, S("url"), -1, json_get(link->value, S("url")));
	struct str first = json_get_str(json_at(json_get(bundle->value, S("entry")), 0), S("fullUrl"));
	if (validation_resolve_in(v, bundle->value, first, url).place != TARGET_NONE)
		return;
	if (!str_starts(url, S("http://")) && !str_starts(url, S("https://"))) {
		find_error(v, &at, ERR_NOT_FOUND, "stylesheet", "The stylesheet \"%.*s\" is not in this Bundle",
			   SHOW(url));
		return;
	}
	if (!str_ends(url, S("//hl7.org/fhir/fhir.css")))
		find_warning(v, &at, ERR_VALUE, "stylesheet",
			     "A document should bring its stylesheet with it; \"%.*s\" lies elsewhere", SHOW(url));
	if (str_starts(url, S("http://")))
		find_warning(v, &at, ERR_VALUE, "stylesheet", "The stylesheet \"%.*s\" is fetched without TLS",
			     SHOW(url));
}

/* Links that say where this Bundle is among others are there once. */
static void check_repeated(struct validation *v, const struct node *bundle, const struct node *link, bool pages)
{
	struct str relation = json_get_str(link->value, S("relation"));
	struct node at = node_child(link, S("relation"), -1, json_get(link->value, S("relation")));
	if (!str_is(relation, "self") && !(pages && is_one_of(relation, "first", "last")) &&
	    !(pages && is_one_of(relation, "previous", "next")))
		return;
	for (struct json_iter it = json_iter(json_get(bundle->value, S("link")));
	     json_next(&it) && it.value != link->value;)
		if (str_eq(json_get_str(it.value, S("relation")), relation)) {
			find_error(v, pages ? link : &at, ERR_MULTIPLE, "bundle-link",
				   "A link \"%.*s\" is there already", SHOW(relation));
			return;
		}
}

static void check_links(struct validation *v, const struct node *at, struct str type)
{
	static const char *const paging[] = {"first", "previous", "prev", "next", "last"};
	bool pages = is_one_of(type, "searchset", "history") || !type.n;
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(at->value, S("link"))); json_next(&it); i++) {
		struct node link = node_child(at, S("link"), i, it.value);
		struct str relation = json_get_str(it.value, S("relation"));
		check_repeated(v, at, &link, pages);
		if (str_is(relation, "stylesheet"))
			check_stylesheet(v, at, &link);
		for (size_t k = 0; !pages && k < sizeof(paging) / sizeof(paging[0]); k++) {
			struct node place = node_child(&link, S("relation"), -1, json_get(it.value, S("relation")));
			if (str_is(relation, paging[k]))
				find_error(
					v, &place, ERR_VALUE, "bundle-link",
					"The link \"%s\" leads through pages of searches and histories; it is not for "
					"a Bundle of type %.*s",
					paging[k], SHOW(type));
		}
	}
}

/* ---- all -------------------------------------------------------------------------------------------------------- */

void rule_bundle(struct validation *v, const struct node *at)
{
	const struct json *entries = json_get(at->value, S("entry"));
	struct str type = json_get_str(at->value, S("type"));
	int64_t i = 0;
	for (struct json_iter it = json_iter(entries); json_next(&it); i++) {
		struct node entry = node_child(at, S("entry"), i, it.value);
		check_full_url(v, &entry, type);
		if (is_one_of(type, "transaction", "batch"))
			check_request(v, &entry);
	}
	check_links(v, at, type);
	if (str_is(type, "document") && begins_with(v, at, entries, "document", "Composition"))
		bundle_check_document(v, at);
	else if (str_is(type, "message") && begins_with(v, at, entries, "message", "MessageHeader"))
		bundle_check_message(v, at);
	else if (str_is(type, "searchset"))
		check_search(v, at, entries);
}

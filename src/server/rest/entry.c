/*
 * One entry of a batch or transaction bundle: what its request asks for (http://hl7.org/fhir/R4/bundle.html#bdl).
 * Nothing is stored or searched here.
 */
#include <stdio.h>

#include "base/random.h"
#include "server/rest/rest_priv.h"

bool entry_fail(struct error *err, enum error_code code, size_t position, const char *below, const char *text)
{
	char path[64];
	int n = snprintf(path, sizeof(path), "Bundle.entry[%zu]%s", position, below);
	return error_set_at(err, code, str_make(path, (size_t)n), "%s", text);
}

void entry_place_error(struct error *err, size_t position)
{
	if (!err || str_starts(str_from(err->path), S("Bundle.entry[")))
		return;
	char path[sizeof(err->path)];
	struct str inner = str_from(err->path);
	size_t dot = str_find_char(inner, '.', 0);
	struct str below = dot == STR_NONE ? STR_NULL : str_slice(inner, dot, inner.n);
	snprintf(path, sizeof(path), "Bundle.entry[%zu]%s%.*s", position, inner.n ? ".resource" : "", STR_ARG(below));
	memcpy(err->path, path, sizeof(path));
}

/* Relative URLs below the base; an absolute one must start with the base (http.html#trules). */
static bool url_below_base(struct str base, struct str url, struct str *ret_url)
{
	if (base.p && base.n && str_starts(url, base) && url.n > base.n && url.p[base.n] == '/')
		url = str_slice(url, base.n + 1, url.n);
	else if (str_find(str_slice(url, 0, str_find_char(url, '?', 0)), S("://")) != STR_NONE)
		return false;
	if (url.n && url.p[0] == '/')
		url = str_slice(url, 1, url.n);
	*ret_url = url;
	return true;
}

static bool read_method(struct str text, struct bundle_entry *e)
{
	static const struct {
		const char *text;
		enum entry_method method;
	} methods[] = {{"POST", ENTRY_CREATE},	 {"PUT", ENTRY_UPDATE},	 {"GET", ENTRY_GET},
		       {"DELETE", ENTRY_DELETE}, {"PATCH", ENTRY_PATCH}, {"HEAD", ENTRY_GET}};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (str_is(text, methods[i].text)) {
			e->method = methods[i].method;
			e->head = str_is(text, "HEAD");
			return true;
		}
	}
	return false;
}

struct str rest_new_id(const struct rest_face *face, struct arena *a, const struct fhir_type *type,
		       const struct json *resource)
{
	if (face && face->new_id)
		return face->new_id(face->ctx, a, type, resource);
	char text[UUID_SIZE];
	random_uuid_ordered(text);
	return arena_str(a, str_make(text, sizeof(text)));
}

/* Type[/id] or Type?condition of a write's URL into the entry. */
static bool read_target(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	struct str condition = e->url, rest = str_split(&condition, '?'), name = str_split(&rest, '/');
	e->type = definitions_resource(o->preparer.definitions, name);
	if (!e->type)
		return entry_fail(err, ERR_UNKNOWN_TYPE, e->position, ".request.url",
				  "The URL does not start with a resource type of FHIR R4");
	if (e->method == ENTRY_CREATE)
		return (!rest.p && !condition.p) ||
		       entry_fail(err, ERR_VALUE, e->position, ".request.url",
				  "A POST names the type only; to choose the id use PUT, to search use GET");
	if (rest.p ? condition.p || !fhir_id_valid(rest) : !condition.p)
		return entry_fail(err, ERR_VALUE, e->position, ".request.url",
				  "The URL must be a type and a valid id, such as Patient/123, or a type and a "
				  "condition, such as Patient?identifier=1");
	e->id = rest;
	e->condition = condition;
	return true;
}

static bool check_resource(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	if (e->method == ENTRY_DELETE || e->method == ENTRY_GET)
		return true;
	if (!json_is(e->resource, JSON_OBJECT))
		return entry_fail(err, ERR_REQUIRED, e->position, ".resource", "This method needs a resource");
	if (e->method == ENTRY_PATCH) {
		if (patch_from_entry(o, e->resource, &e->patch, err))
			return true;
		entry_place_error(err, e->position);
		return false;
	}
	if (!str_eq(json_get_str(e->resource, S("resourceType")), e->type->name))
		return entry_fail(err, ERR_STRUCTURE, e->position, ".resource",
				  "The resource is not of the type that request.url names");
	return true;
}

/* Plain bundles carry no requests: what is there is to be as it is. */
static bool read_plain(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	e->type = resource_type(o->preparer.definitions, e->resource, err);
	if (!e->type) {
		entry_place_error(err, e->position);
		return false;
	}
	struct str own = json_get_str(e->resource, S("id"));
	if (own.p && !fhir_id_valid(own))
		return entry_fail(err, ERR_VALUE, e->position, ".resource.id", "The id is not a valid FHIR id");
	e->method = own.p ? ENTRY_UPDATE : ENTRY_CREATE;
	e->id = own;
	return true;
}

/* Elements that Bundle.entry and Bundle.entry.request do not have are refused as everywhere. */
static bool known_members(const struct bundle_options *o, const struct json *j, struct str type_name, size_t position,
			  const char *below, struct error *err)
{
	const struct fhir_type *type = definitions_type(o->preparer.definitions, type_name), *ignored;
	struct json_iter it = json_iter(j);
	while (type && json_next(&it)) {
		struct str name = it.key.n && it.key.p[0] == '_' ? str_slice(it.key, 1, it.key.n) : it.key;
		if (!definitions_element(type, name, &ignored))
			return entry_fail(err, ERR_STRUCTURE, position, below,
					  "It has an element that FHIR R4 does not know");
	}
	return true;
}

/* What guards the entry, as the headers of a request of its own would. */
static bool read_conditions(const struct json *request, struct bundle_entry *e, struct error *err)
{
	struct str if_none_exist = json_get_str(request, S("ifNoneExist"));
	e->if_match = json_get_str(request, S("ifMatch"));
	e->if_none_match = json_get_str(request, S("ifNoneMatch"));
	e->if_modified_since = json_get_str(request, S("ifModifiedSince"));
	if (e->if_match.p && !etag_parse(e->if_match, &e->version, &e->must_exist, NULL))
		return entry_fail(err, ERR_VALUE, e->position, ".request.ifMatch", "ifMatch must look like W/\"3\"");
	if (e->if_match.p && (e->method == ENTRY_CREATE || e->method == ENTRY_GET))
		return entry_fail(err, ERR_VALUE, e->position, ".request.ifMatch",
				  "ifMatch has a meaning for PUT, PATCH and DELETE only");
	if (if_none_exist.p && e->method != ENTRY_CREATE)
		return entry_fail(err, ERR_VALUE, e->position, ".request.ifNoneExist",
				  "ifNoneExist has a meaning for POST only");
	if (if_none_exist.p && !create_condition(e->type, if_none_exist, &e->condition, NULL))
		return entry_fail(err, ERR_VALUE, e->position, ".request.ifNoneExist",
				  "ifNoneExist holds search parameters, or a search of the type that is created");
	e->must_be_new = e->method == ENTRY_UPDATE && str_is(str_trim(e->if_none_match), "*");
	if (e->if_none_match.p && e->method != ENTRY_GET && !e->must_be_new)
		return entry_fail(err, ERR_NOT_SUPPORTED, e->position, ".request.ifNoneMatch",
				  "For writes ifNoneMatch is supported as * with PUT only");
	return true;
}

static bool read_request(const struct bundle_options *o, const struct json *request, struct bundle_entry *e,
			 struct error *err)
{
	struct str url = json_get_str(request, S("url"));
	if (!known_members(o, request, S("Bundle.entry.request"), e->position, ".request", err))
		return false;
	if (!read_method(json_get_str(request, S("method")), e))
		return entry_fail(err, ERR_NOT_SUPPORTED, e->position, ".request.method",
				  "The method must be GET, HEAD, POST, PUT, PATCH or DELETE");
	if (!url.n || !url_below_base(o->preparer.base, url, &e->url))
		return entry_fail(err, ERR_VALUE, e->position, ".request.url",
				  "The URL must be relative to this server's base");
	/* Operations answer like reads, whatever their method. */
	struct str query = e->url, path = str_split(&query, '?');
	if (e->method == ENTRY_CREATE && operation_is_path(path)) {
		e->method = ENTRY_GET;
		e->post = true;
	}
	if (e->method == ENTRY_GET)
		return read_conditions(request, e, err);
	return read_target(o, e, err) && read_conditions(request, e, err) && check_resource(o, e, err);
}

struct bundle_options bundle_options_of(const struct rest_call *call, struct buf *scratch)
{
	const struct rest_options *server = &call->server->o;
	buf_init(scratch, REST_MAX_RESOURCE);
	return (struct bundle_options){.preparer = {.definitions = server->definitions,
						    .extractor = call_extractor(call),
						    .parameters = call->server->parameters,
						    .parameter_set = call->parameters,
						    .arena = call->arena,
						    .base = server->base_url,
						    .knowledge = server->knowledge,
						    .scratch = scratch},
				       .store = server->store,
				       .call = call,
				       .face = server->face,
				       .max_delete = server->limits.deletes,
				       .max_entries = server->limits.entries,
				       .no_update_create = server->no_update_create};
}

bool bundle_entry_read(const struct bundle_options *o, const struct json *bundle_type, const struct json *entry,
		       size_t position, struct bundle_entry *ret_entry, struct error *err)
{
	struct bundle_entry e = {.position = position,
				 .resource = json_get(entry, S("resource")),
				 .full_url = json_get_str(entry, S("fullUrl"))};
	const struct json *request = json_get(entry, S("request"));
	struct str type = json_str(bundle_type);

	if (!json_is(entry, JSON_OBJECT))
		return entry_fail(err, ERR_STRUCTURE, position, "", "An entry must be an object");
	if (!known_members(o, entry, S("Bundle.entry"), position, "", err))
		return false;
	if (json_is(request, JSON_OBJECT)) {
		if (!read_request(o, request, &e, err))
			return false;
	} else if (request || str_is(type, "transaction") || str_is(type, "batch")) {
		return entry_fail(err, ERR_REQUIRED, position, ".request",
				  "The entry needs a request with method and url");
	} else if (!read_plain(o, &e, err)) {
		return false;
	}
	*ret_entry = e;
	return true;
}

bool bundle_check(const struct bundle_options *o, const struct json *bundle, struct error *err)
{
	const struct fhir_type *type = definitions_type(o->preparer.definitions, S("Bundle")), *ignored;
	const struct json *list = json_get(bundle, S("entry"));
	struct json_iter it = json_iter(bundle);
	if (!str_is(json_get_str(bundle, S("resourceType")), "Bundle"))
		return error_set(err, ERR_STRUCTURE, "A Bundle was expected");
	while (type && json_next(&it)) {
		struct str name = it.key.n && it.key.p[0] == '_' ? str_slice(it.key, 1, it.key.n) : it.key;
		if (!str_is(name, "resourceType") && !definitions_element(type, name, &ignored))
			return error_set_at(err, ERR_STRUCTURE, S("Bundle"),
					    "It has an element that FHIR R4 does not know");
	}
	if (list && !json_is(list, JSON_ARRAY))
		return error_set_at(err, ERR_STRUCTURE, S("Bundle.entry"), "Bundle.entry must be an array");
	size_t max = o->max_entries ? o->max_entries : REST_MAX_ENTRIES;
	if (json_size(list) > max)
		return error_set_at(err, ERR_TOO_LARGE, S("Bundle.entry"),
				    "The bundle has %zu entries, the limit is %zu (limits.entries)", json_size(list),
				    max);
	return true;
}

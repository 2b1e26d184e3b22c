/*
 * patch (http://hl7.org/fhir/R4/http.html#patch): the current version, changed by JSON Patch, FHIRPath Patch or XML
 * Patch, becomes the next one, checked like any update. It is committed only if nobody else changed the resource
 * meanwhile; then the patch is applied anew, unless If-Match named the version.
 */
#include "patch/patch.h"

#include "base/encode.h"
#include "server/rest/rest_priv.h"

static bool read_current(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	bool absent;
	if (!sight_before(o, e, &absent, err))
		return false;
	if (absent)
		return error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id; a patch needs one",
				 STR_ARG(e->type->name));
	if (e->found_count)
		return true;
	e->found = ARENA_NEW(o->preparer.arena, struct store_entry);
	if (!e->found)
		return error_memory(err);
	if (!store_read(o->store, o->preparer.arena, e->type, e->id, 0, e->found, err)) {
		enum error_code code = err->code;
		if (code != ERR_NOT_FOUND && code != ERR_GONE)
			return false;
		error_clear(err);
		return error_set(err, code,
				 code == ERR_GONE ? "This %.*s was deleted; there is nothing to patch"
						  : "There is no %.*s with this id; a patch needs one",
				 STR_ARG(e->type->name));
	}
	return true;
}

static bool find_one(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	struct condition_answer found;
	if (!condition_find(o, e->type, e->condition, 1, &found, err))
		return false;
	if (found.count != 1)
		return found.count
			       ? error_set(err, ERR_MULTIPLE,
					   "The condition matches more than one %.*s; a patch needs one",
					   STR_ARG(e->type->name))
			       : error_set(err, ERR_NOT_FOUND, "The condition matches no %.*s", STR_ARG(e->type->name));
	e->guard = found.guard;
	e->found = found.entries;
	e->id = found.entries[0].id;
	return true;
}

bool patch_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	if (!o->store)
		return error_set(err, ERR_NOT_SUPPORTED, "Patches need the current version, which is not at hand here");
	if (e->condition.p ? !find_one(o, e, err) : !read_current(o, e, err))
		return false;
	e->found_count = e->change_count = 1;
	/* Said before the patch is tried, which would fail on another version for reasons that explain less. */
	if (e->version && e->version != e->found->version)
		return error_set(err, ERR_PRECONDITION,
				 "If-Match names version %lld, but the current version is %lld: W/\"%lld\"",
				 (long long)e->version, (long long)e->found->version, (long long)e->found->version);
	return true;
}

const struct json *patch_result(const struct bundle_options *o, const struct bundle_entry *e, struct error *err)
{
	struct arena *a = o->preparer.arena;
	const struct definitions *d = o->preparer.definitions;
	struct store_entry shown = *e->found; /* what is hidden cannot be looked at by a patch either */
	const struct json *result = NULL, *resource;
	if (!call_mask(o->call, a, &shown, err) || !(resource = json_parse(a, shown.body, 0, err)))
		return NULL;
	switch (e->patch.kind) {
	case PATCH_JSON:
		result = patch_json(a, resource, e->patch.json, err);
		break;
	case PATCH_FHIRPATH:
		result = patch_fhirpath(a, d, resource, e->patch.json, err);
		break;
	case PATCH_XML:
		result = patch_xml(a, d, resource, e->patch.text, err);
		break;
	}
	if (result &&
	    (!json_is(result, JSON_OBJECT) || !str_eq(json_get_str(result, S("resourceType")), e->type->name) ||
	     !str_eq(json_get_str(result, S("id")), e->id))) {
		error_set(err, ERR_PATCH, "The patch would change the type or the id of the resource");
		return NULL;
	}
	return result;
}

static bool decode_binary(struct arena *a, struct str data, struct str *ret_text, struct error *err)
{
	struct buf bytes;
	buf_init(&bytes, REST_MAX_RESOURCE);
	bool ok = decode_base64(&bytes, data);
	*ret_text = ok ? arena_str(a, buf_str(&bytes)) : STR_NULL;
	buf_done(&bytes);
	if (!ok)
		return error_set_at(err, ERR_VALUE, S("Binary.data"), "Binary.data is not base64");
	return ret_text->p || error_memory(err);
}

bool patch_from_entry(const struct bundle_options *o, const struct json *resource, struct patch *ret_patch,
		      struct error *err)
{
	struct str text, type = json_get_str(resource, S("resourceType"));
	enum media_body body;
	if (str_is(type, "Parameters")) {
		*ret_patch = (struct patch){.kind = PATCH_FHIRPATH, .json = resource};
		return true;
	}
	if (!str_is(type, "Binary"))
		return error_set(err, ERR_STRUCTURE,
				 "A patch in a bundle is a Parameters resource, or a Binary with a JSON or XML Patch");
	if (!media_body(json_get_str(resource, S("contentType")), true, &body, err) ||
	    !decode_binary(o->preparer.arena, json_get_str(resource, S("data")), &text, err))
		return false;
	*ret_patch = (struct patch){.kind = PATCH_FHIRPATH, .text = text};
	switch (body) {
	case MEDIA_XML_PATCH:
		ret_patch->kind = PATCH_XML;
		return true;
	case MEDIA_XML:
		ret_patch->json = xml_read_resource(o->preparer.arena, o->preparer.definitions, text, NULL, err);
		break;
	case MEDIA_JSON_PATCH:
		ret_patch->kind = PATCH_JSON; /* fallthrough */
	case MEDIA_JSON:
		ret_patch->json = json_parse(o->preparer.arena, text, 0, err);
		break;
	}
	return ret_patch->json != NULL;
}

/* Reading requests: the table of hooks, and each member with the words that a refusal says about it. */
#include "hooks/request.h"

enum { SHOWN = 60, ID_MAX = 256, INSTANCE_MAX = 256, URL_MAX = 2000, TOKEN_MAX = 16 * 1024 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

static const struct hook_definition hooks[HOOK_IDS] = {
#define HOOK(word, text) {HOOK_ID_##word, text},
#define FIELD(hook, text, shape, needed)
#include "hooks/hooks.def"
#undef HOOK
#undef FIELD
};
/* Those of a hook stand together. */
static const struct hook_field fields[] = {
#define HOOK(word, text)
#define FIELD(word, text, shape, needed) {HOOK_ID_##word, text, HOOK_FORM_##shape, HOOK_NEED_##needed},
#include "hooks/hooks.def"
#undef HOOK
#undef FIELD
};

const struct hook_definition *hook_definition(enum hook_id id)
{
	return &hooks[id];
}

const struct hook_definition *hook_named(struct str name)
{
	for (size_t i = 0; i < HOOK_IDS; i++)
		if (str_is(name, hooks[i].name))
			return &hooks[i];
	return NULL;
}

const struct hook_field *hook_fields(const struct hook_definition *hook, size_t *ret_count)
{
	size_t all = sizeof(fields) / sizeof(*fields), first = 0, end;
	while (first < all && fields[first].hook != hook->id)
		first++;
	for (end = first; end < all && fields[end].hook == hook->id;)
		end++;
	*ret_count = end - first;
	return &fields[first];
}

const struct hook_field *hook_field(const struct hook_definition *hook, struct str name)
{
	size_t count;
	const struct hook_field *list = hook_fields(hook, &count);
	for (size_t i = 0; i < count; i++)
		if (str_is(name, list[i].name))
			return &list[i];
	return NULL;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

struct reading {
	struct arena *a;
	struct hook_request *r;
	struct error *err;
};

static bool wrong(const struct reading *in, enum error_code code, struct str path, const char *what)
{
	return error_set_at(in->err, code, path, "%.*s %s", STR_ARG(path), what);
}

static struct str context_path(const struct reading *in, const char *name)
{
	return arena_printf(in->a, "context.%s", name);
}

/* A text of printable characters: what comes into URLs, headers and keys later. */
static bool is_word(struct str text, size_t max)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7F)
			return false;
	return text.n > 0 && text.n <= max;
}

static bool read_text(const struct reading *in, const char *name, size_t max, bool required, struct str *ret)
{
	const struct json *value = json_get(in->r->document, str_from(name));
	if (!value && !required)
		return true;
	if (!value)
		return wrong(in, ERR_REQUIRED, str_from(name), "is required (CDS Hooks 2.0, \"HTTP Request\")");
	if (!is_word(json_str(value), max))
		return wrong(in, ERR_VALUE, str_from(name), "must be a text without spaces");
	*ret = json_str(value);
	return true;
}

static bool read_server(const struct reading *in)
{
	struct str url = STR_NULL;
	if (!read_text(in, "fhirServer", URL_MAX, false, &url))
		return false;
	if (!url.p)
		return true;
	if (!str_starts(url, S("https://")) && !str_starts(url, S("http://")))
		return wrong(in, ERR_VALUE, S("fhirServer"), "must be an absolute URL");
	while (str_ends(url, S("/")))
		url.n--;
	in->r->fhir_server = url;
	return true;
}

/* CDS Hooks 2.0, "Passing the Access Token to the CDS Service". */
static bool read_authorization(const struct reading *in)
{
	const struct json *value = json_get(in->r->document, S("fhirAuthorization"));
	struct str type = json_get_str(value, S("token_type")), token = json_get_str(value, S("access_token"));
	if (!value || json_is(value, JSON_NULL))
		return true;
	if (!json_is(value, JSON_OBJECT))
		return wrong(in, ERR_VALUE, S("fhirAuthorization"), "must be an object");
	if (!in->r->fhir_server.p)
		return wrong(in, ERR_REQUIRED, S("fhirServer"), "is required beside fhirAuthorization");
	if (!is_word(token, TOKEN_MAX))
		return wrong(in, token.p ? ERR_VALUE : ERR_REQUIRED, S("fhirAuthorization.access_token"),
			     "must be a text without spaces");
	if (!str_eq_nocase(type, S("Bearer")))
		return wrong(in, type.p ? ERR_VALUE : ERR_REQUIRED, S("fhirAuthorization.token_type"),
			     "must be Bearer");
	in->r->access_token = token;
	in->r->scope = json_get_str(value, S("scope"));
	in->r->subject = json_get_str(value, S("subject"));
	return true;
}

/* ---- the context ------------------------------------------------------------------------------------------------- */

/* "Patient/12" is taken for 12, as some EHRs write it. */
static bool read_id(const struct reading *in, const struct hook_field *f, struct str text, struct str *ret)
{
	struct str type = f->form == HOOK_FORM_PATIENT ? S("Patient/") : S("Encounter/");
	struct str id = str_starts(text, type) ? str_slice(text, type.n, text.n) : text;
	for (size_t i = 0; i < id.n; i++)
		if (strchr("/\\?#%&", id.p[i]))
			return wrong(in, ERR_VALUE, context_path(in, f->name),
				     "must be an id of a resource, without type and slash");
	if (!is_word(id, ID_MAX) || str_is(id, ".") || str_is(id, ".."))
		return wrong(in, ERR_VALUE, context_path(in, f->name), "must be an id of a resource");
	*ret = id;
	return true;
}

/* Type/id, perhaps behind a base URL. */
static bool is_reference(struct str text)
{
	size_t slash = str_rfind_char(text, '/');
	return is_word(text, URL_MAX) && slash != STR_NONE && slash > 0 && slash + 1 < text.n;
}

static bool check_references(const struct reading *in, const struct hook_field *f, const struct json *list)
{
	struct json_iter it = json_iter(list);
	if (!json_is(list, JSON_ARRAY))
		return wrong(in, ERR_VALUE, context_path(in, f->name), "must be a list");
	for (size_t i = 0; json_next(&it); i++)
		if (!is_reference(json_str(it.value)))
			return wrong(in, ERR_VALUE, arena_printf(in->a, "context.%s[%zu]", f->name, i),
				     "must be a reference such as MedicationRequest/12");
	return true;
}

static bool is_resource(const struct json *value)
{
	return json_get_str(value, S("resourceType")).n > 0;
}

static bool check_resources(const struct reading *in, const struct hook_field *f, const struct json *list)
{
	struct json_iter it = json_iter(list);
	if (!json_is(list, JSON_ARRAY))
		return wrong(in, ERR_VALUE, context_path(in, f->name), "must be a list");
	for (size_t i = 0; json_next(&it); i++)
		if (!is_resource(it.value))
			return wrong(in, ERR_VALUE, arena_printf(in->a, "context.%s[%zu]", f->name, i),
				     "must be a FHIR resource");
	return true;
}

/* Or a plain list of the resources, as earlier versions wrote appointments. */
static bool check_bundle(const struct reading *in, const struct hook_field *f, const struct json *bundle)
{
	const struct json *entries = json_get(bundle, S("entry"));
	struct json_iter it = json_iter(entries);
	if (json_is(bundle, JSON_ARRAY))
		return check_resources(in, f, bundle);
	if (!str_is(json_get_str(bundle, S("resourceType")), "Bundle"))
		return wrong(in, ERR_VALUE, context_path(in, f->name), "must be a Bundle");
	if (entries && !json_is(entries, JSON_ARRAY))
		return wrong(in, ERR_VALUE, arena_printf(in->a, "context.%s.entry", f->name), "must be a list");
	for (size_t i = 0; json_next(&it); i++)
		if (!is_resource(json_get(it.value, S("resource"))))
			return wrong(in, ERR_VALUE, arena_printf(in->a, "context.%s.entry[%zu].resource", f->name, i),
				     "must be a FHIR resource");
	return true;
}

static bool read_field(const struct reading *in, const struct hook_field *f, const struct json *value)
{
	switch (f->form) {
	case HOOK_FORM_USER:
		in->r->user = json_str(value);
		return is_reference(in->r->user) ||
		       wrong(in, ERR_VALUE, context_path(in, f->name), "must have the form Practitioner/12");
	case HOOK_FORM_PATIENT:
		return read_id(in, f, json_str(value), &in->r->patient);
	case HOOK_FORM_ENCOUNTER:
		return read_id(in, f, json_str(value), &in->r->encounter);
	case HOOK_FORM_REFERENCE:
		return is_reference(json_str(value)) ||
		       wrong(in, ERR_VALUE, context_path(in, f->name), "must have the form ServiceRequest/12");
	case HOOK_FORM_REFERENCES:
		if (str_is(str_from(f->name), "selections"))
			in->r->selections = value;
		return check_references(in, f, value);
	case HOOK_FORM_BUNDLE:
		in->r->orders = value;
		return check_bundle(in, f, value);
	case HOOK_FORM_RESOURCE:
		return is_resource(value) || wrong(in, ERR_VALUE, context_path(in, f->name), "must be a FHIR resource");
	default:
		return check_resources(in, f, value);
	}
}

static bool read_context(const struct reading *in)
{
	const struct json *context = json_get(in->r->document, S("context"));
	const char *either = NULL;
	bool found = false;
	size_t count;
	const struct hook_field *list = hook_fields(in->r->hook, &count);
	if (!context)
		return wrong(in, ERR_REQUIRED, S("context"), "is required (CDS Hooks 2.0, \"HTTP Request\")");
	if (!json_is(context, JSON_OBJECT))
		return wrong(in, ERR_VALUE, S("context"), "must be an object");
	in->r->context = context;
	for (size_t i = 0; i < count; i++) {
		const struct hook_field *f = &list[i];
		const struct json *value = json_get(context, str_from(f->name));
		bool there = value && !json_is(value, JSON_NULL);
		if (f->need == HOOK_NEED_EITHER)
			either = f->name;
		found = found || (there && f->need == HOOK_NEED_EITHER);
		if (there && !read_field(in, f, value))
			return false;
		if (!there && f->need == HOOK_NEED_REQUIRED)
			return wrong(in, ERR_REQUIRED, context_path(in, f->name),
				     arena_printf(in->a, "is required by the hook %s", in->r->hook->name).p);
	}
	return !either || found ||
	       wrong(in, ERR_REQUIRED, context_path(in, either),
		     arena_printf(in->a, "is required by the hook %s", in->r->hook->name).p);
}

static bool read_hook(const struct reading *in)
{
	struct str name = STR_NULL;
	if (!read_text(in, "hook", INSTANCE_MAX, true, &name))
		return false;
	in->r->hook = hook_named(name);
	return in->r->hook ||
	       error_set_at(in->err, ERR_VALUE, S("hook"), "hook %.*s is none that is known here", SHOW(name));
}

static bool read_prefetch(const struct reading *in)
{
	const struct json *prefetch = json_get(in->r->document, S("prefetch"));
	struct json_iter it = json_iter(prefetch);
	if (!prefetch || json_is(prefetch, JSON_NULL))
		return true;
	if (!json_is(prefetch, JSON_OBJECT))
		return wrong(in, ERR_VALUE, S("prefetch"), "must be an object");
	while (json_next(&it))
		if (!json_is(it.value, JSON_NULL) && !is_resource(it.value) &&
		    !is_resource(json_get(it.value, S("resource"))))
			return wrong(in, ERR_VALUE, arena_printf(in->a, "prefetch.%.*s", SHOW(it.key)),
				     "must be a FHIR resource, or null when there is none");
	in->r->prefetch = prefetch;
	return true;
}

/* "2026-11-26T08:00:00-05:00"; Z says nothing about the place. */
static bool read_offset(struct str time, int *ret_minutes)
{
	uint64_t hours, minutes;
	struct str tail = time.n > 16 ? str_slice(time, time.n - 6, time.n) : S("");
	if (tail.n != 6 || (tail.p[0] != '+' && tail.p[0] != '-') || tail.p[3] != ':' ||
	    !str_to_u64(str_slice(tail, 1, 3), &hours) || !str_to_u64(str_slice(tail, 4, 6), &minutes) || hours > 14 ||
	    minutes > 59)
		return false;
	*ret_minutes = (int)(hours * 60 + minutes) * (tail.p[0] == '-' ? -1 : 1);
	return true;
}

/* Of the first order or appointment whose time has one. */
static void read_zone(struct hook_request *r)
{
	static const char *const times[] = {"authoredOn", "start", "dateWritten", "dateTime"};
	struct hook_resources it = hook_resources(r->orders);
	const struct json *resource;
	while (r->orders && (resource = hook_resources_next(&it)))
		for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
			if (read_offset(json_get_str(resource, str_from(times[i])), &r->zone))
				return;
}

bool hook_request_of(struct arena *a, const struct json *document, struct hook_request *ret_request, struct error *err)
{
	struct hook_request r = {.document = document};
	const struct reading in = {a, &r, err};
	if (!json_is(document, JSON_OBJECT))
		return error_set(err, ERR_VALUE, "The request must be a JSON object, not %s",
				 json_type_name(json_type(document)));
	if (!read_hook(&in) || !read_text(&in, "hookInstance", INSTANCE_MAX, true, &r.instance) || !read_server(&in) ||
	    !read_authorization(&in) || !read_context(&in) || !read_prefetch(&in))
		return false;
	read_zone(&r);
	*ret_request = r;
	return true;
}

bool hook_request_read(struct arena *a, struct str body, struct hook_request *ret_request, struct error *err)
{
	const struct json *document = json_parse(a, body, 2 * JSON_MAX_DEPTH, err); /* resources lie some levels deep */
	return document && hook_request_of(a, document, ret_request, err);
}

bool hook_is_selected(const struct hook_request *r, const struct json *resource)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	struct json_iter it = json_iter(r->selections);
	if (!r->selections)
		return true;
	while (json_next(&it)) {
		struct str text = json_str(it.value);
		size_t slash = str_rfind_char(text, '/');
		struct str before = str_slice(text, 0, slash);
		if (str_eq(str_slice(text, slash + 1, text.n), id) && str_ends(before, type))
			return true;
	}
	return false;
}

/* ---- prefetch ---------------------------------------------------------------------------------------------------- */

const struct json *hook_prefetch_get(const struct hook_prefetch *p, struct str key)
{
	for (size_t i = 0; i < p->count; i++)
		if (str_eq(p->items[i].key, key))
			return p->items[i].value;
	return NULL;
}

struct hook_resources hook_resources(const struct json *value)
{
	bool bundle = str_is(json_get_str(value, S("resourceType")), "Bundle");
	if (!json_get(value, S("resourceType")) && json_get(value, S("resource")))
		value = json_get(value, S("resource"));
	bool list = json_is(value, JSON_ARRAY);
	return (struct hook_resources){.single = bundle || list ? NULL : value,
				       .entries = json_iter(bundle ? json_get(value, S("entry"))
							    : list ? value
								   : NULL)};
}

/* Of an entry of a Bundle; a resource in a list is its own. */
static const struct json *entry_resource(const struct json *item)
{
	return json_get(item, S("resourceType")) ? item : json_get(item, S("resource"));
}

const struct json *hook_resources_next(struct hook_resources *it)
{
	for (;;) {
		const struct json *resource = it->single;
		it->single = NULL;
		if (!resource && !json_next(&it->entries))
			return NULL;
		if (!resource)
			resource = entry_resource(it->entries.value);
		struct str type = json_get_str(resource, S("resourceType"));
		if (type.n && !str_is(type, "OperationOutcome"))
			return resource;
	}
}

static struct str role_in(const struct json *value)
{
	struct hook_resources it = hook_resources(value);
	const struct json *resource;
	while (value && (resource = hook_resources_next(&it)) != NULL) {
		if (!str_is(json_get_str(resource, S("resourceType")), "PractitionerRole"))
			continue;
		const struct json *code = json_at(json_get(resource, S("code")), 0);
		struct str role = json_get_str(json_at(json_get(code, S("coding")), 0), S("code"));
		if (role.n || (role = json_get_str(code, S("text"))).n)
			return role;
	}
	return STR_NULL;
}

struct str hook_role(const struct hook_request *r, const struct hook_prefetch *p)
{
	struct str rest = r->user;
	for (size_t i = 0; i < p->count; i++) {
		struct str role = role_in(p->items[i].value);
		if (role.n)
			return role;
	}
	return rest.n ? str_split(&rest, '/') : S("");
}

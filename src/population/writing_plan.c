/*
 * What to send for a resource: the thing itself when the vendor takes it, otherwise the nearest thing that it takes and
 * the reason. Ids and references that carry our name of the EHR become the EHR's own again.
 */
#include "base/encode.h"
#include "population/writing_priv.h"

enum { BODY_MAX = 64 << 20 };

const char *writing_op_name(enum writing_op op)
{
	return op == WRITING_CREATE   ? "create"
	       : op == WRITING_UPDATE ? "update"
	       : op == WRITING_PATCH  ? "patch"
				      : "delete";
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

static void add_note(struct planning *p, const char *path, const char *format, va_list args)
{
	struct writing_note *note = ARENA_NEW(p->a, struct writing_note), **at = &p->plan->notes;
	struct str text = arena_vprintf(p->a, format, args);
	if (!note || !text.p) {
		p->failed = true;
		return;
	}
	note->text = text;
	note->path = path ? arena_printf(p->a, "%.*s.%s", STR_ARG(p->type), path) : STR_NULL;
	while (*at)
		at = &(*at)->next;
	*at = note;
}

bool planning_break(struct planning *p, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_note(p, path, format, args);
	va_end(args);
	p->broken++;
	return false;
}

void planning_hint(struct planning *p, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_note(p, path, format, args);
	va_end(args);
}

bool planning_add(struct planning *p, enum writing_op op, struct str type, struct str id, struct str body)
{
	if (p->plan->count == WRITING_STEPS_MAX)
		return planning_break(p, NULL, "more than %d resources would have to be written", WRITING_STEPS_MAX);
	p->plan->steps[p->plan->count++] =
		(struct writing_step){.op = op, .type = type, .id = id, .version = STR_NULL, .body = body};
	return true;
}

/* ---- in the EHR's words ------------------------------------------------------------------------------------------ */

/* "epic-main.e123" is e123 at epic-main. */
static struct str their_id(const struct writing_options *o, struct str id)
{
	bool ours = o->ehr.n && id.n > o->ehr.n + 1 && str_starts(id, o->ehr) && id.p[o->ehr.n] == '.';
	return ours ? str_slice(id, o->ehr.n + 1, id.n) : id;
}

static void put_reference(struct planning *p, struct json_writer *w, struct str text)
{
	struct reference ref = reference_parse(p->options->definitions, text);
	struct str id = ref.kind == REF_RELATIVE ? their_id(p->options, ref.id) : STR_NULL;
	struct str theirs =
		id.n && id.n != ref.id.n ? arena_printf(p->a, "%.*s/%.*s", STR_ARG(ref.type), STR_ARG(id)) : text;
	p->failed = p->failed || !theirs.p;
	json_put_str(w, theirs);
}

static void put_theirs(struct planning *p, struct json_writer *w, const struct json *j, struct str key)
{
	struct json_iter it = json_iter(j);
	if (json_is(j, JSON_OBJECT)) {
		json_object_begin(w);
		while (json_next(&it)) {
			json_key(w, it.key);
			put_theirs(p, w, it.value, it.key);
		}
		json_object_end(w);
	} else if (json_is(j, JSON_ARRAY)) {
		json_array_begin(w);
		while (json_next(&it))
			put_theirs(p, w, it.value, key);
		json_array_end(w);
	} else if (json_is(j, JSON_STRING) && str_is(key, "reference")) {
		put_reference(p, w, json_str(j));
	} else {
		json_put_value(w, j);
	}
}

/* What in meta is a statement about the content, not about a server's copy of it. */
static void put_meta(struct json_writer *w, const struct json *meta)
{
	static const char *const kept[] = {"profile", "security"};
	if (!json_get(meta, S("profile")) && !json_get(meta, S("security")))
		return;
	json_key(w, S("meta"));
	json_object_begin(w);
	for (size_t i = 0; i < 2; i++) {
		const struct json *value = json_get(meta, str_from(kept[i]));
		if (!value)
			continue;
		json_key(w, str_from(kept[i]));
		json_put_value(w, value);
	}
	json_object_end(w);
}

/* The narrative tells the content in the words of who wrote it; the EHR makes its own. */
static struct str their_body(struct planning *p, struct str id)
{
	struct buf out;
	buf_init(&out, BODY_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), p->type);
	json_put_member(&w, S("id"), id);
	put_meta(&w, json_get(p->resource, S("meta")));
	struct json_iter it = json_iter(p->resource);
	while (json_next(&it)) {
		if (str_is(it.key, "resourceType") || str_is(it.key, "id") || str_is(it.key, "meta") ||
		    str_is(it.key, "text"))
			continue;
		json_key(&w, it.key);
		put_theirs(p, &w, it.value, it.key);
	}
	json_object_end(&w);
	struct str body = buf_ok(&out) ? arena_str(p->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	p->failed = p->failed || !body.p;
	return body;
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static const char *vendor_label(enum ehr_vendor vendor)
{
	return vendor == EHR_EPIC ? "Epic" : vendor == EHR_CERNER ? "Oracle Health" : "the server";
}

static struct str why_not(struct planning *p, enum writing_op op, unsigned allowed)
{
	const char *who = vendor_label(p->options->vendor);
	if (allowed & WRITING_PATCH && op == WRITING_UPDATE)
		return arena_printf(p->a, "%s takes changes of %.*s as patches only, and which is not published", who,
				    STR_ARG(p->type));
	if (allowed & (WRITING_CREATE | WRITING_UPDATE))
		return arena_printf(p->a, "%s lets clients %s %.*s, not %s it", who,
				    allowed & WRITING_CREATE ? "create" : "update", STR_ARG(p->type),
				    writing_op_name(op));
	if (p->options->vendor == EHR_CERNER && str_is(p->type, "Flag"))
		return arena_printf(p->a, "%s has no Flag", who);
	return arena_printf(p->a, "%s does not let clients write %.*s", who, STR_ARG(p->type));
}

static struct str broken_rules(struct planning *p)
{
	return arena_printf(p->a, "it breaks %zu %s of %s for this", p->broken, p->broken == 1 ? "rule" : "rules",
			    vendor_label(p->options->vendor));
}

static void plan_resource(struct planning *p, enum writing_op op, struct str id, struct str version)
{
	unsigned allowed = writing_allowed(p->options->vendor, p->type) | p->options->site;
	if (op == WRITING_UPDATE && !(allowed & op) && writing_may_patch(p->options->vendor, p->type, STR_NULL)) {
		op = WRITING_PATCH;
		planning_hint(p, NULL, "changes go as a patch, which changes only what is published as patchable");
	}
	if (p->options->unchecked)
		; /* as it is */
	else if (!(allowed & op))
		p->plan->reason = why_not(p, op, allowed);
	else
		planning_check(p, p->resource, p->type, op);
	if (p->broken)
		p->plan->reason = broken_rules(p);
	if (!p->plan->reason.p) {
		if (planning_add(p, op, p->type, id, their_body(p, id))) {
			p->plan->steps[0].version = version;
			p->plan->steps[0].unchecked = p->options->unchecked;
		}
		return;
	}
	if (!p->options->exact && op == WRITING_CREATE)
		planning_nearest(p);
	p->plan->nearest = p->plan->count > 0;
}

bool writing_plan_make(const struct writing_options *options, struct arena *a, const struct json *resource,
		       struct writing_plan *ret_plan, struct error *err)
{
	const struct fhir_type *type = resource_type(options->definitions, resource, err);
	if (!type)
		return false;
	struct writing_plan plan = {.reason = STR_NULL};
	struct planning p = {.options = options, .a = a, .resource = resource, .type = type->name, .plan = &plan};
	struct str id = json_get_str(resource, S("id")), theirs = their_id(options, id);
	bool update = theirs.n && !options->create;
	/* A version of our own store says nothing about theirs. */
	struct str version = theirs.n == id.n ? json_get_str(json_get(resource, S("meta")), S("versionId")) : STR_NULL;
	struct error trouble = {0};
	struct str body = their_body(&p, update ? theirs : STR_NULL);
	p.resource = body.p ? json_parse(a, body, 0, &trouble) : NULL;
	if (!p.resource)
		return error_memory(err);
	plan_resource(&p, update ? WRITING_UPDATE : WRITING_CREATE, update ? theirs : STR_NULL, version);
	if (p.failed)
		return error_memory(err);
	*ret_plan = plan;
	return true;
}

/*
 * Plans for a patch of somebody's own and for a delete. A patch is applied here first: so it is known to fit, what the
 * resource is to say afterwards can be compared, and a vendor without patches gets the whole resource instead.
 */
#include "ehr/plan.h"
#include "patch/patch.h"
#include "population/writing_priv.h"

enum { BODY_MAX = 64 << 20 };

static struct str text_of(struct arena *a, const struct json *j)
{
	struct buf out;
	buf_init(&out, BODY_MAX);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, j);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

/* "/telecom/0/value" is about telecom. */
static struct str member_of(struct str path)
{
	struct str rest = str_slice(path, 1, path.n);
	return str_split(&rest, '/');
}

/* "/telecom/0" of "/telecom/0/value"; STR_NULL for what is in no list. */
static struct str item_of(struct str path)
{
	size_t first = str_find_char(path, '/', 1);
	if (first == STR_NONE || first + 1 >= path.n || path.p[first + 1] < '0' || path.p[first + 1] > '9')
		return STR_NULL;
	size_t second = str_find_char(path, '/', first + 1);
	return str_slice(path, 0, second == STR_NONE ? path.n : second);
}

/* Does a test of the item's id come before this operation? */
static bool tested(const struct json *patch, struct str item, size_t before)
{
	size_t i = 0;
	for (struct json_iter it = json_iter(patch); json_next(&it) && i < before; i++) {
		struct str path = json_get_str(it.value, S("path"));
		if (str_is(json_get_str(it.value, S("op")), "test") && path.n == item.n + 3 && str_starts(path, item) &&
		    str_ends(path, S("/id")))
			return true;
	}
	return false;
}

/* Oracle Health: an item of a Patient's list is removed or replaced only behind a test of its id (fhir.cerner.com). */
static void check_tests(struct planning *p, const struct json *patch)
{
	size_t i = 0;
	for (struct json_iter it = json_iter(patch); json_next(&it); i++) {
		struct str op = json_get_str(it.value, S("op")), path = json_get_str(it.value, S("path"));
		struct str item = item_of(path);
		if (!(str_is(op, "remove") || str_is(op, "replace")) || !item.p || tested(patch, item, i))
			continue;
		planning_break(p, NULL,
			       "operation %zu: before %.*s of %.*s there must be {\"op\":\"test\",\"path\":\"%.*s/id\","
			       "\"value\":...}",
			       i + 1, STR_ARG(op), STR_ARG(item), STR_ARG(item));
	}
}

static void check_members(struct planning *p, const struct json *patch)
{
	if (!writing_may_patch(p->options->vendor, p->type, STR_NULL)) {
		planning_hint(p, NULL, "what a patch may change is not published for this type");
		return;
	}
	for (struct json_iter it = json_iter(patch); json_next(&it);) {
		struct str member = member_of(json_get_str(it.value, S("path")));
		if (!str_is(json_get_str(it.value, S("op")), "test") &&
		    !writing_may_patch(p->options->vendor, p->type, member))
			planning_break(p, NULL, "%.*s is not among what a patch may change there", STR_ARG(member));
	}
}

static bool plan_operations(struct planning *p, const struct json *patch, const struct json *patched, struct str text,
			    struct error *err)
{
	bool tables = !p->options->unchecked && p->options->vendor != EHR_GENERIC;
	if (tables && p->options->vendor == EHR_CERNER && str_is(p->type, "Patient"))
		check_tests(p, patch);
	if (tables)
		check_members(p, patch);
	if (p->broken) {
		p->plan->reason = arena_printf(p->a, "it breaks %zu rule%s of %s for patches", p->broken,
					       p->broken == 1 ? "" : "s", ehr_vendor_label(p->options->vendor));
		return true;
	}
	struct str body = text_of(p->a, patched);
	if (!body.p || !planning_add(p, WRITING_PATCH, p->type, json_get_str(p->resource, S("id")), body))
		return error_memory(err);
	p->plan->steps[0].patch = text;
	p->plan->steps[0].version = json_get_str(json_get(p->resource, S("meta")), S("versionId"));
	return true;
}

/* The same by an update of the whole. */
static bool plan_whole(struct planning *p, const struct json *patched, struct error *err)
{
	struct writing_options options = *p->options;
	struct writing_plan plan;
	options.create = false;
	if (!writing_plan_make(&options, p->a, patched, &plan, err))
		return false;
	if (!plan.reason.p) {
		plan.reason = arena_printf(p->a, "%s takes no patches of %.*s", ehr_vendor_label(options.vendor),
					   STR_ARG(p->type));
		plan.nearest = true;
	}
	*p->plan = plan;
	return true;
}

bool writing_plan_patch(const struct writing_options *options, struct arena *a, const struct json *shown,
			struct str patch, struct writing_plan *ret_plan, struct error *err)
{
	const struct fhir_type *type = resource_type(options->definitions, shown, err);
	if (!type)
		return false;
	struct writing_plan plan = {.reason = STR_NULL};
	struct planning p = {.options = options, .a = a, .resource = shown, .type = type->name, .plan = &plan};
	const struct json *operations = json_parse(a, patch, 0, err);
	if (!operations)
		return false;
	if (!json_is(operations, JSON_ARRAY))
		return error_set(err, ERR_STRUCTURE, "it is no JSON Patch: a list of operations (RFC 6902)");
	const struct json *patched = patch_json(a, shown, operations, err);
	if (!patched)
		return false;
	if (!str_eq(json_get_str(patched, S("resourceType")), type->name) ||
	    !str_eq(json_get_str(patched, S("id")), json_get_str(shown, S("id"))))
		return error_set(err, ERR_PATCH, "a patch may change neither resourceType nor id");
	unsigned allowed = writing_allowed(options->vendor, type->name) | options->site;
	bool ok = true;
	if (options->unchecked || (allowed & WRITING_PATCH))
		ok = plan_operations(&p, operations, patched, patch, err);
	else if ((allowed & WRITING_UPDATE) && !options->exact)
		ok = plan_whole(&p, patched, err);
	else
		plan.reason = arena_printf(a, "%s takes no patches of %.*s", ehr_vendor_label(options->vendor),
					   STR_ARG(type->name));
	if (!ok || p.failed)
		return p.failed ? error_memory(err) : false;
	*ret_plan = plan;
	return true;
}

bool writing_plan_delete(const struct writing_options *options, struct arena *a, struct str type, struct str id,
			 struct writing_plan *ret_plan, struct error *err)
{
	struct writing_plan plan = {.reason = STR_NULL};
	struct planning p = {.options = options, .a = a, .type = type, .plan = &plan};
	unsigned allowed = writing_allowed(options->vendor, type) | options->site;
	if (options->unchecked || (allowed & WRITING_DELETE)) {
		if (!planning_add(&p, WRITING_DELETE, type, id, STR_NULL))
			return error_memory(err);
	} else {
		bool mark = writing_undo(options->vendor, type) == WRITING_UNDO_MARK;
		plan.reason =
			arena_printf(a, "%s does not let clients delete %.*s%s", ehr_vendor_label(options->vendor),
				     STR_ARG(type), mark ? "; it can be marked as entered in error by an update" : "");
	}
	*ret_plan = plan;
	return true;
}

/* What a person's decisions at the order entry do in the sandbox: suggestions that are applied, orders that are signed.
 */
#include "sandbox/orders_priv.h"

#include "base/clock.h"
#include "hooks/client.h"

enum { RESOURCE_MAX = 4 << 20 };

static bool one_of(struct str text, const char *words)
{
	return text.n && face_listed(words, text);
}

static void say(struct order_session *o, const char *what, struct str reference, const char *where)
{
	o->said = arena_printf(&o->arena, "%.*s%s%s %.*s %s.", STR_ARG(o->said.p ? o->said : S("")),
			       o->said.n ? " " : "", what, STR_ARG(reference), where);
}

/* ---- what this EHR takes ----------------------------------------------------------------------------------------- */

static bool takes_action(const struct sandbox *s, const struct json *action)
{
	struct str kind = json_get_str(action, S("type")),
		   type = json_get_str(json_get(action, S("resource")), S("resourceType"));
	if (!one_of(kind, "create update delete"))
		return false;
	if (s->o.vendor != EHR_EPIC)
		return true;
	return !str_is(kind, "update") &&
	       (!type.n || one_of(type, "Condition MedicationRequest ServiceRequest ProcedureRequest"));
}

bool orders_takes(const struct sandbox *s, const struct json *suggestion)
{
	struct json_iter it = json_iter(json_get(suggestion, S("actions")));
	if (s->o.vendor == EHR_EPIC && it.left > 1)
		return false;
	while (json_next(&it))
		if (!takes_action(s, it.value))
			return false;
	return true;
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

/* As if it were written through the vendor's API: in its form, with an id of its kind. */
static bool store_new(struct sandbox *s, struct arena *a, const struct json *resource, struct str *ret_reference,
		      struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), text;
	struct rest_call call = {.arena = a, .type = definitions_resource(s->o.definitions, type)};
	if (!face_type(s, type) || !call.type)
		return error_set(err, ERR_NOT_SUPPORTED, "This EHR has no %.*s.", STR_ARG(str_slice(type, 0, 40)));
	if (!face_rewrite(s, &call, resource, &text, err))
		return false;
	const struct json *j = json_parse(a, text, 0, err);
	struct str id = json_get_str(j, S("id"));
	if (!j || !face_store(s, a, type, id, text, err))
		return false;
	*ret_reference = arena_printf(a, "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
	return ret_reference->p || error_memory(err);
}

/* A copy with this id and status (STR_NULL: its own), for storing. */
static struct str written(struct arena *a, const struct json *resource, struct str id, struct str status)
{
	struct buf out;
	struct json_iter it = json_iter(resource);
	char now[CLOCK_INSTANT_SIZE];
	bool order = str_ends(json_get_str(resource, S("resourceType")), S("Request"));
	buf_init(&out, RESOURCE_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), json_get_str(resource, S("resourceType")));
	json_put_member(&w, S("id"), id);
	json_put_member(&w, S("status"), status);
	while (json_next(&it)) {
		if (str_is(it.key, "resourceType") || str_is(it.key, "meta") || str_is(it.key, "id") ||
		    (status.p && str_is(it.key, "status")))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	clock_format_instant(clock_now_ms(), now);
	if (order && status.p && !json_get(resource, S("authoredOn")))
		json_put_member(&w, S("authoredOn"), str_make(now, sizeof(now)));
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

/* ---- actions ----------------------------------------------------------------------------------------------------- */

static bool create(struct sandbox *s, struct order_session *o, struct arena *a, const struct json *resource,
		   struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), reference;
	if (one_of(type, "MedicationRequest ServiceRequest") &&
	    (str_is(json_get_str(resource, S("status")), "draft") || !json_get(resource, S("status")))) {
		if (!orders_put_draft(s, o, resource, err))
			return false;
		say(o, "Added", orders_label(resource).n ? orders_label(resource) : type, "to the orders");
		return true;
	}
	if (!store_new(s, a, resource, &reference, err))
		return false;
	say(o, "Created", reference, "in the sandbox");
	return true;
}

static bool update(struct sandbox *s, struct order_session *o, struct arena *a, const struct json *resource,
		   struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	struct str reference = arena_printf(a, "%.*s/%.*s", STR_ARG(type), STR_ARG(id)), text;
	for (size_t i = 0; i < o->draft_count; i++) {
		if (!str_eq(o->drafts[i].type, type) || !str_eq(o->drafts[i].id, id))
			continue;
		if (!orders_put_draft(s, o, resource, err))
			return false;
		say(o, "Changed", o->drafts[i].label, "among the orders");
		return true;
	}
	if (!id.n || !face_type(s, type) || !hooks_fetch(s, a, STR_NULL, reference).p)
		return error_set(err, ERR_NOT_FOUND, "The sandbox has no %.*s.", STR_ARG(str_slice(reference, 0, 100)));
	text = written(a, resource, id, STR_NULL);
	if (!text.p || !face_store(s, a, type, id, text, err))
		return text.p ? false : error_memory(err);
	say(o, "Updated", reference, "in the sandbox");
	return true;
}

static bool drop(struct sandbox *s, struct order_session *o, struct arena *a, struct str reference, struct error *err)
{
	struct str id = reference, type = str_split(&id, '/'), label = STR_NULL;
	for (size_t i = 0; i < o->draft_count; i++)
		if (str_eq(o->drafts[i].id, id))
			label = o->drafts[i].label;
	if (orders_drop_draft(o, reference)) {
		say(o, "Removed", label.n ? label : type, "from the orders");
		return true;
	}
	struct error why = {0};
	bool there = id.n && face_type(s, type);
	if (there &&
	    !face_remove(s, a, type, id, S("order-entry"), S("a suggestion of a CDS service was accepted"), &why) &&
	    why.code != ERR_NOT_FOUND) {
		*err = why;
		return false;
	}
	if (!there || why.code)
		return error_set(err, ERR_NOT_FOUND, "Neither the drafts nor the sandbox have %.*s.",
				 STR_ARG(str_slice(reference, 0, 100)));
	say(o, "Deleted", reference, "in the sandbox");
	return true;
}

static bool act_on(struct sandbox *s, struct order_session *o, struct arena *a, const struct json *action,
		   struct error *err)
{
	const struct json *resource = json_get(action, S("resource")), *ids = json_get(action, S("resourceId"));
	struct str kind = json_get_str(action, S("type")), id = json_str(ids);
	struct json_iter it = json_iter(ids);
	if (!one_of(kind, "create update delete"))
		return error_set(err, ERR_VALUE, "The action is none of create, update and delete.");
	if (!str_is(kind, "delete") && !json_get_str(resource, S("resourceType")).n)
		return error_set(err, ERR_VALUE, "The action has no resource.");
	if (str_is(kind, "create"))
		return create(s, o, a, resource, err);
	if (str_is(kind, "update"))
		return update(s, o, a, resource, err);
	while (json_next(&it))
		if (!drop(s, o, a, json_str(it.value), err))
			return false;
	if (json_is(ids, JSON_ARRAY))
		return true;
	if (!id.n && resource)
		id = arena_printf(a, "%.*s/%.*s", STR_ARG(json_get_str(resource, S("resourceType"))),
				  STR_ARG(json_get_str(resource, S("id"))));
	return drop(s, o, a, id.n ? id : S("anything"), err);
}

bool orders_apply(struct sandbox *s, struct order_session *o, struct arena *a, const struct json *suggestion,
		  struct error *err)
{
	struct json_iter it = json_iter(json_get(suggestion, S("actions")));
	while (json_next(&it))
		if (!takes_action(s, it.value))
			return error_set(err, ERR_NOT_SUPPORTED, "This EHR does not take the action.");
		else if (!act_on(s, o, a, it.value, err))
			return false;
	return true;
}

/* Epic takes updates of unsigned ServiceRequests alone, and of nothing before February 2024. */
static bool takes_system(const struct sandbox *s, const struct json *action)
{
	struct str kind = json_get_str(action, S("type")),
		   type = json_get_str(json_get(action, S("resource")), S("resourceType"));
	return s->o.vendor != EHR_EPIC ||
	       (released(s, "2024-02") && str_is(kind, "update") && str_is(type, "ServiceRequest"));
}

void orders_apply_system(struct sandbox *s, struct order_session *o, struct arena *a)
{
	struct json_iter it = json_iter(json_get(o->run.json, S("systemActions")));
	while (json_next(&it)) {
		struct error err = {0};
		bool ok = takes_system(s, it.value) ? act_on(s, o, a, it.value, &err)
						    : error_set(&err, ERR_NOT_SUPPORTED, "this EHR does not take it");
		if (!ok)
			o->said = arena_printf(&o->arena, "%.*s%sA system action was not applied: %s.",
					       STR_ARG(o->said.p ? o->said : S("")), o->said.n ? " " : "", err.text);
	}
}

bool orders_sign(struct sandbox *s, struct order_session *o, struct arena *a, struct error *err)
{
	size_t signed_count = 0;
	struct str reference;
	while (o->draft_count) {
		const struct json *j = json_parse(a, o->drafts[0].text, 0, err);
		struct str text = j ? written(a, j, STR_NULL, S("active")) : STR_NULL;
		j = text.p ? json_parse(a, text, 0, err) : NULL;
		if (!j || !store_new(s, a, j, &reference, err))
			return j ? error_context(err, "%.*s", STR_ARG(o->drafts[0].label)) : error_memory(err);
		memmove(o->drafts, o->drafts + 1, --o->draft_count * sizeof(*o->drafts));
		signed_count++;
	}
	o->said = arena_printf(&o->arena, "%zu order%s signed and stored.", signed_count,
			       signed_count == 1 ? " was" : "s were");
	return true;
}

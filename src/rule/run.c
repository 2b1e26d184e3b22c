/*
 * Running a service over one request: names get their values when the first expression asks for them, rules are told
 * one after the other, and one that cannot be told does not take the others with it.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "fhir/resource.h"
#include "rule/rule_priv.h"

enum { RESOURCES_MAX = 50000, MINUTE_MS = 60000, DAY_MS = 86400000 };

/* ---- resources ----------------------------------------------------------------------------------------------------
 */

static bool add_item(struct run *r, struct path_items *out, struct path_item item)
{
	if (out->count == RESOURCES_MAX)
		return error_set(r->err, ERR_LIMIT, "There are more than %d resources in the prefetch",
				 (int)RESOURCES_MAX);
	struct path_item *grown =
		arena_grow(r->arena, out->items, out->count, &out->capacity, out->count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(r->err);
	out->items = grown;
	grown[out->count++] = item;
	return true;
}

static bool add_resource(struct run *r, const struct json *resource, const struct fhir_type *type,
			 struct path_items *out)
{
	struct path_item item = path_item_resource(r->program->definitions, resource);
	if (!item.type || (type ? item.type != type : str_is(item.type->name, "OperationOutcome")))
		return true;
	return add_item(r, out, item);
}

/* Some EHRs send an entry of a batch's answer in place of the resource in it. */
bool run_resources(struct run *r, const struct json *value, const struct fhir_type *type, struct path_items *out)
{
	struct str kind = json_get_str(value, S("resourceType"));
	if (!kind.p)
		value = json_get(value, S("resource"));
	else if (!str_is(kind, "Bundle"))
		return add_resource(r, value, type, out);
	if (!kind.p)
		return add_resource(r, value, type, out);
	for (struct json_iter it = json_iter(json_get(value, S("entry"))); json_next(&it);)
		if (!add_resource(r, json_get(it.value, S("resource")), type, out))
			return false;
	return true;
}

static bool all_resources(struct run *r, struct path_items *out)
{
	for (size_t i = 0; r->input->prefetch && i < r->input->prefetch->count; i++)
		if (!run_resources(r, r->input->prefetch->items[i].value, NULL, out))
			return false;
	return true;
}

/* draftOrders and appointments are Bundles; order-dispatch names its orders by reference, which the prefetch may hold.
 */
static bool orders(struct run *r, struct path_items *out)
{
	static const char *const bundles[] = {"draftOrders", "appointments"};
	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
		if (!run_resources(r, json_get(r->input->context, str_from(bundles[i])), NULL, out))
			return false;
	return true;
}

static bool is_selected(const struct json *selections, const struct json *resource)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	for (struct json_iter it = json_iter(selections); json_next(&it);) {
		struct str text = json_str(it.value);
		size_t slash = str_rfind_char(text, '/');
		if (slash != STR_NONE && str_eq(str_slice(text, 0, slash), type) &&
		    str_eq(str_slice(text, slash + 1, text.n), id))
			return true;
		if (slash == STR_NONE && str_eq(text, id))
			return true;
	}
	return false;
}

/* Where nothing is selected, as in order-sign, all orders are meant. */
static bool selected(struct run *r, struct path_items *out)
{
	struct path_items all = {0};
	const struct json *selections = json_get(r->input->context, S("selections"));
	if (!orders(r, &all))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if ((!selections || is_selected(selections, all.items[i].value)) && !add_item(r, out, all.items[i]))
			return false;
	return true;
}

/* ---- names --------------------------------------------------------------------------------------------------------
 */

static struct path_item moment(const struct run *r, bool day)
{
	int64_t ms = r->input->now_ms + (int64_t)r->input->zone * MINUTE_MS;
	int64_t days = ms / DAY_MS - (ms % DAY_MS < 0), rest = ms - days * DAY_MS;
	int year, month, date;
	clock_date_from_days(days, &year, &month, &date);
	struct path_moment m = {
		.year = (int16_t)year, .month = (uint8_t)month, .day = (uint8_t)date, .precision = PATH_TO_DAY};
	if (!day) {
		m.hour = (uint8_t)(rest / (60 * MINUTE_MS));
		m.minute = (uint8_t)(rest / MINUTE_MS % 60);
		m.second = (uint8_t)(rest / 1000 % 60);
		m.nanoseconds = (uint32_t)(rest % 1000) * 1000000u;
		m.digits = 3;
		m.precision = PATH_TO_FRACTION;
		m.zoned = true;
		m.zone = (int16_t)r->input->zone;
	}
	return (struct path_item){.kind = day ? PATH_DATE : PATH_DATETIME, .moment = m};
}

/* The values of the prefetch as one object, as the request has them; those that were fetched later are not in it. */
static bool plain_object(struct run *r, struct path_items *out)
{
	struct buf text;
	struct error why = {0};
	buf_init(&text, (size_t)64 << 20);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	for (size_t i = 0; r->input->prefetch && i < r->input->prefetch->count; i++) {
		const struct hook_prefetch_value *v = &r->input->prefetch->items[i];
		if (!v->value)
			continue;
		json_key(&w, v->key);
		json_put_value(&w, v->value);
	}
	json_object_end(&w);
	const struct json *object = buf_ok(&text) ? json_parse(r->arena, buf_str(&text), 0, &why) : NULL;
	buf_done(&text);
	if (!object)
		return error_set(r->err, why.code ? why.code : ERR_MEMORY, "The prefetch cannot be taken together: %s",
				 why.text);
	return add_item(r, out, (struct path_item){.kind = PATH_ELEMENT, .value = object});
}

/* A list is its items. */
static bool table(struct run *r, const struct json *value, struct path_items *out)
{
	if (!json_is(value, JSON_ARRAY))
		return add_item(r, out, path_item_resource(r->program->definitions, value));
	for (struct json_iter it = json_iter(value); json_next(&it);)
		if (!add_item(r, out, path_item_resource(r->program->definitions, it.value)))
			return false;
	return true;
}

static bool fill(struct run *r, size_t index, struct path_items *out)
{
	const struct rule_name *name = &r->program->names[index];
	const struct rule_prefetch *key;
	switch (name->kind) {
	case NAME_CONTEXT:
		return add_item(r, out, (struct path_item){.kind = PATH_ELEMENT, .value = r->input->context});
	case NAME_PREFETCH:
		return plain_object(r, out);
	case NAME_RESOURCES:
		return all_resources(r, out);
	case NAME_ORDERS:
		return orders(r, out);
	case NAME_SELECTED:
		return selected(r, out);
	case NAME_TODAY:
	case NAME_NOW:
		return add_item(r, out, moment(r, name->kind == NAME_TODAY));
	case NAME_KEY:
		key = &r->program->service->prefetch[name->key];
		return !r->input->prefetch ||
		       run_resources(r, hook_prefetch_get(r->input->prefetch, key->key), key->type, out);
	case NAME_TABLE:
		return table(r, name->table, out);
	case NAME_DEFINE:
		return run_items(r, name->expression, out);
	case NAME_ITEM:
		break;
	}
	return true;
}

static bool evaluate(struct run *r, const struct rule_expression *e, const struct path_item *focus,
		     struct path_items *ret_items)
{
	r->context.steps = &r->steps;
	r->context.resource = focus && focus->type && focus->type->kind == TYPE_RESOURCE ? focus->value : NULL;
	return path_eval(e->program, r->arena, &r->context, focus, ret_items, r->err);
}

/* The expression behind a name starts from nothing. */
static bool prepare(struct run *r, size_t index)
{
	struct path_items items = {0};
	const struct path_item *focus = r->focus;
	if (r->states[index] == NAME_READY)
		return true;
	if (r->states[index] == NAME_BROKEN)
		return error_set(r->err, ERR_VALUE, "%%%.*s could not be told",
				 STR_ARG(r->program->declarations[index].name));
	r->focus = NULL;
	bool ok = fill(r, index, &items);
	r->focus = focus;
	r->states[index] = ok ? NAME_READY : NAME_BROKEN;
	r->variables[index].items = items;
	return ok || error_context(r->err, "%%%.*s", STR_ARG(r->program->declarations[index].name));
}

bool run_items(struct run *r, const struct rule_expression *e, struct path_items *ret_items)
{
	for (size_t i = 0; i < r->program->name_count; i++)
		if (e->needs[i / 64] >> (i % 64) & 1 && !prepare(r, i))
			return false;
	return evaluate(r, e, r->focus, ret_items);
}

bool run_condition(struct run *r, const struct rule_expression *e, bool *ret_true)
{
	struct path_items items;
	int truth;
	if (!run_items(r, e, &items) || !path_truth(&items, &truth, r->err))
		return false;
	*ret_true = truth == 1;
	return true;
}

bool run_begin(struct run *r, const struct rule_program *p, struct arena *a, const struct rule_input *input,
	       struct error *err)
{
	*r = (struct run){.program = p, .input = input, .arena = a, .steps = RULE_STEPS_MAX, .err = err};
	r->variables = ARENA_ARRAY(a, struct path_variable, p->name_count + 1);
	r->states = ARENA_ARRAY(a, enum name_state, p->name_count + 1);
	if (!r->variables || !r->states)
		return error_memory(err);
	for (size_t i = 0; i < p->name_count; i++)
		r->variables[i].name = p->declarations[i].name;
	r->variables[p->name_count].name = S("item");
	run_services(r);
	r->context = (struct path_context){.services = &r->services,
					   .variables = r->variables,
					   .variable_count = p->name_count + 1,
					   .clock = true,
					   .now_ms = input->now_ms,
					   .zone = input->zone};
	return true;
}

/* ---- rules --------------------------------------------------------------------------------------------------------
 */

static bool add_card(struct run *r, const struct rule *rule, struct rule_result *result)
{
	struct hook_card card = {0};
	if (rule->card) {
		if (!card_run(r, rule->card, &card))
			return false;
		struct hook_card *place = hook_answer_card(&result->answer, r->arena, r->err);
		if (!place)
			return false;
		*place = card;
	}
	for (size_t i = 0; i < rule->system_action_count; i++) {
		struct hook_action action;
		if (!action_run(r, &rule->system_actions[i], &action))
			return false;
		struct hook_action *place = hook_answer_system_action(&result->answer, r->arena, r->err);
		if (!place)
			return false;
		*place = action;
	}
	return true;
}

static bool each_item(struct run *r, const struct rule *rule, struct rule_result *result)
{
	struct path_items items, *item = &r->variables[r->program->name_count].items;
	bool ok = run_items(r, rule->each, &items);
	for (size_t i = 0; ok && i < items.count; i++) {
		*item = (struct path_items){.items = &items.items[i], .count = 1, .capacity = 1};
		r->focus = &items.items[i];
		ok = add_card(r, rule, result);
	}
	*item = (struct path_items){0};
	return ok;
}

static bool tell(struct run *r, const struct rule *rule, struct rule_result *result)
{
	struct path_items focus = {0};
	bool holds = true;
	if (rule->focus && !run_items(r, rule->focus, &focus))
		return false;
	r->focus = focus.count ? &focus.items[0] : NULL;
	for (size_t i = 0; holds && i < rule->when_count; i++)
		if (!run_condition(r, rule->when[i], &holds))
			return false;
	if (!holds)
		return true;
	return rule->each ? each_item(r, rule, result) : add_card(r, rule, result);
}

/* Cards of a rule that failed half-way are taken back. */
static bool fail(struct run *r, const struct rule *rule, const struct error *why, struct rule_result *result)
{
	struct rule_failure *list = result->failures;
	if (!list)
		list = ARENA_ARRAY(r->arena, struct rule_failure, r->program->rule_count);
	if (!list)
		return false;
	result->failures = list;
	list[result->failure_count++] = (struct rule_failure){.rule = rule->id, .error = *why};
	return true;
}

bool rule_run(const struct rule_service *service, struct arena *a, const struct rule_input *input,
	      struct rule_result *ret_result, struct error *err)
{
	struct run r;
	struct error why = {0};
	const struct rule_program *p = service->program;
	*ret_result = (struct rule_result){0};
	if (!run_begin(&r, p, a, input, &why))
		return error_memory(err);
	for (size_t i = 0; i < p->rule_count; i++) {
		size_t cards = ret_result->answer.count, actions = ret_result->answer.system_action_count;
		r.focus = NULL;
		error_clear(&why);
		if (tell(&r, &p->rules[i], ret_result))
			continue;
		ret_result->answer.count = cards;
		ret_result->answer.system_action_count = actions;
		if (why.code == ERR_MEMORY || !r.steps || !fail(&r, &p->rules[i], &why, ret_result))
			return error_set(err, why.code ? why.code : ERR_MEMORY, "rule %.*s: %s",
					 STR_ARG(p->rules[i].id), why.text);
	}
	ret_result->steps = RULE_STEPS_MAX - r.steps;
	return true;
}

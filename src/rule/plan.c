/*
 * PlanDefinitions of the simple kind as services (R4 plandefinition.html): triggers name the hook, conditions in
 * FHIRPath say when, an action is a card and the actions in it are what it suggests. Whatever else a plan asks for is
 * refused by its name when it is read, since a plan that is followed in part is another plan.
 */
#include "rule/rule_priv.h"

struct plan {
	struct compiler *c;
	const struct json *plan;
	bool service; /* it is to be called at a hook */
	struct rule *rules;
	size_t count, capacity;
	const struct rule_expression *patient; /* what expressions start from */
};

/* ---- what is not supported ----------------------------------------------------------------------------------------
 */

bool plan_refuse(struct compiler *c, const struct json *object, const char *const *names)
{
	for (; *names; names++) {
		if (!json_get(object, str_from(*names)))
			continue;
		compile_enter(c, str_from(*names));
		return compile_fail(c, ERR_NOT_SUPPORTED, "'%s' is not supported", *names);
	}
	return true;
}

/* A code of which only some values are. */
static bool one_of(struct compiler *c, const struct json *object, const char *name, const char *const *values)
{
	struct str value = json_get_str(object, str_from(name));
	for (; value.n && *values; values++)
		if (str_is(value, *values))
			return true;
	if (!value.n)
		return true;
	compile_enter(c, str_from(name));
	return compile_fail(c, ERR_NOT_SUPPORTED, "'%s' of '%.*s' is not supported", name,
			    STR_ARG(str_slice(value, 0, 60)));
}

static bool check_action(struct compiler *c, const struct json *action)
{
	static const char *const refused[] = {
		"goalId",	  "relatedAction",    "timingDateTime",	   "timingAge",	  "timingPeriod",
		"timingDuration", "timingRange",      "timingTiming",	   "participant", "definitionUri",
		"transform",	  "subjectReference", "modifierExtension", NULL};
	static const char *const cardinality[] = {"single", NULL};
	static const char *const selection[] = {"any", "at-most-one", "exactly-one", NULL};
	static const char *const priority[] = {"routine", "urgent", "asap", "stat", NULL};
	return plan_refuse(c, action, refused) && one_of(c, action, "cardinalityBehavior", cardinality) &&
	       one_of(c, action, "selectionBehavior", selection) && one_of(c, action, "priority", priority);
}

/* ---- conditions ---------------------------------------------------------------------------------------------------
 */

const struct rule_expression *plan_expression(struct compiler *c, const struct json *expression, bool condition)
{
	struct str language = json_get_str(expression, S("language")), text = json_get_str(expression, S("expression"));
	struct str before = compile_enter(c, S("expression"));
	const struct rule_expression *e = NULL;
	if (!str_is(language, "text/fhirpath"))
		compile_fail(c, ERR_NOT_SUPPORTED, "The language '%.*s' is not supported; FHIRPath (text/fhirpath) is",
			     STR_ARG(str_slice(language, 0, 60)));
	else if (json_get(expression, S("reference")))
		compile_fail(c, ERR_NOT_SUPPORTED, "'reference' to an expression is not supported");
	else if (!text.n)
		compile_fail(c, ERR_REQUIRED, "The expression is missing");
	else
		e = condition ? expression_condition(c, text) : expression_compile(c, text);
	if (e)
		c->at = before;
	return e;
}

bool plan_conditions(struct compiler *c, const struct json *action, const struct rule_expression *const *outer,
		     size_t outer_count, const struct rule_expression *const **ret_list, size_t *ret_count)
{
	size_t count, n = outer_count;
	if (!compile_count(c, action, "condition", RULE_RULES_MAX, &count))
		return false;
	const struct rule_expression **list =
		ARENA_ARRAY(c->arena, const struct rule_expression *, outer_count + count);
	if (!list)
		return error_memory(c->err);
	if (outer_count)
		memcpy(list, outer, outer_count * sizeof(*list));
	struct str before = compile_enter(c, S("condition"));
	for (size_t i = 0; i < count; i++) {
		const struct json *condition = json_at(json_get(action, S("condition")), i);
		struct str at = compile_enter_index(c, i);
		if (!str_is(json_get_str(condition, S("kind")), "applicability"))
			return compile_fail(c, ERR_NOT_SUPPORTED, "'kind' of '%.*s' is not supported",
					    STR_ARG(str_slice(json_get_str(condition, S("kind")), 0, 60)));
		list[n] = plan_expression(c, json_get(condition, S("expression")), true);
		if (!list[n++])
			return false;
		c->at = at;
	}
	c->at = before;
	*ret_list = list;
	*ret_count = n;
	return true;
}

/* ---- triggers -----------------------------------------------------------------------------------------------------
 */

static bool read_trigger(struct compiler *c, const struct json *trigger)
{
	static const char *const refused[] = {"timingTiming",	"timingReference", "timingDate",
					      "timingDateTime", "condition",	   NULL};
	struct str type = json_get_str(trigger, S("type")), name = json_get_str(trigger, S("name"));
	if (!plan_refuse(c, trigger, refused))
		return false;
	if (!str_is(type, "named-event"))
		return compile_fail(c, ERR_NOT_SUPPORTED, "A trigger of type '%.*s' is not supported; named-event is",
				    STR_ARG(str_slice(type, 0, 60)));
	if (!hook_named(name))
		return compile_fail(c, ERR_NOT_SUPPORTED, "'%.*s' is no hook that this program knows",
				    STR_ARG(str_slice(name, 0, 60)));
	if (c->service->hook.n && !str_eq(c->service->hook, name))
		return compile_fail(c, ERR_NOT_SUPPORTED, "A plan with triggers of two hooks is not supported");
	c->service->hook = name;
	return true;
}

/* The hook must be known before data is asked for, so all triggers of the plan are read first. */
static bool read_triggers(struct compiler *c, const struct json *actions, unsigned depth)
{
	size_t index = 0;
	if (depth > 4)
		return compile_fail(c, ERR_NOT_SUPPORTED,
				    "Actions within actions of more than three levels are not "
				    "supported");
	struct str before = compile_enter(c, S("action"));
	for (struct json_iter it = json_iter(actions); json_next(&it); index++) {
		struct str list = compile_enter_index(c, index);
		size_t n = 0;
		for (struct json_iter t = json_iter(json_get(it.value, S("trigger"))); json_next(&t); n++) {
			struct str action = compile_enter(c, S("trigger"));
			compile_enter_index(c, n);
			if (!read_trigger(c, t.value))
				return false;
			c->at = action;
		}
		if (!read_triggers(c, json_get(it.value, S("action")), depth + 1))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}

static bool read_data(struct compiler *c, const struct json *actions)
{
	size_t index = 0;
	struct str before = compile_enter(c, S("action"));
	for (struct json_iter it = json_iter(actions); json_next(&it); index++) {
		struct str list = compile_enter_index(c, index);
		if (!plan_data(c, it.value, "input"))
			return false;
		for (struct json_iter t = json_iter(json_get(it.value, S("trigger"))); json_next(&t);)
			if (!plan_data(c, t.value, "data"))
				return false;
		if (!read_data(c, json_get(it.value, S("action"))))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}

/* ---- cards --------------------------------------------------------------------------------------------------------
 */

static bool put_literal(struct compiler *c, struct str text, struct rule_text *ret)
{
	struct rule_part *part = ARENA_NEW(c->arena, struct rule_part);
	if (!part)
		return error_memory(c->err);
	part->literal = text;
	*ret = (struct rule_text){.parts = part, .given = text.p};
	return true;
}

static bool put_expression(struct compiler *c, const struct rule_expression *e, struct rule_text *ret)
{
	struct rule_part *part = ARENA_NEW(c->arena, struct rule_part);
	if (!part)
		return error_memory(c->err);
	*part = (struct rule_part){.kind = PART_VALUE, .expression = e};
	*ret = (struct rule_text){.parts = part, .given = true, .varies = true};
	return true;
}

/* "action.title", "title": what of the action itself a dynamicValue sets; STR_NULL for what is of its resource. */
static struct str of_action(struct str path)
{
	static const char *const own[] = {"title", "description", "textEquivalent", NULL};
	struct str name = str_starts(path, S("action.")) ? str_slice(path, 7, path.n) : path;
	for (size_t i = 0; own[i]; i++)
		if (str_is(name, own[i]))
			return name;
	return STR_NULL;
}

/* A text of an action: as it stands, or by a dynamicValue. */
static bool action_text(struct compiler *c, const struct json *action, const char *name, struct rule_text *ret)
{
	size_t index = 0;
	bool activity = json_get(action, S("definitionCanonical"));
	if (!put_literal(c, json_get_str(action, str_from(name)), ret))
		return false;
	for (struct json_iter it = json_iter(json_get(action, S("dynamicValue"))); json_next(&it); index++) {
		struct str path = json_get_str(it.value, S("path"));
		if (!str_is(of_action(path), name) || (activity && !str_starts(path, S("action."))))
			continue;
		struct str before = compile_enter(c, S("dynamicValue"));
		compile_enter_index(c, index);
		const struct rule_expression *e = plan_expression(c, json_get(it.value, S("expression")), false);
		if (!e || !put_expression(c, e, ret))
			return false;
		c->at = before;
	}
	return true;
}

static struct str indicator_of(const struct json *action)
{
	struct str priority = json_get_str(action, S("priority"));
	if (str_is(priority, "stat") || str_is(priority, "asap"))
		return S("critical");
	return str_is(priority, "urgent") ? S("warning") : S("info");
}

/* documentation: the first with a url is the source's, all are links. */
static bool read_documentation(struct compiler *c, const struct json *action, struct rule_card *card)
{
	size_t count;
	if (!compile_count(c, action, "documentation", HOOK_SUGGESTIONS_MAX, &count))
		return false;
	struct rule_link *links = ARENA_ARRAY(c->arena, struct rule_link, count);
	if (!links)
		return error_memory(c->err);
	for (struct json_iter it = json_iter(json_get(action, S("documentation"))); json_next(&it);) {
		struct str url = json_get_str(it.value, S("url")), label = json_get_str(it.value, S("display"));
		struct str document = json_get_str(json_get(it.value, S("document")), S("url"));
		struct rule_link *link = &links[card->link_count];
		url = url.n ? url : document;
		label = label.n ? label : json_get_str(it.value, S("citation"));
		if (!url.n)
			continue;
		if (!put_literal(c, url, &link->url) || !put_literal(c, label.n ? label : url, &link->label) ||
		    (!card->source_url.given && !put_literal(c, url, &card->source_url)))
			return false;
		card->link_count++;
	}
	card->links = links;
	return true;
}

static bool read_source(struct plan *p, struct rule_card *card)
{
	const struct json *plan = p->plan;
	struct str title = json_get_str(plan, S("title")), version = json_get_str(plan, S("version"));
	struct str publisher = json_get_str(plan, S("publisher"));
	title = title.n ? title : json_get_str(plan, S("name"));
	struct str label = arena_printf(p->c->arena, "%.*s%s%.*s%s%.*s", STR_ARG(title), version.n ? " " : "",
					STR_ARG(version), publisher.n ? ", " : "", STR_ARG(publisher));
	if (!title.n)
		return compile_fail(p->c, ERR_REQUIRED,
				    "The plan needs a title or a name: cards say where they come "
				    "from");
	return label.p ? put_literal(p->c, label, &card->source_label) : error_memory(p->c->err);
}

static void read_topic(struct plan *p, const struct json *action, struct str rule, struct rule_card *card)
{
	const struct json *code = json_at(json_get(json_at(json_get(action, S("code")), 0), S("coding")), 0);
	card->topic = (struct hook_coding){.system = json_get_str(code, S("system")),
					   .code = json_get_str(code, S("code")),
					   .display = json_get_str(code, S("display"))};
	if (!card->topic.code.n)
		card->topic = (struct hook_coding){
			.code = arena_printf(p->c->arena, "%.*s.%.*s", STR_ARG(p->c->service->id), STR_ARG(rule)),
			.display = json_get_str(action, S("title"))};
}

/* ---- suggestions --------------------------------------------------------------------------------------------------
 */

static bool read_resource(struct compiler *c, const struct json *action, struct rule_action *ret, bool *ret_there)
{
	static const char *const types[] = {"create", "update", NULL};
	const struct json *coding = json_at(json_get(json_get(action, S("type")), S("coding")), 0);
	if (!one_of(c, coding, "code", types))
		return false;
	ret->type = str_is(json_get_str(coding, S("code")), "update") ? HOOK_UPDATE : HOOK_CREATE;
	if (!plan_activity(c, action, &ret->resource))
		return false;
	*ret_there = ret->resource;
	struct str name = json_get_str(action, S("description"));
	name = name.n ? name : json_get_str(action, S("title"));
	return put_literal(c, name.n ? name : S("Make the resource"), &ret->description);
}

static bool is_recommended(const struct json *action)
{
	return str_is(json_get_str(action, S("requiredBehavior")), "must") ||
	       str_is(json_get_str(action, S("precheckBehavior")), "yes");
}

/* An action within a card's action: a suggestion, whose resources are its own and those of the actions in it. */
static bool read_suggestion(struct compiler *c, const struct json *action, struct rule_suggestion *ret)
{
	size_t inner, index = 0;
	bool there = false;
	if (!check_action(c, action) || !compile_count(c, action, "action", HOOK_SUGGESTIONS_MAX, &inner) ||
	    !action_text(c, action, "title", &ret->label) ||
	    !plan_conditions(c, action, NULL, 0, &ret->when, &ret->when_count))
		return false;
	if (!ret->label.given)
		return compile_fail(c, ERR_REQUIRED, "'title' is missing: it is what the suggestion says");
	ret->recommended = is_recommended(action);
	struct rule_action *list = ARENA_ARRAY(c->arena, struct rule_action, inner + 1);
	if (!list)
		return error_memory(c->err);
	if (!read_resource(c, action, &list[0], &there))
		return false;
	ret->action_count = there;
	struct str before = compile_enter(c, S("action"));
	for (struct json_iter it = json_iter(json_get(action, S("action"))); json_next(&it); index++) {
		static const char *const refused[] = {"condition", "action", NULL};
		struct str at = compile_enter_index(c, index);
		if (!check_action(c, it.value) || !plan_refuse(c, it.value, refused) ||
		    !read_resource(c, it.value, &list[ret->action_count], &there))
			return false;
		if (!there)
			return compile_fail(c, ERR_NOT_SUPPORTED, "An action here needs a definitionCanonical");
		ret->action_count++;
		c->at = at;
	}
	c->at = before;
	ret->actions = list;
	return true;
}

static bool read_suggestions(struct compiler *c, const struct json *action, struct rule_card *card)
{
	size_t count, index = 0;
	if (!compile_count(c, action, "action", HOOK_SUGGESTIONS_MAX, &count))
		return false;
	struct rule_suggestion *list = ARENA_ARRAY(c->arena, struct rule_suggestion, count + 1);
	if (!list)
		return error_memory(c->err);
	struct str before = compile_enter(c, S("action"));
	for (struct json_iter it = json_iter(json_get(action, S("action"))); json_next(&it); index++) {
		struct str at = compile_enter_index(c, index);
		if (!read_suggestion(c, it.value, &list[index]))
			return false;
		c->at = at;
	}
	c->at = before;
	card->suggestions = list;
	card->suggestion_count = count;
	card->at_most_one = !str_is(json_get_str(action, S("selectionBehavior")), "any");
	return true;
}

/* An action that is a card and makes a resource itself: its one suggestion. */
static bool read_own(struct compiler *c, const struct json *action, struct rule_card *card)
{
	struct rule_action *own = ARENA_NEW(c->arena, struct rule_action);
	bool there = false;
	if (!own)
		return error_memory(c->err);
	if (!read_resource(c, action, own, &there) || !there)
		return !c->err->code;
	if (card->suggestion_count)
		return compile_fail(c, ERR_NOT_SUPPORTED,
				    "An action with a definition of its own and actions in it is not supported");
	struct rule_suggestion *s = ARENA_NEW(c->arena, struct rule_suggestion);
	if (!s)
		return error_memory(c->err);
	*s = (struct rule_suggestion){
		.label = card->summary, .recommended = is_recommended(action), .actions = own, .action_count = 1};
	card->suggestions = s;
	card->suggestion_count = 1;
	return true;
}

/* ---- actions ------------------------------------------------------------------------------------------------------
 */

static struct rule *add_rule(struct plan *p)
{
	if (p->count == RULE_RULES_MAX) {
		compile_fail(p->c, ERR_LIMIT, "A plan has at most %d cards", RULE_RULES_MAX);
		return NULL;
	}
	struct rule *grown = arena_grow(p->c->arena, p->rules, p->count, &p->capacity, p->count + 1, sizeof(*p->rules));
	if (!grown) {
		error_memory(p->c->err);
		return NULL;
	}
	p->rules = grown;
	grown[p->count] = (struct rule){.focus = p->patient};
	return &grown[p->count++];
}

static bool read_card(struct plan *p, const struct json *action, const struct rule_expression *const *when,
		      size_t when_count)
{
	struct compiler *c = p->c;
	struct rule_card *card = ARENA_NEW(c->arena, struct rule_card);
	struct rule *rule = card ? add_rule(p) : NULL;
	struct str id = json_get_str(action, S("id"));
	if (!rule)
		return card ? false : error_memory(c->err);
	rule->id = id.n ? id : arena_printf(c->arena, "action-%zu", p->count);
	rule->when = when;
	rule->when_count = when_count;
	rule->card = card;
	read_topic(p, action, rule->id, card);
	if (!action_text(c, action, "title", &card->summary) || !action_text(c, action, "description", &card->detail) ||
	    (!card->detail.given && !action_text(c, action, "textEquivalent", &card->detail)))
		return false;
	if (!card->summary.given)
		return compile_fail(c, ERR_REQUIRED, "'title' is missing: it is what the card says");
	return put_literal(c, indicator_of(action), &card->indicator) && read_documentation(c, action, card) &&
	       read_source(p, card) && read_suggestions(c, action, card) && read_own(c, action, card);
}

/* Has it a title, or a dynamicValue that gives it one? */
static bool is_card(const struct json *action)
{
	bool titled = json_get(action, S("title"));
	for (struct json_iter it = json_iter(json_get(action, S("dynamicValue"))); !titled && json_next(&it);)
		titled = str_is(of_action(json_get_str(it.value, S("path"))), "title");
	return titled;
}

/* An action without a title is a group: its conditions hold for the actions in it. */
static bool read_actions(struct plan *p, const struct json *from, const struct rule_expression *const *outer,
			 size_t outer_count)
{
	struct compiler *c = p->c;
	size_t index = 0;
	struct str before = compile_enter(c, S("action"));
	for (struct json_iter it = json_iter(json_get(from, S("action"))); json_next(&it); index++) {
		const struct rule_expression *const *when = NULL;
		size_t when_count = 0;
		struct str list = compile_enter_index(c, index);
		if (!check_action(c, it.value) || !plan_conditions(c, it.value, outer, outer_count, &when, &when_count))
			return false;
		bool group = !is_card(it.value);
		if (group && (!json_get(it.value, S("action")) || json_get(it.value, S("definitionCanonical"))))
			return compile_fail(c, ERR_REQUIRED, "'title' is missing: it is what the card says");
		if (!(group ? read_actions(p, it.value, when, when_count) : read_card(p, it.value, when, when_count)))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}

/* ---- plans --------------------------------------------------------------------------------------------------------
 */

static bool read_head(struct plan *p)
{
	static const char *const refused[] = {"goal", "subjectReference", "modifierExtension", NULL};
	struct rule_service *s = p->c->service;
	const struct json *plan = p->plan;
	const struct json *subject = json_at(json_get(json_get(plan, S("subjectCodeableConcept")), S("coding")), 0);
	struct str description = json_get_str(plan, S("description"));
	if (!plan_refuse(p->c, plan, refused))
		return false;
	if (str_is(json_get_str(plan, S("status")), "retired"))
		return compile_fail(p->c, ERR_NOT_SUPPORTED, "The plan is retired");
	if (subject && !str_is(json_get_str(subject, S("code")), "Patient"))
		return compile_fail(p->c, ERR_NOT_SUPPORTED, "A plan for others than patients is not supported");
	s->id = json_get_str(plan, S("id"));
	s->id = s->id.n ? s->id : json_get_str(plan, S("name"));
	s->title = json_get_str(plan, S("title"));
	s->description = description.n ? description : s->title;
	s->usage = json_get_str(plan, S("usage"));
	if (!s->id.n || (p->service && !s->description.n))
		return compile_fail(p->c, ERR_REQUIRED, "The plan needs an id or a name, and a title or a description");
	return !p->service || compile_id(p->c, s->id);
}

/* Data is asked for as at patient-view where no hook says what its context has: that of the patient. */
static bool read_names(struct plan *p)
{
	struct rule_service *s = p->c->service;
	if (!read_triggers(p->c, json_get(p->plan, S("action")), 0))
		return false;
	if (p->service && !s->hook.n)
		return compile_fail(p->c, ERR_NOT_SUPPORTED,
				    "The plan has no trigger that names a hook, such as order-sign");
	if (!p->service)
		s->hook = S("patient-view");
	return names_add_prefetch(p->c, S("patient"), S("Patient/{{context.patientId}}"), false) &&
	       read_data(p->c, json_get(p->plan, S("action")));
}

bool plan_compile(struct compiler *c, const struct json *plan, bool service)
{
	struct plan p = {.c = c, .plan = plan, .service = service};
	c->literal = true;
	if (!read_head(&p) || !read_names(&p))
		return false;
	p.patient = expression_compile(c, S("%patient"));
	if (!p.patient)
		return false;
	c->focus = &p.patient->program->given;
	if (!read_actions(&p, plan, NULL, 0))
		return false;
	if (!p.count)
		return compile_fail(c, ERR_REQUIRED, "The plan has no action that says something");
	c->program->rules = p.rules;
	c->program->rule_count = p.count;
	return true;
}

/*
 * Questionnaires themselves: conditions must name a question that can have been answered, with an operator and a value
 * that fit it; options must fit the type of the question. What the invariants que-1 to que-13 say is not repeated.
 */
#include "validate/questionnaire_priv.h"

struct outline_item {
	struct str link_id, type;
	const struct json *item;
	size_t parent, end; /* positions in document order; end: behind its last descendant */
};

struct outline {
	struct validation *v;
	struct outline_item *items;
	size_t count, capacity;
};

static bool add_items(struct outline *o, const struct json *parent, size_t parent_at, unsigned depth)
{
	for (struct json_iter it = json_iter(json_get(parent, S("item"))); depth && json_next(&it);) {
		struct outline_item *items =
			arena_grow(o->v->arena, o->items, o->count, &o->capacity, o->count + 1, sizeof(*items));
		if (!items)
			return error_memory(o->v->err);
		o->items = items;
		size_t at = o->count++;
		items[at] = (struct outline_item){json_get_str(it.value, S("linkId")),
						  json_get_str(it.value, S("type")), it.value, parent_at, 0};
		if (!add_items(o, it.value, at, depth - 1))
			return false;
		o->items[at].end = o->count;
	}
	return true;
}

static const struct outline_item *find_item(const struct outline *o, struct str link_id)
{
	for (size_t i = 0; i < o->count; i++)
		if (str_eq(o->items[i].link_id, link_id))
			return &o->items[i];
	return NULL;
}

/* Which answer[x] goes with questions of a type; NULL: none, or not known. */
static const char *answer_type(struct str question)
{
	static const char *const pairs[][2] = {
		{"boolean", "Boolean"},	   {"decimal", "Decimal"},   {"integer", "Integer"},
		{"date", "Date"},	   {"dateTime", "DateTime"}, {"time", "Time"},
		{"string", "String"},	   {"text", "String"},	     {"choice", "Coding"},
		{"open-choice", "Coding"}, {"quantity", "Quantity"}, {"reference", "Reference"},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (str_is(question, pairs[i][0]))
			return pairs[i][1];
	return NULL;
}

/* Options may bring other types into a choice. */
static bool has_option_of(const struct json *item, struct str type)
{
	for (struct json_iter it = json_iter(json_get(item, S("answerOption"))); json_next(&it);)
		if (str_eq(choice_of(it.value, S("value")).type, type))
			return true;
	return false;
}

static bool has_order(struct str type)
{
	return !str_is(type, "Boolean") && !str_is(type, "Coding") && !str_is(type, "Reference");
}

static void check_condition_value(struct validation *v, const struct node *at, const struct json *when,
				  const struct outline_item *target)
{
	struct choice answer = choice_of(when, S("answer"));
	struct str op = json_get_str(when, S("operator"));
	const char *fitting = answer_type(target->type);
	bool open = str_is(target->type, "open-choice") && str_is(answer.type, "String");
	if (!answer.value || str_is(op, "exists"))
		return;
	if (!fitting)
		find_error(v, at, ERR_VALUE, "enable-when",
			   "A %.*s has no answers that \"%.*s\" could be compared with", Q_SHOW(target->type),
			   Q_SHOW(target->link_id));
	else if (!str_is(answer.type, fitting) && !open && !has_option_of(target->item, answer.type))
		find_error(v, at, ERR_VALUE, "enable-when",
			   "The condition compares the %.*s \"%.*s\" with a value of type %.*s", Q_SHOW(target->type),
			   Q_SHOW(target->link_id), Q_SHOW(answer.type));
	else if ((str_starts(op, S("<")) || str_starts(op, S(">"))) && !has_order(answer.type))
		find_error(v, at, ERR_VALUE, "enable-when",
			   "Values of type %.*s have no order for the operator \"%.*s\"", Q_SHOW(answer.type),
			   Q_SHOW(op));
}

static void check_condition(struct outline *o, const struct node *item, size_t self, const struct json *when)
{
	struct str question = json_get_str(when, S("question"));
	const struct outline_item *target = find_item(o, question);
	if (!question.n)
		return;
	if (!target) {
		find_error(o->v, item, ERR_NOT_FOUND, "enable-when",
			   "The condition names a question \"%.*s\" that is not there", Q_SHOW(question));
		return;
	}
	size_t at = (size_t)(target - o->items);
	if (at == self)
		find_error(o->v, item, ERR_VALUE, "enable-when", "Whether \"%.*s\" is asked cannot depend on itself",
			   Q_SHOW(question));
	else if (at > self && at < o->items[self].end)
		find_error(o->v, item, ERR_VALUE, "enable-when",
			   "Whether a question is asked cannot depend on \"%.*s\", which is inside of it",
			   Q_SHOW(question));
	else if (at > self)
		find_warning(o->v, item, ERR_VALUE, "enable-when",
			     "The condition names \"%.*s\", which comes later in the questionnaire", Q_SHOW(question));
	check_condition_value(o->v, item, when, target);
}

static void check_items(struct outline *o, const struct node *parent, size_t *at, unsigned depth)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(parent->value, S("item"))); depth && json_next(&it); i++) {
		struct node item = node_child(parent, S("item"), i, it.value);
		size_t self = (*at)++;
		for (struct json_iter w = json_iter(json_get(it.value, S("enableWhen"))); json_next(&w);)
			check_condition(o, &item, self, w.value);
		check_items(o, &item, at, depth - 1);
	}
}

void rule_questionnaire(struct validation *v, const struct node *at)
{
	struct outline o = {.v = v};
	size_t position = 0;
	if (add_items(&o, at->value, SIZE_MAX, QUESTIONNAIRE_DEPTH))
		check_items(&o, at, &position, QUESTIONNAIRE_DEPTH);
}

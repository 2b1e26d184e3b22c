/*
 * Responses along their questionnaire: items where it has them and in its order, answers where they are due, nothing
 * where a condition says that the question was not asked. Single answers are checked in questionnaire_answer.c.
 */
#include "validate/questionnaire_priv.h"

enum { MAX_ITEMS = 4096 };

static void check_items(struct form *f, const struct json *questions, const struct node *parent,
			const struct level *around, unsigned depth);

/* ---- one item --------------------------------------------------------------------------------------------------- */

static bool is_type(const struct json *question, const char *type)
{
	return str_is(json_get_str(question, S("type")), type);
}

static uint64_t occurs(const struct json *question, const char *name, uint64_t otherwise)
{
	uint64_t n;
	return str_to_u64(json_number(item_extension(question, name).value), &n) ? n : otherwise;
}

static bool has_content(const struct json *item)
{
	return json_size(json_get(item, S("answer"))) || json_size(json_get(item, S("item")));
}

static void missing(struct form *f, const struct node *at, const struct json *question)
{
	bool group = is_type(question, "group");
	validation_find(f->v, at, f->in_progress ? ISSUE_WARNING : ISSUE_ERROR, ERR_REQUIRED,
			S("questionnaire-required"),
			group ? "The group \"%.*s\" is required, but has no items"
			      : "The question \"%.*s\" is required, but has no answer",
			Q_SHOW(json_get_str(question, S("linkId"))));
}

static void check_count(struct form *f, const struct node *item, const struct json *question, size_t answers)
{
	uint64_t min = occurs(question, "questionnaire-minOccurs", 0);
	uint64_t max = occurs(question, "questionnaire-maxOccurs", UINT64_MAX);
	bool repeats = json_bool(json_get(question, S("repeats")));
	if (answers > 1 && !repeats)
		find_error(f->v, item, ERR_VALUE, "questionnaire-repeats",
			   "The question \"%.*s\" may have one answer, not %zu",
			   Q_SHOW(json_get_str(question, S("linkId"))), answers);
	if (answers < min)
		validation_find(f->v, item, f->in_progress ? ISSUE_WARNING : ISSUE_ERROR, ERR_REQUIRED,
				S("questionnaire-occurs"), "The question wants at least %llu answers, and has %zu",
				(unsigned long long)min, answers);
	if (answers > max)
		find_error(f->v, item, ERR_VALUE, "questionnaire-occurs",
			   "The question wants at most %llu answers, and has %zu", (unsigned long long)max, answers);
}

static void check_text(struct form *f, const struct node *item, const struct json *question)
{
	struct str text = json_get_str(item->value, S("text")), asked = json_get_str(question, S("text"));
	if (text.n && !str_eq(text, asked))
		find_error(f->v, item, ERR_VALUE, "questionnaire-text",
			   "The text of the item is not that of the question \"%.*s\"",
			   Q_SHOW(json_get_str(question, S("linkId"))));
}

/* Groups and displays take no answers; only groups take items directly. */
static bool check_shape(struct form *f, const struct node *item, const struct json *question)
{
	struct str type = json_get_str(question, S("type"));
	size_t answers = json_size(json_get(item->value, S("answer"))),
	       items = json_size(json_get(item->value, S("item")));
	bool group = str_is(type, "group"), display = str_is(type, "display"), abstract = str_is(type, "question");
	if (answers && (group || display || abstract)) {
		find_error(f->v, item, ERR_STRUCTURE, "questionnaire-shape", "An item of type %.*s takes no answers",
			   Q_SHOW(type));
		return false;
	}
	if (items && display)
		find_error(f->v, item, ERR_STRUCTURE, "questionnaire-shape", "An item of type display has no items");
	else if (items && !group)
		find_error(f->v, item, ERR_STRUCTURE, "questionnaire-shape",
			   "Items below the question \"%.*s\" stand in its answer",
			   Q_SHOW(json_get_str(question, S("linkId"))));
	return true;
}

static void check_answers(struct form *f, const struct node *item, const struct json *question,
			  const struct level *around, unsigned depth)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(item->value, S("answer"))); json_next(&it); i++) {
		struct node answer = node_child(item, S("answer"), i, it.value);
		struct level here = {it.value, around};
		answer_check(f, question, &answer);
		check_items(f, json_get(question, S("item")), &answer, &here, depth - 1);
	}
}

static void check_item(struct form *f, const struct json *question, const struct node *item, const struct level *around,
		       unsigned depth)
{
	struct level here = {item->value, around};
	size_t answers = json_size(json_get(item->value, S("answer")));
	bool required = json_bool(json_get(question, S("required")));
	check_text(f, item, question);
	if (!check_shape(f, item, question))
		return;
	if (required && !has_content(item->value) && !is_type(question, "display"))
		missing(f, item, question);
	if (is_type(question, "group")) {
		check_items(f, json_get(question, S("item")), item, &here, depth - 1);
		return;
	}
	check_count(f, item, question, answers);
	check_answers(f, item, question, &here, depth);
}

/* ---- a list of items -------------------------------------------------------------------------------------------- */

static size_t question_index(const struct json *questions, struct str link_id)
{
	size_t i = 0;
	for (struct json_iter it = json_iter(questions); json_next(&it); i++)
		if (str_eq(json_get_str(it.value, S("linkId")), link_id))
			return i;
	return STR_NONE;
}

static const struct json *question_anywhere(const struct json *parent, struct str link_id, unsigned depth)
{
	for (struct json_iter it = json_iter(json_get(parent, S("item"))); depth && json_next(&it);) {
		if (str_eq(json_get_str(it.value, S("linkId")), link_id))
			return it.value;
		const struct json *found = question_anywhere(it.value, link_id, depth - 1);
		if (found)
			return found;
	}
	return NULL;
}

static void misplaced(struct form *f, const struct node *parent, struct str link_id)
{
	if (question_anywhere(f->questionnaire, link_id, QUESTIONNAIRE_DEPTH))
		find_error(f->v, parent, ERR_STRUCTURE, "questionnaire-place",
			   "The item \"%.*s\" stands where the questionnaire has another group", Q_SHOW(link_id));
	else
		find_error(f->v, parent, ERR_NOT_FOUND, "questionnaire-link", "The questionnaire has no item \"%.*s\"",
			   Q_SHOW(link_id));
}

/* What the list of a response's items holds of each question. */
static void check_known(struct form *f, const struct json *questions, const struct node *parent,
			const struct level *around, unsigned depth, size_t *seen)
{
	size_t last = 0;
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(parent->value, S("item"))); json_next(&it); i++) {
		struct node item = node_child(parent, S("item"), i, it.value);
		struct str link_id = json_get_str(it.value, S("linkId"));
		size_t at = question_index(questions, link_id);
		if (!link_id.n)
			continue;
		if (at == STR_NONE) {
			misplaced(f, parent, link_id);
			continue;
		}
		const struct json *question = json_at(questions, at);
		if (at < last)
			find_error(f->v, parent, ERR_STRUCTURE, "questionnaire-order",
				   "The item \"%.*s\" comes later than in the questionnaire", Q_SHOW(link_id));
		last = at > last ? at : last;
		if (at < MAX_ITEMS && seen[at]++ &&
		    !(is_type(question, "group") && json_bool(json_get(question, S("repeats")))))
			find_error(f->v, parent, ERR_VALUE, "questionnaire-repeats",
				   "The item \"%.*s\" appears more than once", Q_SHOW(link_id));
		if (item_enabled(question, around))
			check_item(f, question, &item, around, depth);
		else if (has_content(it.value))
			find_error(f->v, &item, ERR_VALUE, "enable-when",
				   "The item \"%.*s\" has answers, although it was not to be asked", Q_SHOW(link_id));
	}
}

static void check_items(struct form *f, const struct json *questions, const struct node *parent,
			const struct level *around, unsigned depth)
{
	size_t count = json_size(questions);
	size_t *seen = ARENA_ARRAY(f->v->arena, size_t, MAX_ITEMS < count ? MAX_ITEMS : count + 1);
	if (!seen || depth == 0) {
		error_set(f->v->err, seen ? ERR_LIMIT : ERR_MEMORY, "%s",
			  seen ? "The questionnaire is nested too deeply" : "Not enough memory");
		return;
	}
	check_known(f, questions, parent, around, depth, seen);
	size_t i = 0;
	for (struct json_iter it = json_iter(questions); json_next(&it) && i < MAX_ITEMS; i++)
		if (!seen[i] && json_bool(json_get(it.value, S("required"))) && !is_type(it.value, "display") &&
		    item_enabled(it.value, around))
			missing(f, parent, it.value);
}

/* ---- the response ----------------------------------------------------------------------------------------------- */

/* The questionnaire that the response names: contained, or at hand. */
static const struct json *find_questionnaire(struct validation *v, const struct node *at, struct str name,
					     const struct canonical **ret_canonical)
{
	struct error err = {0};
	*ret_canonical = NULL;
	if (str_starts(name, S("#")))
		return validation_resolve(v, at->holder, name).resource;
	*ret_canonical = canonicals_find(v->canonicals, S("Questionnaire"), name, NULL);
	return *ret_canonical ? canonical_json(v->canonicals, *ret_canonical, &err) : NULL;
}

void rule_questionnaire_response(struct validation *v, const struct node *at)
{
	struct form f = {.v = v};
	struct str name = json_get_str(at->value, S("questionnaire")), status = json_get_str(at->value, S("status"));
	struct node place = node_child(at, S("questionnaire"), -1, json_get(at->value, S("questionnaire")));
	if (!name.n) {
		find_hint(v, at, ERR_NOT_FOUND, "questionnaire",
			  "The response names no questionnaire, so its answers are not compared with one");
		return;
	}
	f.questionnaire = find_questionnaire(v, at, name, &f.canonical);
	if (!f.questionnaire) {
		const struct canonical *other = canonicals_find(v->canonicals, STR_NULL, name, NULL);
		if (other)
			find_error(v, &place, ERR_VALUE, "canonical-type", "\"%.*s\" is a %.*s, not a Questionnaire",
				   Q_SHOW(name), STR_ARG(other->type));
		else
			find_warning(
				v, at, ERR_NOT_FOUND, "questionnaire",
				"The questionnaire \"%.*s\" is not at hand, so the answers are not compared with it",
				Q_SHOW(name));
		return;
	}
	struct level around = {at->value, NULL};
	f.in_progress = str_is(status, "in-progress");
	check_items(&f, json_get(f.questionnaire, S("item")), at, &around, QUESTIONNAIRE_DEPTH);
}

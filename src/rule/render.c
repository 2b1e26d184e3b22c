/*
 * Texts and resources of a card, filled with what the expressions give. What comes from data stays text: in Markdown it
 * is escaped, in plain texts it is one line. A resource that a card suggests must be one that FHIR allows.
 */
#include "base/encode.h"
#include "fhir/resource.h"
#include "rule/rule_priv.h"

enum { RESOURCE_MAX = 1 << 20, SHOWN_MAX = 50 /* items of one template */ };

/* ---- what an item is for people -----------------------------------------------------------------------------------
 */

static const char *const spoken[] = {"CodeableConcept", "Coding",    "Quantity",   "Age",	 "Duration",
				     "SimpleQuantity",	"Reference", "HumanName",  "Annotation", "Identifier",
				     "Period",		"Money",     "Medication", NULL};

bool item_type_has_text(const struct path_type *type)
{
	if (!type->fhir || type->fhir->kind == TYPE_PRIMITIVE || type->fhir->abstract)
		return true;
	for (size_t i = 0; spoken[i]; i++)
		if (str_is(type->fhir->name, spoken[i]))
			return true;
	return false;
}

static struct str concept_text(const struct json *concept)
{
	struct str text = json_get_str(concept, S("text"));
	for (struct json_iter it = json_iter(json_get(concept, S("coding"))); !text.n && json_next(&it);)
		text = json_get_str(it.value, S("display"));
	if (!text.n)
		text = json_get_str(json_at(json_get(concept, S("coding")), 0), S("code"));
	return text;
}

static struct str name_text(struct run *r, const struct json *name)
{
	struct buf out;
	struct str text = json_get_str(name, S("text"));
	if (text.n)
		return text;
	buf_init(&out, RULE_TEXT_MAX);
	for (struct json_iter it = json_iter(json_get(name, S("given"))); json_next(&it);) {
		buf_add(&out, json_str(it.value));
		buf_char(&out, ' ');
	}
	buf_add(&out, json_get_str(name, S("family")));
	text = arena_str(r->arena, str_trim(buf_str(&out)));
	buf_done(&out);
	return text;
}

static struct str quantity_text(struct run *r, const struct json *quantity)
{
	struct str value = json_number(json_get(quantity, S("value"))), unit = json_get_str(quantity, S("unit"));
	if (!unit.n)
		unit = json_get_str(quantity, S("code"));
	if (!unit.n)
		unit = json_get_str(quantity, S("currency"));
	return arena_printf(r->arena, "%.*s%.*s%s%.*s", STR_ARG(json_get_str(quantity, S("comparator"))),
			    STR_ARG(value), unit.n && value.n ? " " : "", STR_ARG(unit));
}

/* What it is called, or what the resource behind it is called. */
static struct str reference_text(struct run *r, const struct path_item *item)
{
	struct path_item found = {.kind = PATH_NO_TYPE};
	struct str text = json_get_str(item->value, S("display")), to = json_get_str(item->value, S("reference"));
	if (text.n)
		return text;
	if (str_starts(to, S("#"))) {
		for (struct json_iter it = json_iter(json_get(item->container, S("contained"))); json_next(&it);)
			if (str_eq(json_get_str(it.value, S("id")), str_slice(to, 1, to.n)))
				found = path_item_resource(r->program->definitions, it.value);
	} else if (to.n && !r->services.resolve(r, r->arena, item, to, &found, r->err)) {
		return STR_NULL;
	}
	text = found.kind == PATH_ELEMENT ? concept_text(json_get(found.value, S("code"))) : STR_NULL;
	return text.n ? text : to;
}

static struct str value_text(struct run *r, const struct path_item *item)
{
	struct buf out;
	buf_init(&out, RULE_TEXT_MAX);
	path_item_print(&out, item);
	struct str text = buf_ok(&out) ? arena_str(r->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

struct str item_text(struct run *r, const struct path_item *item)
{
	const struct json *j = item->value;
	if (item->kind != PATH_ELEMENT)
		return value_text(r, item);
	if (!j)
		return S("");
	if (!json_is(j, JSON_OBJECT))
		return json_is(j, JSON_STRING) ? json_str(j) : value_text(r, item);
	if (item->type && str_is(item->type->name, "Medication"))
		return concept_text(json_get(j, S("code")));
	if (json_get(j, S("coding")) || (!item->type && json_get(j, S("text"))))
		return concept_text(j);
	if (json_get(j, S("reference")) || (item->type && str_is(item->type->name, "Reference")))
		return reference_text(r, item);
	if (json_is(json_get(j, S("value")), JSON_NUMBER))
		return quantity_text(r, j);
	if (json_get(j, S("family")) || json_get(j, S("given")))
		return name_text(r, j);
	if (json_get(j, S("display")) || json_get(j, S("code")))
		return json_get_str(j, S("display")).n ? json_get_str(j, S("display")) : json_get_str(j, S("code"));
	if (json_get(j, S("start")) || json_get(j, S("end")))
		return arena_printf(r->arena, "%.*s – %.*s", STR_ARG(json_get_str(j, S("start"))),
				    STR_ARG(json_get_str(j, S("end"))));
	return json_get(j, S("text")) ? json_get_str(j, S("text")) : json_get_str(j, S("value"));
}

/* ---- texts --------------------------------------------------------------------------------------------------------
 */

enum text_form { TEXT_MARKDOWN, TEXT_PLAIN, TEXT_RAW, TEXT_URL /* values become parts of an address */ };

static bool put_parts(struct run *r, const struct rule_part *part, enum text_form form, struct buf *out);

static bool put_item(struct run *r, const struct path_item *item, enum text_form form, struct buf *out)
{
	struct str text = item_text(r, item);
	if (!text.p)
		return error_set(r->err, ERR_VALUE, "a template gives what has no text of its own");
	if (form == TEXT_MARKDOWN)
		hook_markdown_add(out, text, RULE_VALUE_MAX);
	else if (form == TEXT_PLAIN)
		hook_plain_add(out, text, RULE_VALUE_MAX);
	else if (form == TEXT_URL)
		encode_percent(out, text);
	else
		buf_add(out, text);
	return true;
}

/* Nobody reads thousands; that there are more is said. */
static void put_rest(size_t count, const char *before, struct buf *out)
{
	if (count > SHOWN_MAX)
		buf_printf(out, "%s… and %zu more", before, count - (size_t)SHOWN_MAX);
}

static bool put_value(struct run *r, const struct rule_part *part, enum text_form form, struct buf *out)
{
	struct path_items items;
	if (!run_items(r, part->expression, &items))
		return false;
	for (size_t i = 0; i < items.count && i < SHOWN_MAX; i++) {
		if (i)
			buf_add(out, S(", "));
		if (!put_item(r, &items.items[i], form, out))
			return false;
	}
	put_rest(items.count, ", ", out);
	return true;
}

static bool put_each(struct run *r, const struct rule_part *part, enum text_form form, struct buf *out)
{
	const struct path_item *focus = r->focus;
	struct path_items items;
	if (!run_items(r, part->expression, &items))
		return false;
	bool ok = true;
	for (size_t i = 0; ok && i < items.count && i < SHOWN_MAX; i++) {
		r->focus = &items.items[i];
		ok = put_parts(r, part->inner, form, out);
	}
	r->focus = focus;
	put_rest(items.count, form == TEXT_MARKDOWN ? "\n\n" : " ", out);
	return ok;
}

static bool put_parts(struct run *r, const struct rule_part *part, enum text_form form, struct buf *out)
{
	bool holds, ok = true;
	for (; ok && part; part = part->next) {
		switch (part->kind) {
		case PART_LITERAL:
			buf_add(out, part->literal);
			break;
		case PART_VALUE:
			ok = put_value(r, part, form, out);
			break;
		case PART_EACH:
			ok = put_each(r, part, form, out);
			break;
		case PART_IF:
			ok = run_condition(r, part->expression, &holds) &&
			     (!holds || put_parts(r, part->inner, form, out));
			break;
		}
	}
	return ok;
}

static bool text_form(struct run *r, const struct rule_text *t, enum text_form form, struct str *ret_text)
{
	struct buf out;
	*ret_text = STR_NULL;
	if (!t->given)
		return true;
	if (!t->varies) {
		*ret_text = t->parts ? t->parts->literal : S("");
		return true;
	}
	buf_init(&out, RULE_TEXT_MAX);
	bool ok = put_parts(r, t->parts, form, &out);
	if (ok && !buf_ok(&out))
		ok = error_set(r->err, ERR_LIMIT, "a text grows beyond %d bytes", RULE_TEXT_MAX);
	if (ok) {
		*ret_text = arena_str(r->arena, buf_str(&out));
		ok = ret_text->p || error_memory(r->err);
	}
	buf_done(&out);
	return ok;
}

bool text_run(struct run *r, const struct rule_text *t, bool markdown, struct str *ret_text)
{
	return text_form(r, t, markdown ? TEXT_MARKDOWN : TEXT_PLAIN, ret_text);
}

/* ---- trees --------------------------------------------------------------------------------------------------------
 */

/* What a value becomes in JSON: nothing, itself, or a list. */
static bool put_items(struct run *r, const struct path_items *items, bool in_list, struct json_writer *w)
{
	bool list = items->count > 1 && !in_list;
	(void)r;
	if (list)
		json_array_begin(w);
	for (size_t i = 0; i < items->count; i++)
		path_item_write(w, &items->items[i]);
	if (list)
		json_array_end(w);
	return true;
}

static bool put_tree(struct run *r, const struct rule_tree *tree, bool in_list, struct json_writer *w);

static bool put_member(struct run *r, const struct rule_tree *tree, bool in_list, struct json_writer *w)
{
	struct path_items items;
	struct str text;
	if (tree->whole) {
		if (!run_items(r, tree->whole, &items))
			return false;
		if (items.count && tree->name.p)
			json_key(w, tree->name);
		return put_items(r, &items, in_list, w);
	}
	if (tree->name.p)
		json_key(w, tree->name);
	if (!tree->text.given)
		return put_tree(r, tree, in_list, w);
	if (!text_form(r, &tree->text, TEXT_RAW, &text))
		return false;
	json_put_str(w, text);
	return true;
}

static bool put_tree(struct run *r, const struct rule_tree *tree, bool in_list, struct json_writer *w)
{
	bool ok = true;
	(void)in_list;
	if (tree->constant) {
		json_put_value(w, tree->constant);
		return true;
	}
	bool object = tree->type == JSON_OBJECT;
	if (object)
		json_object_begin(w);
	else
		json_array_begin(w);
	for (const struct rule_tree *t = tree->first; ok && t; t = t->next)
		ok = put_member(r, t, !object, w);
	if (object)
		json_object_end(w);
	else
		json_array_end(w);
	return ok;
}

bool tree_run(struct run *r, const struct rule_tree *tree, struct buf *out)
{
	struct json_writer w = json_writer(out);
	return put_member(r, tree, false, &w);
}

/* ---- actions and cards --------------------------------------------------------------------------------------------
 */

static bool make_resource(struct run *r, const struct rule_tree *tree, struct hook_action *ret)
{
	struct buf out;
	struct issues findings;
	buf_init(&out, RESOURCE_MAX);
	bool ok = tree_run(r, tree, &out);
	if (ok && !buf_ok(&out))
		ok = error_set(r->err, ERR_LIMIT, "a suggested resource grows beyond %d bytes", (int)RESOURCE_MAX);
	ret->resource = ok ? json_parse(r->arena, buf_str(&out), 0, r->err) : NULL;
	buf_done(&out);
	if (!ret->resource)
		return false;
	issues_init(&findings, r->arena);
	if (resource_check(r->program->definitions, ret->resource, &findings))
		return true;
	return error_set(r->err, ERR_STRUCTURE, "the suggested resource is not valid: %.*s",
			 findings.first ? (int)findings.first->text.n : 0,
			 findings.first ? findings.first->text.p : "");
}

bool action_run(struct run *r, const struct rule_action *from, struct hook_action *ret)
{
	*ret = (struct hook_action){.type = from->type};
	return text_run(r, &from->description, false, &ret->description) &&
	       text_run(r, &from->resource_id, false, &ret->resource_id) &&
	       (!from->resource || make_resource(r, from->resource, ret));
}

static bool suggestion_run(struct run *r, const struct rule_suggestion *from, struct hook_suggestion *ret)
{
	ret->recommended = from->recommended;
	ret->actions = ARENA_ARRAY(r->arena, struct hook_action, from->action_count);
	ret->action_count = from->action_count;
	if (!ret->actions)
		return error_memory(r->err);
	for (size_t i = 0; i < from->action_count; i++)
		if (!action_run(r, &from->actions[i], &ret->actions[i]))
			return false;
	return text_run(r, &from->label, false, &ret->label);
}

/* Those of which all conditions hold. */
static bool suggestions_run(struct run *r, const struct rule_card *from, struct hook_card *ret)
{
	ret->suggestions = ARENA_ARRAY(r->arena, struct hook_suggestion, from->suggestion_count);
	if (!ret->suggestions)
		return error_memory(r->err);
	for (size_t i = 0; i < from->suggestion_count; i++) {
		const struct rule_suggestion *s = &from->suggestions[i];
		bool holds = true;
		for (size_t n = 0; holds && n < s->when_count; n++)
			if (!run_condition(r, s->when[n], &holds))
				return false;
		if (holds && !suggestion_run(r, s, &ret->suggestions[ret->suggestion_count++]))
			return false;
	}
	return true;
}

/* An address that a value is as a whole stays as it is; values within one are encoded. Whatever comes of it must be an
 * address of the web: an EHR shows it to be followed. */
static bool url_run(struct run *r, const struct rule_text *t, struct str *ret_url)
{
	bool whole = t->parts && t->parts->kind == PART_VALUE && !t->parts->next;
	if (!text_form(r, t, whole ? TEXT_PLAIN : TEXT_URL, ret_url))
		return false;
	struct str url = *ret_url;
	bool good = !url.p || str_starts(url, S("https://")) || str_starts(url, S("http://"));
	for (size_t i = 0; good && i < url.n; i++)
		good = (unsigned char)url.p[i] > ' ' && url.p[i] != '"' && url.p[i] != '<' && url.p[i] != '>';
	return good || error_set(r->err, ERR_VALUE, "an address must begin with https:// and have no spaces");
}

static bool link_run(struct run *r, const struct rule_link *from, struct hook_link *ret)
{
	ret->smart = from->smart;
	ret->autolaunchable = from->autolaunchable;
	return text_run(r, &from->label, false, &ret->label) && url_run(r, &from->url, &ret->url) &&
	       text_form(r, &from->app_context, TEXT_RAW, &ret->app_context);
}

static bool card_texts(struct run *r, const struct rule_card *from, struct hook_card *ret)
{
	struct str indicator;
	if (!text_run(r, &from->summary, false, &ret->summary) || !text_run(r, &from->detail, true, &ret->detail) ||
	    !text_run(r, &from->source_label, false, &ret->source.label) ||
	    !url_run(r, &from->source_url, &ret->source.url) || !url_run(r, &from->source_icon, &ret->source.icon) ||
	    !text_run(r, &from->indicator, false, &indicator))
		return false;
	return hook_indicator_named(str_trim(indicator), &ret->indicator) ||
	       error_set(r->err, ERR_VALUE, "an indicator is 'info', 'warning' or 'critical'");
}

bool card_run(struct run *r, const struct rule_card *from, struct hook_card *ret)
{
	*ret = (struct hook_card){.at_most_one = from->at_most_one,
				  .override_reasons = from->override_reasons,
				  .override_reason_count = from->override_reason_count,
				  .link_count = from->link_count};
	ret->source.topic = from->topic;
	ret->links = ARENA_ARRAY(r->arena, struct hook_link, from->link_count);
	if (!ret->links)
		return error_memory(r->err);
	if (!card_texts(r, from, ret) || !suggestions_run(r, from, ret))
		return false;
	for (size_t i = 0; i < from->link_count; i++)
		if (!link_run(r, &from->links[i], &ret->links[i]))
			return false;
	return true;
}

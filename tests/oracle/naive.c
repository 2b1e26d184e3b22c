/* The naive answer: every question asked of every resource, by walking its JSON. */
#include <stdlib.h>

#include "base/map.h"
#include "fhirpath/fhirpath.h"
#include "oracle.h"

/* ---- elements ---------------------------------------------------------------------------------------------------- */

/*
 * The sides of the unions of an expression, each compiled by itself: a union would leave out what is equal to what it
 * has, and to FHIRPath 0.0054 g equals 5.4 mg, while a search can tell them apart.
 */
struct sides {
	const struct path_program *programs[64];
	size_t count;
};

static struct str take_side(struct str *rest)
{
	int depth = 0;
	for (size_t i = 0; i < rest->n; i++) {
		depth += (rest->p[i] == '(') - (rest->p[i] == ')');
		if (depth == 0 && rest->p[i] == '|') {
			struct str side = str_slice(*rest, 0, i);
			*rest = str_slice(*rest, i + 1, rest->n);
			return side;
		}
	}
	struct str side = *rest;
	*rest = STR_NULL;
	return side;
}

static const struct sides *sides_of(struct oracle *o, const struct search_param *param)
{
	static const struct path_options options = {.as_filters = true};
	struct error err = {0};
	char key[8] = {0};
	memcpy(key, &param->id, sizeof(param->id));
	struct str name = arena_str(o->kept, str_make(key, sizeof(param->id)));
	uint64_t *slot = map_put(o->programs, name, NULL);
	if (*slot)
		return (const struct sides *)(uintptr_t)*slot;
	struct sides *sides = arena_alloc(o->kept, sizeof(*sides));
	sides->count = 0;
	for (struct str rest = param->expression; rest.p && sides->count < 64;)
		sides->programs[sides->count++] =
			path_compile(o->kept, o->definitions, take_side(&rest), &options, &err);
	*slot = (uint64_t)(uintptr_t)sides;
	return sides;
}

static bool elements_of(struct oracle *o, const struct thing *t, const char *code, struct path_items *ret_items)
{
	const struct search_param *param = definitions_search_param(t->type, str_from(code));
	struct path_context context = {.resource = t->body};
	struct path_item focus = path_item_resource(o->definitions, t->body);
	*ret_items = (struct path_items){0};
	const struct sides *sides = param ? sides_of(o, param) : NULL;
	for (size_t i = 0; sides && i < sides->count; i++) {
		struct path_items some = {0};
		struct error err = {0};
		if (!path_eval(sides->programs[i], o->arena, &context, &focus, &some, &err))
			return false;
		struct path_item *all = arena_grow(o->arena, ret_items->items, ret_items->count, &ret_items->capacity,
						   ret_items->count + some.count, sizeof(*all));
		if (some.count && all)
			memcpy(all + ret_items->count, some.items, some.count * sizeof(*all));
		ret_items->items = all;
		ret_items->count += all ? some.count : 0;
	}
	return param != NULL;
}

static bool is_missing(struct oracle *o, const struct thing *t, const struct field *f)
{
	struct path_items items;
	if (!elements_of(o, t, f->param, &items))
		return true;
	/* An object without members, which FHIR does not allow, is nothing. */
	for (size_t i = 0; i < items.count; i++)
		if (!json_is(items.items[i].value, JSON_OBJECT) || json_size(items.items[i].value))
			return false;
	return true;
}

static bool in_hierarchy(struct oracle *o, const struct ask *a, const struct ask_value *v, const struct json *element);

static bool element_meets(struct oracle *o, const struct ask *a, const struct ask_value *v,
			  const struct path_item *item)
{
	bool reference = a->field.kind == FIELD_REFERENCE;
	if (reference && (strcmp(a->modifier, "below") == 0 || strcmp(a->modifier, "above") == 0))
		return in_hierarchy(o, a, v, item->value);
	return naive_meets(o, a, v, item->type, item->value);
}

static bool value_asked(struct oracle *o, const struct thing *t, const struct ask *a)
{
	struct path_items items;
	bool meets = false, not = strncmp(a->modifier, "not", 3) == 0;
	if (!elements_of(o, t, a->field.param, &items))
		return not ;
	for (size_t i = 0; i < items.count && !meets; i++)
		for (size_t k = 0; k < a->value_count && !meets; k++)
			meets = element_meets(o, a, &a->values[k], &items.items[i]);
	/* ne of _filter on what has no order: there is a value, and none is the one given. */
	if (a->filter && a->values[0].prefix && strcmp(a->values[0].prefix, "ne") == 0 &&
	    (a->field.kind == FIELD_TOKEN || a->field.kind == FIELD_STRING))
		return !meets && !is_missing(o, t, &a->field);
	return meets != not ;
}

/* ---- composites ---------------------------------------------------------------------------------------------------
 */

static bool pair_meets(struct oracle *o, const struct ask *a, const struct json *element)
{
	struct ask code = {.field = {"Observation", "code", FIELD_TOKEN}, .modifier = ""};
	struct ask quantity = {.field = {"Observation", "value-quantity", FIELD_QUANTITY}, .modifier = ""};
	const struct fhir_type *concept = definitions_type(o->definitions, S("CodeableConcept"));
	const struct fhir_type *number = definitions_type(o->definitions, S("Quantity"));
	const struct json *first = json_get(element, S("code")), *second = json_get(element, S("valueQuantity"));
	for (size_t i = 0; first && second && i < a->value_count; i += 2)
		if (naive_meets(o, &code, &a->values[i], concept, first) &&
		    naive_meets(o, &quantity, &a->values[i + 1], number, second))
			return true;
	return false;
}

static bool composite_asked(struct oracle *o, const struct thing *t, const struct ask *a)
{
	if (strncmp(a->field.param, "component", 9) != 0 && pair_meets(o, a, t->body))
		return true;
	if (strncmp(a->field.param, "code", 4) == 0)
		return false;
	for (struct json_iter it = json_iter(json_get(t->body, S("component"))); json_next(&it);)
		if (pair_meets(o, a, it.value))
			return true;
	return false;
}

/* ---- other resources ----------------------------------------------------------------------------------------------
 */

static bool is_at(const struct thing *t, struct str reference)
{
	struct str rest = reference, type = rest.p ? str_split(&rest, '/') : STR_NULL;
	return t->body && rest.p && str_eq(type, t->type->name) && str_is(rest, t->id);
}

static bool refers(struct oracle *o, const struct thing *from, const char *param, const struct thing *to)
{
	struct path_items items;
	if (!elements_of(o, from, param, &items))
		return false;
	for (size_t i = 0; i < items.count; i++)
		if (is_at(to, naive_reference(items.items[i].value)))
			return true;
	return false;
}

static bool asked(struct oracle *o, const struct thing *t, const struct ask *a);

/* To whom there are limits, the rest does not exist. A limit itself is about everything. */
static bool is_visible(struct oracle *o, const struct thing *t)
{
	const struct question *q = o->limited;
	bool visible = true;
	o->limited = NULL;
	for (size_t i = 0; q && i < q->limit_count; i++) {
		const struct limit *l = &q->limits[i];
		if (!str_is(t->type->name, l->type))
			continue;
		visible = l->ask_count > 0;
		for (size_t k = 0; k < l->ask_count && visible; k++)
			visible = asked(o, t, &l->asks[k]);
	}
	o->limited = q;
	return visible;
}

/* ---- hierarchies --------------------------------------------------------------------------------------------------
 */

/* Does the way up from a resource come to a reference? Who is on the way has to be there and visible. */
static bool leads_to(struct oracle *o, const struct thing *t, struct str wanted, unsigned steps)
{
	const char *code = str_is(t->type->name, "Encounter") ? "part-of" : "partof";
	struct path_items items;
	if (!steps || !is_visible(o, t) || !elements_of(o, t, code, &items))
		return false;
	for (size_t i = 0; i < items.count; i++) {
		struct str parent = naive_reference(items.items[i].value);
		if (parent.p && str_eq(parent, wanted))
			return true;
		for (size_t k = 0; k < THING_COUNT; k++)
			if (is_at(&o->things[k], parent) && leads_to(o, &o->things[k], wanted, steps - 1))
				return true;
	}
	return false;
}

static bool in_hierarchy(struct oracle *o, const struct ask *a, const struct ask_value *v, const struct json *element)
{
	struct str text = naive_reference(element), wanted = str_from(v->code);
	bool below = strcmp(a->modifier, "below") == 0, there = below;
	if (str_starts(wanted, S(ORACLE_BASE "/")))
		wanted = str_slice(wanted, sizeof(ORACLE_BASE), wanted.n);
	if (!text.p || str_eq(text, wanted))
		return text.p;
	/* What is above has to be there as well; below, whoever the way starts from is. */
	for (size_t i = 0; !there && i < THING_COUNT; i++)
		there = is_at(&o->things[i], text) && is_visible(o, &o->things[i]);
	for (size_t i = 0; there && i < THING_COUNT; i++)
		if (is_at(&o->things[i], below ? text : wanted) &&
		    leads_to(o, &o->things[i], below ? wanted : text, WORD_IDS + 1))
			return true;
	return false;
}

static bool linked_asked(struct oracle *o, const struct thing *t, const struct ask *a)
{
	for (size_t i = 0; i < THING_COUNT; i++) {
		const struct thing *other = &o->things[i];
		if (!other->body || !str_is(other->type->name, a->other))
			continue;
		if (a->kind == ASK_CHAIN ? !refers(o, t, a->field.param, other) : !refers(o, other, a->field.param, t))
			continue;
		bool meets = is_visible(o, other);
		for (size_t k = 0; k < a->child_count && meets; k++)
			meets = asked(o, other, &a->children[k]);
		if (meets)
			return true;
	}
	return false;
}

static bool list_asked(struct oracle *o, const struct thing *t, const struct ask *a)
{
	for (size_t i = 0; i < THING_COUNT; i++) {
		const struct thing *list = &o->things[i];
		if (!list->body || !str_is(list->type->name, "List") || strcmp(list->id, a->values[0].code) != 0 ||
		    !is_visible(o, list))
			continue;
		for (struct json_iter it = json_iter(json_get(list->body, S("entry"))); json_next(&it);)
			if (!json_bool(json_get(it.value, S("deleted"))) &&
			    is_at(t, naive_reference(json_get(it.value, S("item")))))
				return true;
	}
	return false;
}

/* ---- words --------------------------------------------------------------------------------------------------------
 */

static bool has_word(struct oracle *o, struct str text, const char *word)
{
	struct str folded = naive_fold(o->arena, text);
	for (struct str rest = folded; rest.p;)
		if (str_starts(str_split(&rest, ' '), str_from(word)))
			return true;
	return false;
}

/* The narrative without its tags. */
static struct str bare(struct oracle *o, struct str div)
{
	char *out = arena_alloc(o->arena, div.n + 1);
	size_t n = 0;
	bool tag = false;
	for (size_t i = 0; i < div.n; i++) {
		if (div.p[i] == '<' || div.p[i] == '>') {
			tag = div.p[i] == '<';
			out[n++] = ' ';
		} else if (!tag)
			out[n++] = div.p[i];
	}
	return str_make(out, n);
}

static bool content_has(struct oracle *o, const struct json *value, struct str key, const char *word)
{
	if (json_is(value, JSON_STRING))
		return !str_is(key, "resourceType") &&
		       has_word(o, str_is(key, "div") ? bare(o, json_str(value)) : json_str(value), word);
	if (!json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY))
		return false;
	for (struct json_iter it = json_iter(value); json_next(&it);)
		if (content_has(o, it.value, json_is(value, JSON_OBJECT) ? it.key : S(""), word))
			return true;
	return false;
}

static bool words_asked(struct oracle *o, const struct thing *t, const struct ask *a)
{
	struct str div = json_get_str(json_get(t->body, S("text")), S("div"));
	for (size_t i = 0; i < a->value_count; i++)
		if (strcmp(a->field.param, "_text") == 0 ? !div.p || !has_word(o, bare(o, div), a->values[i].code)
							 : !content_has(o, t->body, S(""), a->values[i].code))
			return false;
	return true;
}

/* ---- questions ----------------------------------------------------------------------------------------------------
 */

static bool asked(struct oracle *o, const struct thing *t, const struct ask *a)
{
	int64_t low, high;
	switch (a->kind) {
	case ASK_VALUE:
		return value_asked(o, t, a);
	case ASK_MISSING:
		return is_missing(o, t, &a->field) == (strcmp(a->values[0].code, "true") == 0);
	case ASK_COMPOSITE:
		return composite_asked(o, t, a);
	case ASK_CHAIN:
	case ASK_HAS:
		return linked_asked(o, t, a);
	case ASK_ID:
		return strcmp(t->id, a->values[0].code) == 0;
	case ASK_UPDATED:
		return naive_date(a->values[0].code, strlen(a->values[0].code), &low, &high) &&
		       naive_date_compare(a->values[0].prefix, t->updated_ms, t->updated_ms, low, high);
	case ASK_LIST:
		return list_asked(o, t, a);
	case ASK_WORDS:
		return words_asked(o, t, a);
	case ASK_NOT:
		return !asked(o, t, a->children);
	default:
		break;
	}
	for (size_t i = 0; i < a->child_count; i++)
		if (asked(o, t, &a->children[i]) != (a->kind == ASK_AND))
			return a->kind == ASK_OR;
	return a->kind == ASK_AND;
}

static bool in_scope(struct oracle *o, const struct question *q, const struct thing *t)
{
	bool typed = q->type && str_is(t->type->name, q->type);
	typed = typed || (!q->type && !q->type_count);
	for (size_t i = 0; i < q->type_count; i++)
		typed = typed || str_is(t->type->name, q->types[i]);
	if (!typed || !q->compartment)
		return typed;
	const struct fhir_type *center = definitions_resource(o->definitions, str_from(q->compartment));
	const struct compartment_member *m =
		compartment_member(definitions_compartment(o->definitions, center), t->type);
	struct str wanted = arena_printf(o->arena, "%s/%s", q->compartment, q->compartment_id);
	for (size_t i = 0; m && i < m->param_count; i++) {
		struct path_items items;
		if (!elements_of(o, t, m->params[i].p ? arena_str(o->arena, m->params[i]).p : "", &items))
			continue;
		for (size_t k = 0; k < items.count; k++)
			if (str_eq(naive_reference(items.items[k].value), wanted))
				return true;
	}
	return false;
}

/* ---- order --------------------------------------------------------------------------------------------------------
 */

struct sort_key {
	bool missing;
	double number;
	struct str text;
};

/* Is there anything of the element that could be sorted by? A concept that is a text is nothing. */
static bool is_findable(struct oracle *o, const struct field *f, const struct path_item *item)
{
	static const char *const parts[] = {"coding", "reference"};
	struct ask any = {.field = *f, .modifier = ""};
	if (f->kind == FIELD_TOKEN && str_is(item->type->name, "CodeableConcept"))
		return json_size(json_get(item->value, str_from(parts[0]))) > 0;
	if (f->kind == FIELD_REFERENCE)
		return json_get_str(item->value, str_from(parts[1])).n > 0;
	if (f->kind == FIELD_DATE && json_is(item->value, JSON_OBJECT)) {
		struct ask_value all[] = {{.prefix = "ne", .code = "1970"}, {.prefix = "eq", .code = "1970"}};
		return naive_meets(o, &any, &all[0], item->type, item->value) ||
		       naive_meets(o, &any, &all[1], item->type, item->value);
	}
	if (f->kind == FIELD_NUMBER)
		return json_number(item->value).p != NULL;
	return true;
}

static bool quantity_value(const struct json *quantity, double *ret_number)
{
	struct str text = json_number(json_get(quantity, S("value")));
	*ret_number = text.p ? strtod(text.p, NULL) : 0;
	return text.p != NULL;
}

/* The value as it is written, the middle of a range, or its only end. */
static bool quantity_key(const struct json *value, double *ret_number)
{
	double low, high;
	bool has_low = quantity_value(json_get(value, S("low")), &low);
	bool has_high = quantity_value(json_get(value, S("high")), &high);
	if (!has_low && !has_high)
		return quantity_value(value, ret_number);
	*ret_number = !has_high ? low : !has_low ? high : low + (high - low) / 2;
	return !has_low || !has_high || low <= high;
}

/* Of a resource of this server its id, of others the whole URL. */
static struct str target_key(struct str reference)
{
	struct str rest = reference;
	if (str_starts(rest, S(ORACLE_BASE "/")))
		rest = str_slice(rest, sizeof(ORACLE_BASE), rest.n);
	if (str_find_char(rest, ':', 0) != STR_NONE)
		return reference;
	(void)str_split(&rest, '/');
	return str_split(&rest, '/');
}

static struct sort_key item_key(struct oracle *o, const struct ask_sort *s, const struct path_item *item, bool *ret_any)
{
	struct sort_key key = {0};
	int64_t low = INT64_MIN, high = INT64_MAX, other;
	struct str text = json_str(item->value), from = json_get_str(item->value, S("start"));
	struct str to = json_get_str(item->value, S("end"));
	*ret_any = is_findable(o, &s->field, item);
	switch (s->field.kind) {
	case FIELD_DATE:
		if (text.p)
			(void)naive_date(text.p, text.n, &low, &high);
		if (from.p)
			(void)naive_date(from.p, from.n, &low, &other);
		if (to.p)
			(void)naive_date(to.p, to.n, &other, &high);
		key.number = (double)(s->descending ? high : low);
		return key;
	case FIELD_NUMBER:
		key.number = text.p ? 0 : strtod(json_number(item->value).p ? json_number(item->value).p : "0", NULL);
		return key;
	case FIELD_STRING:
		key.text = naive_fold(o->arena, text);
		return key;
	case FIELD_QUANTITY:
		*ret_any = quantity_key(item->value, &key.number);
		return key;
	case FIELD_REFERENCE:
		key.text = target_key(json_get_str(item->value, S("reference")));
		return key;
	default:
		if (json_is(item->value, JSON_BOOL))
			text = json_bool(item->value) ? S("true") : S("false");
		if (str_is(item->type->name, "Coding"))
			text = json_get_str(item->value, S("code"));
		if (str_is(item->type->name, "Identifier"))
			text = json_get_str(item->value, S("value"));
		key.text = text;
		return key;
	}
}

static int key_order(const struct sort_key *a, const struct sort_key *b)
{
	return a->number != b->number ? (a->number < b->number ? -1 : 1) : str_cmp(a->text, b->text);
}

static void better(struct sort_key *best, struct sort_key key, bool descending)
{
	int order = best->missing ? 0 : key_order(&key, best);
	if (best->missing || (descending ? order > 0 : order < 0))
		*best = key;
}

/* Concepts and names have several values in one element. */
static void spread(struct oracle *o, const struct ask_sort *s, const struct path_item *item, struct sort_key *best)
{
	bool any, name = s->field.kind == FIELD_STRING && json_is(item->value, JSON_OBJECT);
	bool concept = s->field.kind == FIELD_TOKEN && str_is(item->type->name, "CodeableConcept");
	if (!name && !concept) {
		struct sort_key key = item_key(o, s, item, &any);
		if (any)
			better(best, key, s->descending);
		return;
	}
	struct path_item part = *item;
	part.type = definitions_type(o->definitions, concept ? S("Coding") : S("string"));
	for (struct json_iter it = json_iter(concept ? json_get(item->value, S("coding")) : item->value);
	     json_next(&it);) {
		part.value = it.value;
		if (!json_is(it.value, JSON_ARRAY)) {
			better(best, item_key(o, s, &part, &any), s->descending);
			continue;
		}
		for (struct json_iter in = json_iter(it.value); json_next(&in);) {
			part.value = in.value;
			better(best, item_key(o, s, &part, &any), s->descending);
		}
	}
}

static struct sort_key key_of(struct oracle *o, const struct ask_sort *s, const struct thing *t)
{
	struct sort_key best = {.missing = true};
	struct path_items items;
	if (strcmp(s->field.param, "_id") == 0)
		return (struct sort_key){.text = str_from(t->id)};
	if (strcmp(s->field.param, "_lastUpdated") == 0)
		return (struct sort_key){.number = (double)t->updated_ms};
	if (elements_of(o, t, s->field.param, &items))
		for (size_t i = 0; i < items.count; i++)
			spread(o, s, &items.items[i], &best);
	return best;
}

struct sorting {
	struct oracle *o;
	const struct question *q;
};

static int compare(const void *left, const void *right, void *ctx)
{
	const struct thing *a = *(const struct thing *const *)left, *b = *(const struct thing *const *)right;
	const struct sorting *s = ctx;
	for (size_t i = 0; i < s->q->sort_count; i++) {
		const struct ask_sort *by = &s->q->sorts[i];
		struct sort_key x = key_of(s->o, by, a), y = key_of(s->o, by, b);
		if (x.missing != y.missing)
			return x.missing ? 1 : -1;
		int order = x.missing ? 0 : key_order(&x, &y);
		if (order)
			return by->descending ? -order : order;
	}
	bool newest_first = s->q->sort_count == 1 && strcmp(s->q->sorts[0].field.param, "_lastUpdated") == 0 &&
			    s->q->sorts[0].descending;
	int order = (a->order > b->order) - (a->order < b->order);
	return newest_first ? -order : order;
}

void naive_find(struct oracle *o, const struct question *q, struct naive_answer *answer)
{
	answer->match_count = 0;
	o->limited = q;
	for (size_t i = 0; i < THING_COUNT; i++) {
		const struct thing *t = &o->things[i];
		bool meets = t->body && in_scope(o, q, t) && is_visible(o, t);
		for (size_t k = 0; k < q->ask_count && meets; k++)
			meets = asked(o, t, &q->asks[k]);
		if (meets)
			answer->matches[answer->match_count++] = t;
	}
	o->limited = NULL;
	struct sorting s = {o, q};
	qsort_r(answer->matches, answer->match_count, sizeof(answer->matches[0]), compare, &s);
}

/* ---- includes -----------------------------------------------------------------------------------------------------
 */

static bool link_is_asked(struct oracle *o, const struct ask_include *in, const struct thing *from,
			  const struct thing *to)
{
	if (!str_is(from->type->name, in->source) || (in->target && !str_is(to->type->name, in->target)))
		return false;
	if (strcmp(in->param, "*") != 0)
		return refers(o, from, in->param, to);
	for (size_t i = 0; i < from->type->search_param_count; i++) {
		const struct search_param *p = &from->type->search_params[i];
		if (p->type == PARAM_REFERENCE && refers(o, from, arena_str(o->arena, p->code).p, to))
			return true;
	}
	return false;
}

static bool is_among(const struct thing *t, const struct thing *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == t)
			return true;
	return false;
}

size_t naive_include(struct oracle *o, const struct question *q, const struct thing *const *page, size_t count,
		     const struct thing **included)
{
	size_t found = 0, before;
	bool first = true;
	do {
		before = found;
		for (size_t i = 0; i < THING_COUNT; i++) {
			const struct thing *t = &o->things[i];
			bool wanted = false;
			o->limited = q;
			bool there = t->body && is_visible(o, t);
			o->limited = NULL;
			if (!there || is_among(t, page, count) || is_among(t, included, found))
				continue;
			for (size_t k = 0; k < q->include_count && !wanted; k++) {
				const struct ask_include *in = &q->includes[k];
				size_t from = count + (in->iterate ? before : 0);
				for (size_t j = 0; j < from && !wanted && (first || in->iterate); j++) {
					const struct thing *other = j < count ? page[j] : included[j - count];
					wanted = in->reverse ? link_is_asked(o, in, t, other)
							     : link_is_asked(o, in, other, t);
				}
			}
			if (wanted)
				included[found++] = t;
		}
		first = false;
	} while (found > before);
	return found;
}

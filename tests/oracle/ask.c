/* Made-up questions over the words of the made-up resources, and how they are said as a query string. */
#include <time.h>

#include "oracle.h"

static const struct field fields[] = {
	{"Patient", "family", FIELD_STRING},
	{"Patient", "name", FIELD_STRING},
	{"Patient", "gender", FIELD_TOKEN},
	{"Patient", "active", FIELD_TOKEN},
	{"Patient", "identifier", FIELD_TOKEN},
	{"Patient", "birthdate", FIELD_DATE},
	{"Patient", "organization", FIELD_REFERENCE},
	{"Patient", "general-practitioner", FIELD_REFERENCE},
	{"Patient", "_tag", FIELD_TOKEN},
	{"Patient", "_profile", FIELD_URI},
	{"Practitioner", "family", FIELD_STRING},
	{"Practitioner", "_tag", FIELD_TOKEN},
	{"Organization", "name", FIELD_STRING},
	{"Organization", "partof", FIELD_REFERENCE},
	{"Location", "name", FIELD_STRING},
	{"Location", "near", FIELD_NEAR},
	{"Location", "organization", FIELD_REFERENCE},
	{"Location", "partof", FIELD_REFERENCE},
	{"Encounter", "status", FIELD_TOKEN},
	{"Encounter", "class", FIELD_TOKEN},
	{"Encounter", "date", FIELD_DATE},
	{"Encounter", "subject", FIELD_REFERENCE},
	{"Encounter", "patient", FIELD_REFERENCE},
	{"Encounter", "service-provider", FIELD_REFERENCE},
	{"Encounter", "part-of", FIELD_REFERENCE},
	{"Observation", "status", FIELD_TOKEN},
	{"Observation", "code", FIELD_TOKEN},
	{"Observation", "component-code", FIELD_TOKEN},
	{"Observation", "combo-code", FIELD_TOKEN},
	{"Observation", "date", FIELD_DATE},
	{"Observation", "value-quantity", FIELD_QUANTITY},
	{"Observation", "combo-value-quantity", FIELD_QUANTITY},
	{"Observation", "value-string", FIELD_STRING},
	{"Observation", "subject", FIELD_REFERENCE},
	{"Observation", "patient", FIELD_REFERENCE},
	{"Observation", "encounter", FIELD_REFERENCE},
	{"Observation", "performer", FIELD_REFERENCE},
	{"Condition", "code", FIELD_TOKEN},
	{"Condition", "onset-date", FIELD_DATE},
	{"Condition", "onset-age", FIELD_QUANTITY},
	{"Condition", "subject", FIELD_REFERENCE},
	{"Condition", "encounter", FIELD_REFERENCE},
	{"List", "code", FIELD_TOKEN},
	{"List", "item", FIELD_REFERENCE},
	{"List", "subject", FIELD_REFERENCE},
	{"ValueSet", "url", FIELD_URI},
	{"ValueSet", "name", FIELD_STRING},
	{"RiskAssessment", "probability", FIELD_NUMBER},
	{"RiskAssessment", "subject", FIELD_REFERENCE},
};
enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

static const char *const prefixes[] = {"", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"};
static const char *const composites[] = {"code-value-quantity", "component-code-value-quantity",
					 "combo-code-value-quantity"};

static struct field random_field(struct oracle *o, const char *type, int kind)
{
	size_t at = dice_roll(&o->dice, FIELD_COUNT);
	for (size_t i = 0; i < FIELD_COUNT; i++, at = (at + 1) % FIELD_COUNT)
		if ((!type || strcmp(fields[at].type, type) == 0) &&
		    (kind < 0 || fields[at].kind == (enum field_kind)kind))
			return fields[at];
	return (struct field){0};
}

static const char *format(struct oracle *o, const char *text, unsigned n)
{
	return arena_printf(o->arena, "%s%u", text, n).p;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static const char *known_target(struct oracle *o, struct field f)
{
	const struct fhir_type *type = definitions_resource(o->definitions, str_from(f.type));
	const struct search_param *param = definitions_search_param(type, str_from(f.param));
	for (int i = 0; i < 30; i++) {
		const char *name = DICE_PICK(&o->dice, word_types);
		for (size_t k = 0; k < param->target_count; k++)
			if (str_is(param->targets[k], name))
				return name;
	}
	for (size_t i = 0; i < sizeof(word_types) / sizeof(word_types[0]); i++)
		for (size_t k = 0; k < param->target_count; k++)
			if (str_is(param->targets[k], word_types[i]))
				return word_types[i];
	return "Patient";
}

static struct ask_value reference_value(struct oracle *o, struct field f)
{
	const char *type = known_target(o, f);
	unsigned id = dice_roll(&o->dice, WORD_IDS);
	switch (dice_roll(&o->dice, 6)) {
	case 0:
		return (struct ask_value){.code = format(o, "r", id)};
	case 1:
		return (struct ask_value){.code = arena_printf(o->arena, ORACLE_BASE "/%s/r%u", type, id).p};
	case 2:
		return (struct ask_value){.code = arena_printf(o->arena, "http://far.test/fhir/%s/r%u", type, id).p};
	default:
		return (struct ask_value){.code = arena_printf(o->arena, "%s/r%u", type, id).p};
	}
}

/* A type that the parameter refers to and whose resources are parts of each other, or NULL. */
static const char *target_with_parts(struct oracle *o, struct field f)
{
	static const char *const types[] = {"Organization", "Location", "Encounter"};
	const struct fhir_type *type = definitions_resource(o->definitions, str_from(f.type));
	const struct search_param *param = definitions_search_param(type, str_from(f.param));
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < param->target_count; k++)
			if (str_is(param->targets[k], types[i]))
				return types[i];
	return NULL;
}

/* A resource of this server that others may be parts of. */
static struct ask_value member_value(struct oracle *o, struct field f)
{
	const char *form = dice_roll(&o->dice, 4) ? "%s/r%u" : ORACLE_BASE "/%s/r%u";
	return (struct ask_value){
		.code = arena_printf(o->arena, form, target_with_parts(o, f), dice_roll(&o->dice, WORD_IDS)).p};
}

static struct ask_value token_value(struct oracle *o, const char *param)
{
	static const char *const words[] = {"male",	"female", "true",    "false",	   "final",
					    "finished", "other",  "planned", "preliminary"};
	bool coded = strstr(param, "code") || strstr(param, "class") || strstr(param, "_tag") || strstr(param, "ident");
	struct ask_value v = {.code = coded ? DICE_PICK(&o->dice, word_codes) : DICE_PICK(&o->dice, words)};
	switch (dice_roll(&o->dice, 6)) {
	case 0:
		v.system = "";
		break;
	case 1:
		v.system = DICE_PICK(&o->dice, word_systems);
		v.code = "";
		break;
	case 2:
	case 3:
		v.system = DICE_PICK(&o->dice, word_systems);
		break;
	default:
		break;
	}
	if (!coded && dice_roll(&o->dice, 2))
		v.system = NULL;
	if (!v.system && !v.code[0])
		v.code = "a";
	return v;
}

static struct ask_value random_value(struct oracle *o, struct field f, const char *modifier)
{
	struct ask_value v = {.prefix = ""};
	static const char *const places[] = {"52.52|13.405|30|km", "52.39|13.06|25000|m", "48.1|11.6|1000|km",
					     "-33|-179.9|300|km"};
	switch (f.kind) {
	case FIELD_STRING:
		v.code = DICE_PICK(&o->dice, word_families);
		return v;
	case FIELD_TOKEN:
		if (strcmp(modifier, "text") == 0)
			return (struct ask_value){.code = DICE_PICK(&o->dice, word_texts)};
		if (strcmp(modifier, "in") == 0 || strcmp(modifier, "not-in") == 0)
			return (struct ask_value){.code = format(o, "http://vs/", dice_roll(&o->dice, TERM_SETS))};
		if (strcmp(modifier, "below") == 0 || strcmp(modifier, "above") == 0)
			return (struct ask_value){.system = DICE_PICK(&o->dice, word_systems),
						  .code = DICE_PICK(&o->dice, word_codes)};
		v = token_value(o, f.param);
		if (strcmp(modifier, "of-type") == 0)
			v = (struct ask_value){.system = DICE_PICK(&o->dice, word_systems),
					       .code = DICE_PICK(&o->dice, word_codes),
					       .extra = DICE_PICK(&o->dice, word_codes)};
		return v;
	case FIELD_DATE:
		v.prefix = dice_roll(&o->dice, 12) ? DICE_PICK(&o->dice, prefixes) : "ap";
		v.code = DICE_PICK(&o->dice, word_dates);
		return v;
	case FIELD_QUANTITY:
		if (dice_roll(&o->dice, 3))
			v.extra = DICE_PICK(&o->dice, word_units);
		if (v.extra)
			v.system = dice_roll(&o->dice, 3) ? "http://unitsofmeasure.org" : "";
		/* fall through */
	case FIELD_NUMBER:
		v.prefix = dice_roll(&o->dice, 12) ? DICE_PICK(&o->dice, prefixes) : "ap";
		v.code = DICE_PICK(&o->dice, word_numbers);
		return v;
	case FIELD_REFERENCE:
		if (strcmp(modifier, "identifier") == 0)
			return token_value(o, "identifier");
		if (modifier[0])
			return member_value(o, f);
		return reference_value(o, f);
	case FIELD_NEAR:
		v.code = DICE_PICK(&o->dice, places);
		return v;
	case FIELD_URI:
		v.code = modifier[0] ? word_urls[dice_roll(&o->dice, 5)] : DICE_PICK(&o->dice, word_urls);
		return v;
	}
	return v;
}

/* ---- one question ------------------------------------------------------------------------------------------------ */

static const char *random_modifier(struct oracle *o, struct field f)
{
	static const char *const of_strings[] = {"", "", "exact", "contains"}, *const of_tokens[] = {
										       "",	 "",	  "",
										       "not",	 "text",  "in",
										       "not-in", "below", "above"};
	static const char *const of_urls[] = {"", "above", "below"};
	switch (f.kind) {
	case FIELD_STRING:
		return DICE_PICK(&o->dice, of_strings);
	case FIELD_TOKEN:
		if (strcmp(f.param, "identifier") == 0 && !dice_roll(&o->dice, 3))
			return "of-type";
		return DICE_PICK(&o->dice, of_tokens);
	case FIELD_URI:
		return DICE_PICK(&o->dice, of_urls);
	case FIELD_REFERENCE:
		if (!dice_roll(&o->dice, 6))
			return "identifier";
		return target_with_parts(o, f) ? DICE_PICK(&o->dice, of_urls) : "";
	default:
		return "";
	}
}

static struct ask ask_values(struct oracle *o, struct field f, bool single)
{
	struct ask a = {.kind = ASK_VALUE, .field = f, .modifier = random_modifier(o, f)};
	a.value_count = single ? 1 : 1 + dice_roll(&o->dice, 5) / 3;
	for (size_t i = 0; i < a.value_count; i++)
		a.values[i] = random_value(o, f, a.modifier);
	return a;
}

static struct ask ask_missing(struct oracle *o, struct field f)
{
	struct ask a = {.kind = ASK_MISSING, .field = f, .modifier = "missing", .value_count = 1};
	a.values[0].code = dice_roll(&o->dice, 2) ? "true" : "false";
	return a;
}

static struct ask ask_composite(struct oracle *o)
{
	struct ask a = {.kind = ASK_COMPOSITE, .field = {"Observation", DICE_PICK(&o->dice, composites), 0}};
	a.modifier = "";
	a.value_count = dice_roll(&o->dice, 3) ? 2 : 4;
	for (size_t i = 0; i < a.value_count; i += 2) {
		a.values[i] = random_value(o, (struct field){"Observation", "code", FIELD_TOKEN}, "");
		a.values[i + 1] = random_value(o, (struct field){"Observation", "value-quantity", FIELD_QUANTITY}, "");
	}
	return a;
}

static struct ask random_ask(struct oracle *o, const char *type, unsigned depth);

static struct ask ask_chain(struct oracle *o, const char *type, unsigned depth)
{
	struct ask a = {.kind = ASK_CHAIN, .field = random_field(o, type, FIELD_REFERENCE), .modifier = ""};
	if (!a.field.type)
		return ask_values(o, random_field(o, type, -1), false);
	a.other = known_target(o, a.field);
	a.children = ARENA_NEW(o->arena, struct ask);
	a.child_count = 1;
	*a.children = random_ask(o, a.other, depth + 1);
	return a;
}

static struct ask ask_has(struct oracle *o, const char *type, unsigned depth)
{
	struct ask a = {.kind = ASK_HAS, .modifier = ""};
	for (int i = 0; i < 20; i++) {
		a.field = random_field(o, NULL, FIELD_REFERENCE);
		const struct fhir_type *source = definitions_resource(o->definitions, str_from(a.field.type));
		const struct search_param *p = definitions_search_param(source, str_from(a.field.param));
		for (size_t k = 0; k < p->target_count; k++) {
			if (!str_is(p->targets[k], type))
				continue;
			a.other = a.field.type;
			a.children = ARENA_NEW(o->arena, struct ask);
			a.child_count = 1;
			*a.children = random_ask(o, a.other, depth + 1);
			return a;
		}
	}
	return ask_values(o, random_field(o, type, -1), false);
}

static struct ask ask_words(struct oracle *o, const char *type)
{
	static const char *const words[] = {"severe", "head", "ache", "night", "muller", "ruckenschmerz", "cruz"};
	struct ask a = {.kind = ASK_WORDS, .field = {type, dice_roll(&o->dice, 2) ? "_text" : "_content", 0}};
	a.modifier = "";
	a.value_count = 1 + dice_roll(&o->dice, 2);
	for (size_t i = 0; i < a.value_count; i++)
		a.values[i].code = DICE_PICK(&o->dice, words);
	return a;
}

static struct ask ask_own(struct oracle *o, const char *type)
{
	const struct thing *t = &o->things[dice_roll(&o->dice, THING_COUNT)];
	static const char *const of_times[] = {"ge", "gt", "lt", "le"};
	struct ask a = {.kind = dice_roll(&o->dice, 2) ? ASK_ID : ASK_UPDATED, .field = {type, "_id", 0}};
	a.modifier = "";
	a.value_count = 1;
	a.values[0].code = format(o, "r", dice_roll(&o->dice, WORD_IDS + 1));
	if (a.kind == ASK_ID)
		return a;
	a.field.param = "_lastUpdated";
	a.values[0].prefix = DICE_PICK(&o->dice, of_times);
	time_t seconds = (time_t)(t->updated_ms / 1000);
	struct tm tm;
	char text[40];
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	a.values[0].code = arena_printf(o->arena, "%s.%03uZ", text, (unsigned)(t->updated_ms % 1000)).p;
	return a;
}

static struct ask ask_list(struct oracle *o, const char *type)
{
	struct ask a = {.kind = ASK_LIST, .field = {type, "_list", 0}, .modifier = "", .value_count = 1};
	a.values[0].code = format(o, "r", dice_roll(&o->dice, WORD_IDS));
	return a;
}

static struct ask random_ask(struct oracle *o, const char *type, unsigned depth)
{
	uint32_t way = dice_roll(&o->dice, 20);
	if (way < 3 && depth < 3)
		return ask_chain(o, type, depth);
	if (way < 5 && depth < 3)
		return ask_has(o, type, depth);
	if (way < 7 && strcmp(type, "Observation") == 0)
		return ask_composite(o);
	if (way == 7)
		return ask_missing(o, random_field(o, type, -1));
	if (way == 8 && depth == 0)
		return ask_words(o, type);
	if (way == 9)
		return ask_own(o, type);
	if (way == 10 && depth == 0)
		return ask_list(o, type);
	if (way < 14) {
		/* Ranges have the most rules. */
		struct field f = random_field(o, type, dice_roll(&o->dice, 2) ? FIELD_DATE : FIELD_QUANTITY);
		if (f.type)
			return ask_values(o, f, false);
	}
	return ask_values(o, random_field(o, type, -1), false);
}

/* ---- _filter ----------------------------------------------------------------------------------------------------- */

static bool says_plainly(const struct ask *a)
{
	bool plain = a->kind == ASK_VALUE && strcmp(a->modifier, "text") != 0 && strcmp(a->modifier, "not") != 0 &&
		     strcmp(a->modifier, "of-type") != 0 && strcmp(a->modifier, "identifier") != 0 &&
		     a->field.kind != FIELD_NEAR && strcmp(a->modifier, "exact") != 0 &&
		     ((a->field.kind != FIELD_URI && a->field.kind != FIELD_REFERENCE) || !a->modifier[0]);
	/* Values have no escapes there. */
	return plain && !(a->values[0].code && strpbrk(a->values[0].code, "|,$")) &&
	       !(a->values[0].extra && strpbrk(a->values[0].extra, "|,$"));
}

/* At depth 3 it is one comparison. */
static struct ask filter_ask(struct oracle *o, const char *type, unsigned depth)
{
	if (!dice_roll(&o->dice, 6)) {
		struct ask link = {.kind = ASK_CHAIN, .field = random_field(o, type, FIELD_REFERENCE), .modifier = ""};
		link.filter = true;
		if (link.field.type && depth < 2) {
			link.other = known_target(o, link.field);
			link.child_count = 1 + dice_roll(&o->dice, 2);
			link.children = ARENA_ARRAY(o->arena, struct ask, ASK_CHILDREN);
			link.children[0] = filter_ask(o, link.other, 3);
			link.children[1] = filter_ask(o, link.other, 2);
			return link;
		}
	}
	struct ask a = {.kind = (enum ask_kind)(ASK_AND + dice_roll(&o->dice, 3)), .modifier = "", .filter = true};
	a.field.type = type;
	if (depth < 2 && dice_roll(&o->dice, 2)) {
		a.child_count = a.kind == ASK_NOT ? 1 : 2;
		a.children = ARENA_ARRAY(o->arena, struct ask, ASK_CHILDREN);
		for (size_t i = 0; i < a.child_count; i++)
			a.children[i] = filter_ask(o, type, depth + 1);
		return a;
	}
	do
		a = dice_roll(&o->dice, 5) ? ask_values(o, random_field(o, type, -1), true)
					   : ask_missing(o, random_field(o, type, -1));
	while (a.kind == ASK_VALUE ? !says_plainly(&a) : a.field.kind == FIELD_NEAR);
	a.filter = true;
	return a;
}

/* ---- whole questions ----------------------------------------------------------------------------------------------
 */

static void choose_types(struct oracle *o, struct question *q)
{
	q->type = DICE_PICK(&o->dice, word_types);
	if (!dice_roll(&o->dice, 12)) {
		static const char *const inside[] = {"Observation", "Condition", "Encounter", "List", "RiskAssessment"};
		q->compartment = "Patient";
		q->compartment_id = format(o, "r", dice_roll(&o->dice, WORD_IDS));
		q->type = DICE_PICK(&o->dice, inside);
	}
	if (dice_roll(&o->dice, 12))
		return;
	q->types[0] = q->type;
	q->type_count = 1;
	while (q->type_count < 3 && dice_roll(&o->dice, 3) && !q->compartment) {
		const char *more = DICE_PICK(&o->dice, word_types);
		for (size_t i = 0; i < q->type_count && more; i++)
			more = strcmp(q->types[i], more) == 0 ? NULL : more;
		if (more)
			q->types[q->type_count++] = more;
	}
	q->type = NULL;
	if (!dice_roll(&o->dice, 4) && !q->compartment)
		q->type_count = 0;
}

static void choose_order(struct oracle *o, struct question *q)
{
	q->sort_count = dice_roll(&o->dice, 3) ? 0 : 1 + dice_roll(&o->dice, 2);
	for (size_t i = 0; i < q->sort_count; i++) {
		struct ask_sort *s = &q->sorts[i];
		do
			s->field = random_field(o, q->type, -1);
		while (s->field.kind == FIELD_NEAR);
		if (!dice_roll(&o->dice, 4))
			s->field =
				(struct field){q->type, dice_roll(&o->dice, 2) ? "_id" : "_lastUpdated", FIELD_TOKEN};
		s->descending = dice_roll(&o->dice, 2);
	}
}

static void choose_includes(struct oracle *o, struct question *q)
{
	q->include_count = dice_roll(&o->dice, 4) ? 0 : 1 + dice_roll(&o->dice, 2);
	for (size_t i = 0; i < q->include_count; i++) {
		struct ask_include *in = &q->includes[i];
		in->reverse = dice_roll(&o->dice, 2);
		struct field f = random_field(o, in->reverse ? NULL : q->type, FIELD_REFERENCE);
		if (!f.type) {
			q->include_count = i;
			return;
		}
		in->source = f.type;
		in->param = dice_roll(&o->dice, 4) ? f.param : "*";
		in->iterate = !dice_roll(&o->dice, 3);
		if (!dice_roll(&o->dice, 3))
			in->target = known_target(o, f);
	}
}

/* Half of all questions are asked by someone who may not see everything. */
static void choose_limits(struct oracle *o, struct question *q)
{
	q->limit_count = dice_roll(&o->dice, 2) ? 0 : 1 + dice_roll(&o->dice, LIMITS);
	for (size_t i = 0; i < q->limit_count; i++) {
		struct limit *l = &q->limits[i];
		l->type = i || !q->type ? DICE_PICK(&o->dice, word_types) : q->type;
		for (size_t k = 0; k < i; k++)
			if (strcmp(q->limits[k].type, l->type) == 0) {
				q->limit_count = i;
				return;
			}
		l->ask_count = dice_roll(&o->dice, 6) ? 1 + dice_roll(&o->dice, 2) : 0;
		for (size_t k = 0; k < l->ask_count; k++)
			l->asks[k] = dice_roll(&o->dice, 3) ? random_ask(o, l->type, 0) : filter_ask(o, l->type, 0);
	}
}

void question_make(struct oracle *o, struct question *q)
{
	*q = (struct question){.count = 1 + dice_roll(&o->dice, 15)};
	choose_types(o, q);
	q->ask_count = dice_roll(&o->dice, 4);
	for (size_t i = 0; i < q->ask_count; i++) {
		const char *type = q->type ? q->type : q->type_count ? q->types[0] : "Resource";
		if (q->type_count != 1 && !q->type)
			q->asks[i] = dice_roll(&o->dice, 3) ? ask_own(o, "Resource")
				     : dice_roll(&o->dice, 2)
					     ? ask_words(o, "Resource")
					     : ask_values(o, (struct field){"Resource", "_tag", FIELD_TOKEN}, false);
		else
			q->asks[i] = dice_roll(&o->dice, 6) ? random_ask(o, type, 0) : filter_ask(o, type, 0);
	}
	if (q->type)
		choose_order(o, q);
	if (q->type)
		choose_includes(o, q);
	choose_limits(o, q);
	question_write(o, q);
}

/*
 * One answer against its question: the type of the value, the options and value sets that it must come from, and the
 * limits that extensions of the question set: lengths, ranges, decimal places, units, formats.
 */
#include "base/decimal.h"
#include "base/regex.h"
#include "units/units.h"
#include "validate/questionnaire_priv.h"

#define SDC "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"

struct answer {
	struct form *f;
	const struct json *question;
	struct choice value;
	struct node node, place; /* of the answer, and of its value */
};

/* ---- types ------------------------------------------------------------------------------------------------------ */

/* The types of value that a question takes, separated by blanks. */
static const char *types_of(struct str question)
{
	static const char *const pairs[][2] = {
		{"boolean", "boolean"},
		{"decimal", "decimal"},
		{"integer", "integer"},
		{"date", "date"},
		{"dateTime", "dateTime"},
		{"time", "time"},
		{"string", "string"},
		{"text", "string"},
		{"url", "uri"},
		{"attachment", "Attachment"},
		{"reference", "Reference"},
		{"quantity", "Quantity"},
		{"choice", "Coding date time integer string"},
		{"open-choice", "Coding date time integer string"},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (str_is(question, pairs[i][0]))
			return pairs[i][1];
	return NULL;
}

static bool among(const char *types, struct str type)
{
	struct str rest = str_from(types);
	while (rest.p) {
		struct str one = str_split(&rest, ' ');
		if (str_eq_nocase(one, type))
			return true;
	}
	return false;
}

static struct str first_word(const char *types)
{
	struct str rest = str_from(types);
	return str_split(&rest, ' ');
}

static bool check_type(const struct answer *a)
{
	struct str type = json_get_str(a->question, S("type"));
	const char *wanted = types_of(type);
	if (!wanted || among(wanted, a->value.type))
		return true;
	find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-type",
		   "A question of type %.*s is answered with a value of type %.*s, not %.*s", Q_SHOW(type),
		   STR_ARG(first_word(wanted)), STR_ARG(a->place.choice));
	return false;
}

/* ---- options ---------------------------------------------------------------------------------------------------- */

static bool is_option(const struct answer *a, const struct choice *option)
{
	if (!str_eq(option->type, a->value.type))
		return false;
	return choice_compare(option, &a->value) == VALUE_SAME;
}

static void check_options(const struct answer *a)
{
	const struct json *options = json_get(a->question, S("answerOption"));
	bool open = str_is(json_get_str(a->question, S("type")), "open-choice") && str_is(a->value.type, "String");
	if (!json_size(options) || open)
		return;
	for (struct json_iter it = json_iter(options); json_next(&it);) {
		struct choice option = choice_of(it.value, S("value"));
		if (is_option(a, &option))
			return;
	}
	if (str_is(a->value.type, "Coding"))
		find_error(a->f->v, &a->node, ERR_VALUE, "questionnaire-option",
			   "The code \"%.*s\" of \"%.*s\" is not among the options",
			   Q_SHOW(json_get_str(a->value.value, S("code"))),
			   Q_SHOW(json_get_str(a->value.value, S("system"))));
	else
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-option", "The value is not among the options");
}

static struct coding coding_of(const struct json *j)
{
	return (struct coding){json_get_str(j, S("system")), json_get_str(j, S("version")), json_get_str(j, S("code")),
			       json_get_str(j, S("display"))};
}

/* Whether the value set says no; what cannot be decided is no finding here. */
static bool refused(const struct answer *a, struct str value_set, const struct coding *coding, bool bare)
{
	struct code_verdict verdict = validation_code(a->f->v, value_set, a->f->canonical, coding, bare);
	return verdict.answer == CODE_NOT_IN && verdict.reason != CODE_DISPLAY_WRONG;
}

static void check_value_set(const struct answer *a)
{
	struct str url = json_get_str(a->question, S("answerValueSet")), type = json_get_str(a->question, S("type"));
	bool text = str_is(a->value.type, "String");
	if (!url.n || str_starts(url, S("#")) || (text && str_is(type, "open-choice")))
		return;
	struct coding coding = text ? (struct coding){.code = json_str(a->value.value)} : coding_of(a->value.value);
	if (!text && !str_is(a->value.type, "Coding"))
		return;
	if (refused(a, url, &coding, text))
		find_error(a->f->v, text ? &a->place : &a->node, ERR_VALUE, "questionnaire-option",
			   "\"%.*s\" is not in the value set of the answers, %.*s", Q_SHOW(coding.code), Q_SHOW(url));
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static void check_range(const struct answer *a, const char *name, enum value_order wrong, const char *words)
{
	struct choice limit = item_extension(a->question, name);
	if (limit.value && choice_compare(&a->value, &limit) == wrong)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-range", "The value is %s", words);
}

static size_t characters(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void check_length(const struct answer *a)
{
	struct str text = json_str(a->value.value);
	uint64_t min, max;
	size_t length = characters(text);
	if (!str_is(a->value.type, "String") && !str_is(a->value.type, "Uri"))
		return;
	if (str_to_u64(json_number(item_extension(a->question, "minLength").value), &min) && length < min)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-length",
			   "The answer has %zu characters; at least %llu are wanted", length, (unsigned long long)min);
	if (str_to_u64(json_number(json_get(a->question, S("maxLength"))), &max) && length > max)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-length",
			   "The answer has %zu characters; at most %llu are allowed", length, (unsigned long long)max);
}

static void check_format(const struct answer *a)
{
	struct str pattern = json_str(item_extension(a->question, "regex").value), text = json_str(a->value.value);
	struct error err = {0};
	bool found = false;
	if (!pattern.n || !text.p)
		return;
	const struct regex *r = regex_compile(a->f->v->arena, pattern, REGEX_WHOLE, &err);
	if (r && regex_search(r, text, &found, &err) && !found)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-format",
			   "The answer does not have the format that the question asks for (%.*s)", Q_SHOW(pattern));
}

static void check_places(const struct answer *a)
{
	struct decimal number;
	uint64_t max;
	if (str_to_u64(json_number(item_extension(a->question, "maxDecimalPlaces").value), &max) &&
	    decimal_parse(json_number(a->value.value), &number) && decimal_places(&number) > max)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-places",
			   "The number has %u decimal places; at most %llu are allowed", decimal_places(&number),
			   (unsigned long long)max);
}

/* ---- quantities, references, attachments ------------------------------------------------------------------------ */

static void check_unit(const struct answer *a)
{
	static const char core[] = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption";
	struct coding unit = coding_of(a->value.value);
	struct str url = json_str(item_extension(a->question, "questionnaire-unitValueSet").value);
	size_t options = 0;
	for (struct json_iter it = json_iter(json_get(a->question, S("extension"))); json_next(&it);) {
		const struct json *option = json_get(it.value, S("valueCoding"));
		if (!str_is(json_get_str(it.value, S("url")), core))
			continue;
		options++;
		if (str_eq(json_get_str(option, S("code")), unit.code) &&
		    str_eq(json_get_str(option, S("system")), unit.system))
			return;
	}
	if (options)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-unit",
			   "The unit \"%.*s\" is not among the %zu that may be chosen", Q_SHOW(unit.code), options);
	else if (url.n && (!unit.code.n || refused(a, url, &unit, false)))
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-unit",
			   "The unit \"%.*s\" is not in the value set of the units, %.*s", Q_SHOW(unit.code),
			   Q_SHOW(url));
}

static void check_target(const struct answer *a)
{
	static const char core[] = "http://hl7.org/fhir/StructureDefinition/questionnaire-referenceResource";
	struct str text = json_get_str(a->value.value, S("reference"));
	struct reference r = reference_parse(a->f->v->definitions, text);
	size_t allowed = 0;
	for (struct json_iter it = json_iter(json_get(a->question, S("extension"))); json_next(&it);) {
		if (!str_is(json_get_str(it.value, S("url")), core))
			continue;
		allowed++;
		if (!r.type.n || str_eq(json_get_str(it.value, S("valueCode")), r.type))
			return;
	}
	if (allowed)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-reference",
			   "The question does not ask for a %.*s, to which \"%.*s\" refers", STR_ARG(r.type),
			   Q_SHOW(text));
}

static void check_attachment(const struct answer *a)
{
	struct str size = json_number(json_get(a->value.value, S("size")));
	struct str limit = json_number(item_extension(a->question, "maxSize").value);
	struct str type = json_get_str(a->value.value, S("contentType"));
	struct str wanted = json_str(item_extension(a->question, "mimeType").value);
	struct decimal bytes, megabytes, allowed, million = decimal_from_i64(1000000);
	if (decimal_parse(size, &bytes) && decimal_parse(limit, &megabytes) &&
	    decimal_mul(&megabytes, &million, &allowed) && decimal_cmp(&bytes, &allowed) > 0)
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-size",
			   "The attachment has %.*s bytes; at most %.*s MB are allowed", Q_SHOW(size), Q_SHOW(limit));
	if (wanted.n && type.n && !str_eq(wanted, type))
		find_error(a->f->v, &a->place, ERR_VALUE, "questionnaire-mime-type",
			   "The attachment is of type %.*s; %.*s is wanted", Q_SHOW(type), Q_SHOW(wanted));
}

/* ---- all -------------------------------------------------------------------------------------------------------- */

static void check_value(const struct answer *a)
{
	check_range(a, "minValue", VALUE_LESS, "less than the least one allowed");
	check_range(a, "maxValue", VALUE_MORE, "greater than the greatest one allowed");
	check_length(a);
	check_format(a);
	check_places(a);
	if (str_is(a->value.type, "Quantity")) {
		check_range(a, SDC "minQuantity", VALUE_LESS, "less than the least quantity allowed");
		check_range(a, SDC "maxQuantity", VALUE_MORE, "greater than the greatest quantity allowed");
		check_unit(a);
	} else if (str_is(a->value.type, "Reference")) {
		check_target(a);
	} else if (str_is(a->value.type, "Attachment")) {
		check_attachment(a);
	}
	check_options(a);
	check_value_set(a);
}

/* "Integer" of valueInteger is the type integer, "Coding" is Coding. */
static struct str type_name(struct validation *v, struct str choice)
{
	if (!choice.n || definitions_type(v->definitions, choice))
		return choice;
	char *copy = arena_alloc(v->arena, choice.n);
	if (!copy)
		return choice;
	memcpy(copy, choice.p, choice.n);
	copy[0] = (char)(copy[0] | 32);
	return str_make(copy, choice.n);
}

void answer_check(struct form *f, const struct json *question, const struct node *answer)
{
	struct answer a = {.f = f, .question = question, .node = *answer};
	a.value = choice_of(answer->value, S("value"));
	if (!a.value.value)
		return;
	a.place = node_child(&a.node, S("value"), -1, a.value.value);
	a.place.choice = type_name(f->v, a.value.type);
	if (check_type(&a))
		check_value(&a);
}

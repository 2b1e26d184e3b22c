/*
 * Quantities: the UCUM code of a unit that was only spelled out, and results in the unit of their kind. The value as it
 * was sent stays beside the converted one, as a translation (extension iso21090-PQ-translation of R4).
 *
 * A unit is never guessed: spellings come from a table, and what a table does not know stays as it was.
 */
#include "normal/normal_priv.h"

enum { DIGITS_MIN = 4, VALUE_MAX = 256 };

struct amount {
	const struct json *value; /* a number */
	struct str unit, system, code; /* trimmed */
	struct str ucum; /* what the unit is; empty: not known */
	bool unknown; /* something is said about the code instead of it, such as that it is not known */
};

static bool is_known(const struct walk *k, struct str ucum)
{
	return map_get(&k->n->ucum, ucum) != NULL;
}

static struct str spelled(const struct walk *k, struct str text, struct str *ret_source)
{
	const uint64_t *slot = text.n ? map_get(&k->n->spellings, text) : NULL;
	const struct unit_spelling *spelling = slot ? (const struct unit_spelling *)(uintptr_t)*slot : NULL;
	*ret_source = spelling ? spelling->source : STR_NULL;
	return spelling ? spelling->ucum : text.n && is_known(k, text) ? text : S("");
}

/* The unit in UCUM; *ret_fixed tells that the code has to be written. */
static struct str find_ucum(struct walk *k, const struct amount *q, bool *ret_fixed, const struct spot *at)
{
	struct str source, found;
	struct unit parsed;
	*ret_fixed = false;
	if (q->system.n && !str_is(q->system, UNIT_SYSTEM))
		return S("");
	bool coded = q->system.n && q->code.n;
	if (coded && (is_known(k, q->code) || unit_parse(q->code, &parsed, NULL)))
		return q->code;
	struct str text = q->code.n ? q->code : q->unit;
	found = spelled(k, text, &source);
	if (found.n && !q->unknown) {
		*ret_fixed = true;
		walk_note(k, NORMAL_UNIT_CODE, at, "code", text, found, source);
	} else if (text.n) {
		walk_note(k, NORMAL_UNIT_UNKNOWN, at, NULL, text, text, STR_NULL);
	}
	return *ret_fixed ? found : S("");
}

/* ---- converting -------------------------------------------------------------------------------------------------- */

static bool has_equivalents(struct str unit)
{
	return str_find(unit, S("eq")) != STR_NONE;
}

/* UCUM counts equivalents and moles alike and has no word for what is counted. */
static bool may_convert(const struct result_unit *target, const struct unit *from, const struct unit *to)
{
	if (has_equivalents(from->text) != has_equivalents(to->text) && !target->monovalent)
		return false;
	return from->counts == to->counts && unit_commensurable(from, to);
}

static bool through_other(const struct result_unit *target, const struct decimal *value, const struct unit *from,
			  struct decimal *ret)
{
	struct unit other;
	struct decimal in_other, difference;
	if (!target->other.n || !unit_parse(target->other, &other, NULL))
		return false;
	if (!str_eq(from->text, other.text) && !may_convert(target, from, &other))
		return false;
	return unit_convert(value, from, &other, UNIT_EXACT, &in_other, NULL) &&
	       decimal_sub(&in_other, &target->offset, &difference) &&
	       decimal_div(&difference, &target->factor, UNIT_DIGITS, ret);
}

static bool convert(const struct result_unit *target, const struct decimal *value, struct str ucum, struct decimal *ret)
{
	struct unit from, to;
	if (!unit_parse(ucum, &from, NULL) || !unit_parse(target->ucum, &to, NULL))
		return false;
	/* The other unit first: for haemoglobin A1c, mmol/mol and % look alike to UCUM and are not. */
	if (through_other(target, value, &from, ret))
		return true;
	if (target->other.n && !decimal_is_zero(&target->offset))
		return false;
	return may_convert(target, &from, &to) && unit_convert(value, &from, &to, UNIT_EXACT, ret, NULL);
}

/* As precise as what was sent, four digits at least: 98 [degF] is 36.67 Cel. */
static struct decimal rounded(const struct decimal *value, const struct decimal *result)
{
	unsigned digits = decimal_digits(value);
	digits = digits < DIGITS_MIN ? DIGITS_MIN : digits;
	struct decimal r = *result;
	if (decimal_digits(&r) > digits)
		r = decimal_to_digits(&r, digits, DECIMAL_HALF_EVEN);
	return decimal_normal(&r);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void write_translation(struct walk *k, const struct json *j, const struct amount *q)
{
	json_object_begin(&k->w);
	json_put_member(&k->w, S("url"), S(NORMAL_TRANSLATION));
	json_key(&k->w, S("valueQuantity"));
	json_object_begin(&k->w);
	json_key(&k->w, S("value"));
	json_put_value(&k->w, q->value);
	if (json_get(j, S("comparator"))) {
		json_key(&k->w, S("comparator"));
		json_put_value(&k->w, json_get(j, S("comparator")));
	}
	if (q->unit.n)
		json_put_member(&k->w, S("unit"), q->unit);
	json_put_member(&k->w, S("system"), S(UNIT_SYSTEM));
	json_put_member(&k->w, S("code"), q->ucum);
	json_object_end(&k->w);
	json_object_end(&k->w);
}

static void write_converted(struct walk *k, const struct json *j, const struct amount *q, struct str value,
			    struct str ucum, const struct spot *at)
{
	json_object_begin(&k->w);
	json_key(&k->w, S("extension"));
	json_array_begin(&k->w);
	struct json_iter extensions = json_iter(json_get(j, S("extension")));
	while (json_next(&extensions))
		json_put_value(&k->w, extensions.value);
	write_translation(k, j, q);
	json_array_end(&k->w);
	struct json_iter it = json_iter(j);
	while (json_next(&it))
		if (!str_is(it.key, "extension") && !str_is(it.key, "value") && !str_is(it.key, "unit") &&
		    !str_is(it.key, "system") && !str_is(it.key, "code"))
			walk_member(k, k->n->quantity, it.key, it.value, at);
	json_key(&k->w, S("value"));
	json_put_raw(&k->w, value);
	json_put_member(&k->w, S("unit"), ucum);
	json_put_member(&k->w, S("system"), S(UNIT_SYSTEM));
	json_put_member(&k->w, S("code"), ucum);
	json_object_end(&k->w);
}

static void note_trimmed(struct walk *k, const struct json *j, const char *member, struct str trimmed,
			 const struct spot *at)
{
	struct str was = json_get_str(j, str_from(member));
	if (was.n != trimmed.n)
		walk_note(k, NORMAL_TRIMMED, at, member, was, trimmed, STR_NULL);
}

static bool try_convert(struct walk *k, const struct json *j, const struct amount *q, const struct spot *at)
{
	struct decimal value, result;
	if (!at->unit || !q->ucum.n || str_eq(q->ucum, at->unit->ucum) ||
	    !decimal_parse(json_number(q->value), &value) || !convert(at->unit, &value, q->ucum, &result))
		return false;
	struct buf text;
	buf_init(&text, VALUE_MAX);
	result = rounded(&value, &result);
	decimal_write(&text, &result);
	bool ok = buf_ok(&text);
	if (ok && walk_explains(k))
		walk_note(k, NORMAL_UNIT_CONVERTED, at, NULL,
			  arena_printf(&k->scratch, "%.*s %.*s", STR_ARG(json_number(q->value)), STR_ARG(q->ucum)),
			  arena_printf(&k->scratch, "%.*s %.*s", STR_ARG(buf_str(&text)), STR_ARG(at->unit->ucum)),
			  at->unit->source);
	else if (ok)
		walk_note(k, NORMAL_UNIT_CONVERTED, at, NULL, STR_NULL, STR_NULL, STR_NULL);
	if (ok) {
		note_trimmed(k, j, "unit", q->unit, at);
		note_trimmed(k, j, "code", q->code, at);
		write_converted(k, j, q, buf_str(&text), at->unit->ucum, at);
	}
	buf_done(&text);
	return ok;
}

static bool is_result(const struct spot *at)
{
	return str_is(at->name, "valueQuantity") || str_is(at->name, "low") || str_is(at->name, "high");
}

/* Members of another JSON type than R4's are not looked into: the walk passes over them and may mend the resource. */
static bool is_plain(const struct json *j)
{
	static const char *const texts[] = {"unit", "system", "code"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct json *member = json_get(j, str_from(texts[i]));
		if (member && !json_is(member, JSON_STRING))
			return false;
	}
	const struct json *extension = json_get(j, S("extension"));
	return !extension || json_is(extension, JSON_ARRAY);
}

void walk_quantity(struct walk *k, const struct json *j, const struct spot *at)
{
	if (!is_plain(j)) {
		json_object_begin(&k->w);
		walk_members(k, k->n->quantity, j, at);
		json_object_end(&k->w);
		return;
	}
	struct amount q = {.value = json_get(j, S("value")),
			   .unit = str_trim(json_get_str(j, S("unit"))),
			   .system = str_trim(json_get_str(j, S("system"))),
			   .code = str_trim(json_get_str(j, S("code"))),
			   .unknown = json_get(j, S("_code")) != NULL};
	bool fixed;
	q.ucum = find_ucum(k, &q, &fixed, at);
	if (is_result(at) && try_convert(k, j, &q, at))
		return;
	json_object_begin(&k->w);
	struct json_iter it = json_iter(j);
	while (json_next(&it))
		if (!fixed || (!str_is(it.key, "system") && !str_is(it.key, "code")))
			walk_member(k, k->n->quantity, it.key, it.value, at);
	if (fixed) {
		json_put_member(&k->w, S("system"), S(UNIT_SYSTEM));
		json_put_member(&k->w, S("code"), q.ucum);
	}
	json_object_end(&k->w);
}

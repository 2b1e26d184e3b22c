/*
 * The index rows of one version as bytes beside it, which cost one appended row instead of a second set of indexes.
 *
 * A term is: parameter number, kind, then by kind its fields; numbers as varints (low 7 bits first), texts with
 * their length plus one, 0 for none. Parameter 0 is none: with it go additions to the term that follows.
 */
#include "store/seek/seek.h"

enum addition { ADD_ELEMENT, ADD_TEXT, ADD_CANONICAL, ADD_CANONICAL_RANGE, ADD_REPEATED };
enum term_kind { TERM_TOKEN, TERM_STRING, TERM_DATE, TERM_NUMBER, TERM_RANGE, TERM_REFERENCE, TERM_URL, TERM_URI };

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static void put_u64(struct buf *out, uint64_t value)
{
	char bytes[10];
	size_t n = 0;
	while (value >= 0x80) {
		bytes[n++] = (char)(value | 0x80);
		value >>= 7;
	}
	bytes[n++] = (char)value;
	buf_add(out, str_make(bytes, n));
}

static void put_text(struct buf *out, struct str text)
{
	put_u64(out, text.p ? text.n + 1 : 0);
	if (text.p)
		buf_add(out, text);
}

static void put_double(struct buf *out, double value)
{
	buf_add(out, str_make((const char *)&value, sizeof(value)));
}

static enum term_kind kind_of(const struct term *t)
{
	switch (t->type) {
	case PARAM_STRING:
		return TERM_STRING;
	case PARAM_DATE:
		return TERM_DATE;
	case PARAM_REFERENCE:
		return t->target ? TERM_REFERENCE : TERM_URL;
	case PARAM_URI:
		return TERM_URI;
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
	case PARAM_SPECIAL:
		return t->number_low == t->number && t->number_high == t->number ? TERM_NUMBER : TERM_RANGE;
	default:
		return TERM_TOKEN;
	}
}

static bool has_param(struct str terms, int64_t param)
{
	struct term t;
	while (term_next(&terms, &t))
		if (t.param == param)
			return true;
	return false;
}

static void put_additions(struct buf *out, const struct term *t, enum term_kind kind)
{
	if (t->element) {
		put_u64(out, ADD_ELEMENT);
		put_u64(out, t->element);
	}
	if (kind == TERM_TOKEN && t->text.p) {
		put_u64(out, ADD_TEXT);
		put_text(out, t->text);
	}
	if (kind == TERM_DATE && has_param(buf_str(out), t->param))
		put_u64(out, ADD_REPEATED);
	if (!t->canonical.p)
		return;
	bool range = t->canonical_low != t->canonical_number || t->canonical_high != t->canonical_number;
	put_u64(out, range ? ADD_CANONICAL_RANGE : ADD_CANONICAL);
	put_text(out, t->canonical);
	put_double(out, t->canonical_number);
	if (range) {
		put_double(out, t->canonical_low);
		put_double(out, t->canonical_high);
	}
}

void term_write(struct buf *out, const struct term *t)
{
	enum term_kind kind = kind_of(t);
	put_additions(out, t, kind);
	put_u64(out, (uint64_t)t->param << 3 | kind);
	switch (kind) {
	case TERM_TOKEN:
		put_u64(out, (uint64_t)t->system);
		put_text(out, t->code);
		break;
	case TERM_STRING:
		put_text(out, t->code);
		put_text(out, str_eq(t->text, t->code) && t->text.p ? STR_NULL : t->text.p ? t->text : S(""));
		break;
	case TERM_DATE:
		put_u64(out, (uint64_t)t->low << 1 ^ (uint64_t)(t->low >> 63));
		put_u64(out, (uint64_t)t->high - (uint64_t)t->low);
		break;
	case TERM_NUMBER:
	case TERM_RANGE:
		put_double(out, t->number);
		if (kind == TERM_RANGE) {
			put_double(out, t->number_low);
			put_double(out, t->number_high);
		}
		put_u64(out, (uint64_t)t->system);
		put_text(out, t->code);
		put_text(out, t->text);
		break;
	case TERM_REFERENCE:
		put_u64(out, (uint64_t)t->target);
		break;
	case TERM_URL:
	case TERM_URI:
		put_text(out, t->code);
		break;
	}
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static bool get_u64(struct str *bytes, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes->n && i < 10; i++) {
		value |= (uint64_t)(bytes->p[i] & 0x7f) << (7 * i);
		if (!(bytes->p[i] & 0x80)) {
			*bytes = str_make(bytes->p + i + 1, bytes->n - i - 1);
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool get_i64(struct str *bytes, int64_t *ret_value)
{
	uint64_t value;
	if (!get_u64(bytes, &value))
		return false;
	*ret_value = (int64_t)value;
	return true;
}

static bool get_text(struct str *bytes, struct str *ret_text)
{
	uint64_t n;
	if (!get_u64(bytes, &n))
		return false;
	if (n == 0) {
		*ret_text = STR_NULL;
		return true;
	}
	if (n - 1 > bytes->n)
		return false;
	*ret_text = str_make(bytes->p, n - 1);
	*bytes = str_make(bytes->p + n - 1, bytes->n - (n - 1));
	return true;
}

static bool get_double(struct str *bytes, double *ret_value)
{
	if (bytes->n < sizeof(*ret_value))
		return false;
	memcpy(ret_value, bytes->p, sizeof(*ret_value));
	*bytes = str_make(bytes->p + sizeof(*ret_value), bytes->n - sizeof(*ret_value));
	return true;
}

static bool get_number(struct str *bytes, struct term *t, bool range)
{
	t->type = PARAM_QUANTITY;
	if (!get_double(bytes, &t->number))
		return false;
	t->number_low = t->number_high = t->number;
	if (range && (!get_double(bytes, &t->number_low) || !get_double(bytes, &t->number_high)))
		return false;
	return get_i64(bytes, &t->system) && get_text(bytes, &t->code) && get_text(bytes, &t->text);
}

static bool get_date(struct str *bytes, struct term *t)
{
	uint64_t low, span;
	t->type = PARAM_DATE;
	if (!get_u64(bytes, &low) || !get_u64(bytes, &span))
		return false;
	t->low = (int64_t)(low >> 1 ^ -(low & 1));
	t->high = (int64_t)((uint64_t)t->low + span);
	return true;
}

static bool get_string(struct str *bytes, struct term *t)
{
	t->type = PARAM_STRING;
	if (!get_text(bytes, &t->code) || !get_text(bytes, &t->text))
		return false;
	if (!t->text.p)
		t->text = t->code;
	return true;
}

static bool get_canonical(struct str *bytes, struct term *t, bool range)
{
	if (!get_text(bytes, &t->canonical) || !get_double(bytes, &t->canonical_number))
		return false;
	t->canonical_low = t->canonical_high = t->canonical_number;
	return !range || (get_double(bytes, &t->canonical_low) && get_double(bytes, &t->canonical_high));
}

static bool get_addition(struct str *bytes, uint64_t kind, struct term *t)
{
	uint64_t element;
	switch ((enum addition)kind) {
	case ADD_ELEMENT:
		if (!get_u64(bytes, &element))
			return false;
		t->element = (uint32_t)element;
		return true;
	case ADD_TEXT:
		return get_text(bytes, &t->text);
	case ADD_CANONICAL:
	case ADD_CANONICAL_RANGE:
		return get_canonical(bytes, t, kind == ADD_CANONICAL_RANGE);
	case ADD_REPEATED:
		t->repeated = true;
		return true;
	}
	return false;
}

bool term_next(struct str *bytes, struct term *ret_term)
{
	uint64_t head;
	struct term t = {0};
	bool ok = false;
	if (!bytes->n || !get_u64(bytes, &head))
		return false;
	while (head >> 3 == 0)
		if (!get_addition(bytes, head, &t) || !get_u64(bytes, &head))
			return false;
	t.param = (int64_t)(head >> 3);
	switch ((enum term_kind)(head & 7)) {
	case TERM_TOKEN:
		t.type = PARAM_TOKEN;
		ok = get_i64(bytes, &t.system) && get_text(bytes, &t.code);
		break;
	case TERM_STRING:
		ok = get_string(bytes, &t);
		break;
	case TERM_DATE:
		ok = get_date(bytes, &t);
		break;
	case TERM_NUMBER:
		ok = get_number(bytes, &t, false);
		break;
	case TERM_RANGE:
		ok = get_number(bytes, &t, true);
		break;
	case TERM_REFERENCE:
		t.type = PARAM_REFERENCE;
		ok = get_i64(bytes, &t.target);
		break;
	case TERM_URL:
		t.type = PARAM_REFERENCE;
		ok = get_text(bytes, &t.code);
		break;
	case TERM_URI:
		t.type = PARAM_URI;
		ok = get_text(bytes, &t.code);
		break;
	}
	if (ok)
		*ret_term = t;
	return ok;
}

/* ---- from rows ------------------------------------------------------------------------------------------------------
 */

bool term_is_kept(const struct search_param *param)
{
	return param->type != PARAM_COMPOSITE;
}

bool term_of_row(struct names *names, const struct fhir_type *type, int64_t type_number, const struct index_row *row,
		 int64_t target, struct term *ret_term, struct error *err)
{
	struct term t = {.type = row->param->type,
			 .element = row->element,
			 .code = row->code,
			 .target = target,
			 .low = row->low,
			 .high = row->high,
			 .number = row->number,
			 .number_low = row->number_low,
			 .number_high = row->number_high,
			 .canonical = row->canonical,
			 .canonical_number = row->canonical_number,
			 .canonical_low = row->canonical_low,
			 .canonical_high = row->canonical_high};
	if (row->variant == ROW_IDENTIFIER || row->variant == ROW_PRESENT)
		t.type = PARAM_TOKEN;
	t.param = names_param(names, type, type_number, row->param, row->variant, err);
	if (!t.param)
		return false;
	bool coded = t.type == PARAM_TOKEN || t.type == PARAM_QUANTITY;
	if (coded && row->system.p && !(t.system = names_system(names, row->system, err)))
		return false;
	if (t.type == PARAM_STRING || row->variant == ROW_OF_TYPE)
		t.text = row->text;
	else if (t.type == PARAM_QUANTITY)
		t.text = row->unit;
	*ret_term = t;
	return true;
}

/*
 * The operators that compute: + - * / div mod & and the sign (FHIRPath 6.6). What has no result in the language, such
 * as a division by zero or a number out of range, is empty; operands of types that do not go together are an error.
 */
#include "fhirpath/fhirpath_priv.h"

enum { QUOTIENT_DIGITS = 28 };

static const char *symbol(enum path_op op)
{
	switch (op) {
#define OPERATOR(name, text, precedence)                                                                               \
	case PATH_OP_##name:                                                                                           \
		return text;
#include "fhirpath/operators.def"
#undef OPERATOR
	default:
		return "-";
	}
}

static bool refuse(struct eval *e, const struct path_node *node, const struct path_item *a, const struct path_item *b)
{
	return eval_fail(e, node, ERR_VALUE, "\"%s\" has no meaning for %.*s and %.*s", symbol(node->op),
			 STR_ARG(kind_name(a->kind)), STR_ARG(kind_name(b->kind)));
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static bool whole(const struct path_item *item)
{
	return item->kind == PATH_INTEGER || item->kind == PATH_LONG;
}

static bool add_whole(struct eval *e, struct path_items *out, const struct path_item *a, const struct path_item *b,
		      int64_t value)
{
	struct path_item item = item_integer(value);
	if (a->kind == PATH_LONG || b->kind == PATH_LONG)
		item.kind = PATH_LONG;
	else if (value < INT32_MIN || value > INT32_MAX)
		return true; /* out of range: empty */
	return eval_add(e, out, &item);
}

/* False in *ret_ok when the result does not fit. */
static int64_t whole_result(enum path_op op, int64_t a, int64_t b, bool *ret_ok)
{
	int64_t r = 0;
	switch (op) {
	case PATH_OP_ADD:
		*ret_ok = !__builtin_add_overflow(a, b, &r);
		break;
	case PATH_OP_SUBTRACT:
		*ret_ok = !__builtin_sub_overflow(a, b, &r);
		break;
	case PATH_OP_MULTIPLY:
		*ret_ok = !__builtin_mul_overflow(a, b, &r);
		break;
	default:
		*ret_ok = b != 0 && !(a == INT64_MIN && b == -1);
		if (*ret_ok)
			r = op == PATH_OP_DIV ? a / b : a % b;
	}
	return r;
}

static bool decimal_result(enum path_op op, const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
	struct decimal other;
	switch (op) {
	case PATH_OP_ADD:
		return decimal_add(a, b, ret);
	case PATH_OP_SUBTRACT:
		return decimal_sub(a, b, ret);
	case PATH_OP_MULTIPLY:
		return decimal_mul(a, b, ret);
	case PATH_OP_DIVIDE:
		return decimal_div(a, b, QUOTIENT_DIGITS, ret);
	case PATH_OP_DIV:
		return decimal_divmod(a, b, ret, &other);
	default:
		return decimal_divmod(a, b, &other, ret);
	}
}

static bool calculate_numbers(struct eval *e, const struct path_node *node, const struct path_item *a,
			      const struct path_item *b, struct path_items *out)
{
	struct decimal x = item_number(a), y = item_number(b), r;
	struct path_item item;
	bool ok;
	int64_t n;
	if (whole(a) && whole(b) && node->op != PATH_OP_DIVIDE) {
		int64_t result = whole_result(node->op, a->integer, b->integer, &ok);
		return !ok || add_whole(e, out, a, b, result);
	}
	if (!decimal_result(node->op, &x, &y, &r))
		return true;
	if (node->op == PATH_OP_DIV && decimal_to_i64(&r, &n)) {
		struct path_item integer = item_integer(0);
		return add_whole(e, out, &integer, &integer, n);
	}
	return item_decimal(e, &r, &item) && eval_add(e, out, &item);
}

/* ---- quantities, dates, texts ---------------------------------------------------------------------------------- */

static struct path_quantity measure(const struct path_item *item)
{
	return item->kind == PATH_QUANTITY ? *item->quantity : quantity_of_number(item);
}

static bool calculate_quantities(struct eval *e, const struct path_node *node, const struct path_item *a,
				 const struct path_item *b, struct path_items *out)
{
	struct path_quantity x = measure(a), y = measure(b), r;
	struct path_item item;
	if (node->op == PATH_OP_DIV || node->op == PATH_OP_MOD) {
		struct path_quantity q;
		struct decimal other;
		if (!quantity_convert(e, &y, x.unit, &q) || decimal_is_zero(&q.value))
			return true;
		r = x;
		if (node->op == PATH_OP_DIV) {
			r.unit = S("1");
			r.calendar = false;
		}
		if (!decimal_divmod(&x.value, &q.value, node->op == PATH_OP_DIV ? &r.value : &other,
				    node->op == PATH_OP_DIV ? &other : &r.value))
			return true;
	} else if (!quantity_calculate(e, node->op, &x, &y, &r)) {
		return true;
	}
	return item_quantity(e, &r, &item) && eval_add(e, out, &item);
}

static bool is_moment(const struct path_item *item)
{
	return item->kind == PATH_DATE || item->kind == PATH_DATETIME || item->kind == PATH_TIME;
}

static bool calculate_moment(struct eval *e, const struct path_node *node, const struct path_item *moment,
			     const struct path_item *by, struct path_items *out)
{
	struct path_item sum = *moment;
	enum span span = by->kind == PATH_QUANTITY ? quantity_calendar(by->quantity) : SPAN_NONE;
	if (by->kind != PATH_QUANTITY || (node->op != PATH_OP_ADD && node->op != PATH_OP_SUBTRACT))
		return refuse(e, node, moment, by);
	if (span == SPAN_NONE || (moment->kind == PATH_TIME && span < SPAN_HOUR))
		return eval_fail(e, node, ERR_VALUE, "the unit \"%.*s\" is none to move a %.*s by",
				 STR_ARG(str_slice(by->quantity->unit, 0, 40)), STR_ARG(kind_name(moment->kind)));
	struct decimal amount = by->quantity->value;
	if (node->op == PATH_OP_SUBTRACT)
		amount = decimal_negate(&amount);
	return !moment_add(&sum.moment, moment->kind, &amount, span) || eval_add(e, out, &sum);
}

static bool join_texts(struct eval *e, const struct path_item *a, const struct path_item *b, struct path_items *out)
{
	struct buf text;
	buf_init(&text, PATH_MAX_TEXT);
	value_write(&text, a);
	value_write(&text, b);
	return add_buffer(e, out, &text);
}

/* & takes an empty side for an empty text. */
static bool concatenate(struct eval *e, const struct path_node *node, const struct path_items *left,
			const struct path_items *right, struct path_items *out)
{
	struct path_item a, b;
	bool has_a, has_b;
	if (!one_value(e, node, left, &a, &has_a) || !one_value(e, node, right, &b, &has_b))
		return false;
	if (!has_a)
		a = item_string(S(""));
	if (!has_b)
		b = item_string(S(""));
	if ((has_a && !item_has_text(left, &a)) || (has_b && !item_has_text(right, &b)))
		return refuse(e, node, &a, &b);
	return join_texts(e, &a, &b, out);
}

bool calculate(struct eval *e, const struct path_node *node, const struct path_items *left,
	       const struct path_items *right, struct path_items *out)
{
	struct path_item a, b;
	bool has_a, has_b;
	if (node->op == PATH_OP_CONCATENATE)
		return concatenate(e, node, left, right, out);
	if (left->count == 0 || right->count == 0)
		return true;
	if (!one_value(e, node, left, &a, &has_a) || !one_value(e, node, right, &b, &has_b))
		return false;
	if (!has_a || !has_b)
		return true;
	if (item_is_number(&a) && item_is_number(&b))
		return calculate_numbers(e, node, &a, &b, out);
	if (node->op == PATH_OP_ADD && a.kind == PATH_STRING && b.kind == PATH_STRING)
		return join_texts(e, &a, &b, out);
	if (is_moment(&a))
		return calculate_moment(e, node, &a, &b, out);
	if ((a.kind == PATH_QUANTITY || item_is_number(&a)) && (b.kind == PATH_QUANTITY || item_is_number(&b)))
		return calculate_quantities(e, node, &a, &b, out);
	return refuse(e, node, &a, &b);
}

bool negate(struct eval *e, const struct path_node *node, const struct path_items *input, struct path_items *out)
{
	struct path_item value;
	bool there;
	if (!one_value(e, node, input, &value, &there))
		return false;
	if (!there)
		return true;
	if (!item_is_number(&value) && value.kind != PATH_QUANTITY)
		return eval_fail(e, node, ERR_VALUE, "a sign has no meaning for %.*s", STR_ARG(kind_name(value.kind)));
	if (node->op == PATH_OP_PLUS)
		return eval_add(e, out, &value);
	if (value.kind == PATH_QUANTITY) {
		struct path_quantity q = *value.quantity;
		q.value = decimal_negate(&q.value);
		return item_quantity(e, &q, &value) && eval_add(e, out, &value);
	}
	if (value.kind == PATH_DECIMAL) {
		struct decimal d = decimal_negate(value.decimal);
		return item_decimal(e, &d, &value) && eval_add(e, out, &value);
	}
	if (value.integer == INT64_MIN)
		return true;
	value.integer = -value.integer;
	return eval_add(e, out, &value);
}

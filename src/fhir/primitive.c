/*
 * The forms of primitive values: http://hl7.org/fhir/R4/datatypes.html#primitive. Written by hand instead of running
 * the specification's regular expressions, because this runs for every value that is ever stored.
 */
#include "fhir/fhir_priv.h"

enum { MAX_STRING = 1024 * 1024 };

static bool text_is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return false;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool has_space(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_space(s.p[i]))
			return true;
	return false;
}

/* No white space but single spaces inside. */
static bool is_code(struct str s)
{
	if (s.n == 0 || s.p[0] == ' ' || s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || (s.p[i] == ' ' && s.p[i - 1] == ' '))
			return false;
	return true;
}

static bool all_digits(struct str s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* hh:mm:ss[.fraction] */
static bool is_time(struct str s)
{
	if (s.n < 8 || s.p[2] != ':' || s.p[5] != ':' || !all_digits(s, 0, 2) || !all_digits(s, 3, 5) ||
	    !all_digits(s, 6, 8))
		return false;
	/* second 60 is a leap second */
	if ((s.p[0] - '0') * 10 + s.p[1] - '0' > 23 || s.p[3] > '5' || (s.p[6] - '0') * 10 + s.p[7] - '0' > 60)
		return false;
	return s.n == 8 || (s.p[8] == '.' && s.n > 9 && all_digits(s, 9, s.n));
}

/* With a time, the seconds and the zone are needed. */
static bool is_date_time(struct str s, bool full)
{
	int64_t low, high;
	if (!date_range(s, &low, &high))
		return false;
	if (s.n <= 10)
		return !full;
	char last = s.p[s.n - 1];
	bool zone = last == 'Z' || (s.n > 16 && (s.p[s.n - 6] == '+' || s.p[s.n - 6] == '-'));
	return zone && s.n >= 20 && s.p[16] == ':';
}

static bool is_date(struct str s)
{
	int64_t low, high;
	return s.n <= 10 && date_range(s, &low, &high);
}

static bool is_base64(struct str s)
{
	size_t digits = 0, padding = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (is_space(c))
			continue;
		if (c == '=')
			padding++;
		else if (padding || !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
				      c == '+' || c == '/'))
			return false;
		digits++;
	}
	return digits % 4 == 0 && padding <= 2;
}

/* urn:oid: and [0-2](\.(0|[1-9][0-9]*))+ */
static bool is_oid(struct str s)
{
	if (!str_starts(s, S("urn:oid:")) || s.n < 11 || s.p[8] < '0' || s.p[8] > '2' || s.p[9] != '.')
		return false;
	struct str rest = str_slice(s, 10, s.n);
	while (rest.p) {
		struct str arc = str_split(&rest, '.');
		if (!arc.n || (arc.p[0] == '0' && arc.n > 1) || !all_digits(arc, 0, arc.n))
			return false;
	}
	return true;
}

static bool is_uuid(struct str s)
{
	if (!str_starts(s, S("urn:uuid:")) || s.n != 45)
		return false;
	for (size_t i = 9; i < s.n; i++) {
		size_t k = i - 9;
		char c = (char)(s.p[i] | 32);
		bool dash = k == 8 || k == 13 || k == 18 || k == 23;
		if (dash ? s.p[i] != '-' : !((s.p[i] >= '0' && s.p[i] <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* The whole check is the validator's; this keeps out what is no narrative at all. */
static bool is_xhtml(struct str s)
{
	struct str text = str_trim(s);
	return str_starts(text, S("<div")) && (str_ends(text, S("</div>")) || str_ends(text, S("/>")));
}

static const char *integer_problem(const struct json *value, int64_t least, const char *expected)
{
	int64_t n;
	struct str text = json_number(value);
	if (!text.p || !str_to_i64(text, &n) || n < least || n > INT32_MAX)
		return expected;
	return NULL;
}

static const char *string_problem(enum fhir_primitive primitive, struct str s)
{
	if (s.n == 0)
		return "a text that is not empty";
	switch (primitive) {
	case PRIMITIVE_STRING:
	case PRIMITIVE_MARKDOWN:
		if (s.n > MAX_STRING)
			return "a text of at most 1 MB";
		return text_is_clean(s) ? NULL : "a text without control characters";
	case PRIMITIVE_CODE:
		return is_code(s) ? NULL : "a code without blanks around it";
	case PRIMITIVE_URI:
	case PRIMITIVE_URL:
	case PRIMITIVE_CANONICAL:
		return !has_space(s) && text_is_clean(s) ? NULL : "a URI without blanks";
	case PRIMITIVE_ID:
		return fhir_id_valid(s) ? NULL : "an id: 1 to 64 letters, digits, '-' and '.'";
	case PRIMITIVE_DATE:
		return is_date(s) ? NULL : "a date: YYYY, YYYY-MM or YYYY-MM-DD";
	case PRIMITIVE_DATETIME:
		return is_date_time(s, false) ? NULL : "a dateTime: a date, or date and time with seconds and zone";
	case PRIMITIVE_INSTANT:
		return is_date_time(s, true) ? NULL : "an instant: YYYY-MM-DDThh:mm:ss with zone";
	case PRIMITIVE_TIME:
		return is_time(s) ? NULL : "a time: hh:mm:ss";
	case PRIMITIVE_BASE64BINARY:
		return is_base64(s) ? NULL : "base64";
	case PRIMITIVE_OID:
		return is_oid(s) ? NULL : "an OID: urn:oid:1.2.3";
	case PRIMITIVE_UUID:
		return is_uuid(s) ? NULL : "a UUID: urn:uuid: and 36 characters";
	case PRIMITIVE_XHTML:
		return is_xhtml(s) ? NULL : "XHTML in one <div>";
	default:
		return NULL;
	}
}

const char *primitive_problem(enum fhir_primitive primitive, const struct json *value)
{
	double number, low, high;
	switch (primitive) {
	case PRIMITIVE_BOOLEAN:
		return json_is(value, JSON_BOOL) ? NULL : "true or false";
	case PRIMITIVE_INTEGER:
		return integer_problem(value, INT32_MIN, "a whole number of 32 bits");
	case PRIMITIVE_UNSIGNEDINT:
		return integer_problem(value, 0, "a whole number from 0 to 2,147,483,647");
	case PRIMITIVE_POSITIVEINT:
		return integer_problem(value, 1, "a whole number from 1 to 2,147,483,647");
	case PRIMITIVE_DECIMAL:
		return json_is(value, JSON_NUMBER) && decimal_range(json_number(value), &number, &low, &high)
			       ? NULL
			       : "a decimal number of at most 63 characters";
	default:
		return json_is(value, JSON_STRING) ? string_problem(primitive, json_str(value)) : "a string";
	}
}

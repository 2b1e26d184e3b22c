/*
 * Primitive values beyond their bare format (http://hl7.org/fhir/R4/datatypes.html#primitive): ids of resources, URIs
 * of the schemes that FHIR knows, blanks, years that can hardly be meant.
 */
#include "validate/walk_priv.h"

enum { FIRST_YEAR = 1800, LAST_YEAR = 2200, MAX_QUOTED = 80, MAX_ID = 1024 * 1024, MAX_TEXT = 1024 * 1024 };

static struct str shown(struct str s)
{
	return str_slice(s, 0, MAX_QUOTED);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A tag, or the start of one: "<script", "</b". */
static bool looks_like_markup(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		char c = (char)(s.p[i + (s.p[i + 1] == '/' && i + 2 < s.n ? 2 : 1)] | 32);
		if (s.p[i] == '<' && c >= 'a' && c <= 'z')
			return true;
	}
	return false;
}

static void check_text(struct validation *v, const struct node *n, struct str s)
{
	struct str inner = str_trim(s);
	if (v->options->no_markup && n->type->primitive == PRIMITIVE_STRING && looks_like_markup(s))
		find_error(v, n, ERR_VALUE, "markup",
			   "The text looks as if it contained HTML, which is not allowed here");
	if (s.n && !inner.n)
		find_warning(v, n, ERR_VALUE, "blank", "The text consists of blanks only");
	else if (n->type->primitive == PRIMITIVE_STRING && inner.n != s.n)
		find_warning(v, n, ERR_VALUE, "blank", "The text starts or ends with blanks");
}

static bool lower_uuid(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

static bool is_oid(struct str s)
{
	if (s.n < 3 || s.p[0] < '0' || s.p[0] > '2' || s.p[1] != '.')
		return false;
	struct str rest = str_slice(s, 2, s.n);
	while (rest.p) {
		struct str arc = str_split(&rest, '.');
		if (!arc.n || (arc.p[0] == '0' && arc.n > 1))
			return false;
		for (size_t i = 0; i < arc.n; i++)
			if (arc.p[i] < '0' || arc.p[i] > '9')
				return false;
	}
	return true;
}

/* A fragment may stand behind it, and behind a canonical its version. */
static struct str uuid_part(const struct node *n, struct str s)
{
	s = str_slice(s, 0, str_find_char(s, '#', 0));
	return n->type->primitive == PRIMITIVE_CANONICAL ? str_slice(s, 0, str_find_char(s, '|', 0)) : s;
}

/* The canonical URL by which a definition is known: "url" at the root of a resource that has a status. Contracts have
 * both, but no canonical. */
static void check_own_url(struct validation *v, const struct node *n, struct str s)
{
	const struct holder *h = n->holder;
	bool absolute = str_find_char(s, ':', 0) < str_find_char(s, '/', 0);
	if (!absolute && n->parent == h->node && h->type && str_is(n->name, "url") &&
	    !str_is(h->type->name, "Contract") && json_get(h->json, S("status")))
		find_error(v, n, ERR_VALUE, "canonical", "The canonical URL \"%.*s\" is not absolute",
			   STR_ARG(shown(s)));
}

static void check_uri(struct validation *v, const struct node *n, struct str s)
{
	if (str_starts(s, S("oid:")) || str_starts(s, S("uuid:")))
		find_error(v, n, ERR_VALUE, "uri", "\"%.*s\" is no URI: it starts with urn:%.*s", STR_ARG(shown(s)),
			   (int)str_find_char(s, ':', 0) + 1, s.p);
	else if (str_starts(s, S("urn:oid:")) && !is_oid(str_slice(s, 8, s.n)))
		find_error(v, n, ERR_VALUE, "oid", "\"%.*s\" is no valid OID", STR_ARG(shown(s)));
	else if (str_starts(s, S("urn:uuid:")) && !lower_uuid(uuid_part(n, str_slice(s, 9, s.n))))
		find_error(v, n, ERR_VALUE, "uuid", "\"%.*s\" is no UUID in lower case", STR_ARG(shown(s)));
}

static void check_date(struct validation *v, const struct node *n, struct str s)
{
	uint64_t year;
	if (str_to_u64(str_slice(s, 0, 4), &year) && (year < FIRST_YEAR || year > LAST_YEAR))
		find_warning(v, n, ERR_VALUE, "year", "\"%.*s\" is hardly meant: the year is before %d or after %d",
			     STR_ARG(shown(s)), FIRST_YEAR, LAST_YEAR);
}

/* The definitions call the ids of resources strings. */
static bool is_resource_id(const struct node *n)
{
	return str_is(n->name, "id") && n->parent && n->parent->holder->node == n->parent;
}

/* Within a resource an id of an element is there once; but the two views of a StructureDefinition share theirs. Past
 * the capacity of the map, or without memory, nothing is said. */
static void check_unique(struct validation *v, const struct node *n, struct str s)
{
	const struct holder *h = n->holder;
	bool fresh = true;
	if (v->trials || !h->type || !str_is(n->name, "id") || str_is(h->type->name, "StructureDefinition"))
		return;
	struct str key = arena_printf(v->arena, "%p %.*s", (const void *)h->json, STR_ARG(s));
	if (key.p && map_put(&v->element_ids, key, &fresh) && !fresh)
		find_error(v, n->parent, ERR_VALUE, "id-unique",
			   "Another element of this resource has the id \"%.*s\" too", STR_ARG(shown(s)));
}

static void check_id(struct validation *v, const struct node *n, struct str s)
{
	if (is_resource_id(n)) {
		if (!fhir_id_valid(s))
			find_error(v, n, ERR_VALUE, "id",
				   "\"%.*s\" is no id: 1 to 64 letters, digits, '-' and '.' (%zu bytes)",
				   STR_ARG(shown(s)), s.n);
		return;
	}
	check_unique(v, n, s);
	for (size_t i = 0; i < s.n && str_is(n->name, "id") && s.n <= MAX_ID; i++)
		if (blank(s.p[i])) {
			find_error(v, n, ERR_VALUE, "id", "The element id \"%.*s\" contains a blank",
				   STR_ARG(shown(s)));
			return;
		}
}

static void check_more(struct validation *v, const struct node *n, struct str s)
{
	switch (n->type->primitive) {
	case PRIMITIVE_STRING:
		check_id(v, n, s);
		check_text(v, n, s);
		break;
	case PRIMITIVE_MARKDOWN:
		check_text(v, n, s);
		break;
	case PRIMITIVE_URI:
		check_own_url(v, n, s);
		check_uri(v, n, s);
		break;
	case PRIMITIVE_URL:
		check_uri(v, n, s);
		break;
	case PRIMITIVE_CANONICAL:
		check_uri(v, n, s);
		check_canonical(v, n);
		break;
	case PRIMITIVE_DATE:
	case PRIMITIVE_DATETIME:
	case PRIMITIVE_INSTANT:
		check_date(v, n, s);
		break;
	default:
		break;
	}
}

static enum json_type json_form(enum fhir_primitive kind)
{
	switch (kind) {
	case PRIMITIVE_BOOLEAN:
		return JSON_BOOL;
	case PRIMITIVE_INTEGER:
	case PRIMITIVE_POSITIVEINT:
	case PRIMITIVE_UNSIGNEDINT:
	case PRIMITIVE_DECIMAL:
		return JSON_NUMBER;
	default:
		return JSON_STRING;
	}
}

/* A rule of Attachment looks at its data and hash. */
static bool checked_elsewhere(const struct validation *v, const struct node *n)
{
	return n->type->primitive == PRIMITIVE_BASE64BINARY && !v->options->structure_only &&
	       (str_is(n->name, "data") || str_is(n->name, "hash")) && n->parent->type &&
	       str_is(n->parent->type->name, "Attachment") && json_str(n->value).n;
}

/* Is it control characters alone that make the text a bad one? R4 says only that they should not be there. */
static bool only_controls(enum fhir_primitive kind, struct str s)
{
	bool found = false;
	for (size_t i = 0; i < s.n && !found; i++)
		found = (unsigned char)s.p[i] < ' ' && !blank(s.p[i]);
	return found && s.n <= MAX_TEXT && (kind == PRIMITIVE_STRING || kind == PRIMITIVE_MARKDOWN);
}

void check_primitive(struct validation *v, const struct node *n)
{
	enum fhir_primitive kind = n->type->primitive;
	const char *expected = primitive_problem(kind, n->value);
	struct str text = json_is(n->value, JSON_NUMBER) ? json_number(n->value) : json_str(n->value);
	if (!expected) {
		if (!v->options->structure_only && text.p)
			check_more(v, n, text);
		return;
	}
	if (checked_elsewhere(v, n))
		return;
	if (!v->options->structure_only && !str_is(n->name, "id") && only_controls(kind, text)) {
		find_warning(v, n, ERR_VALUE, "control",
			     "The text has control characters, which texts should not have and XML cannot hold");
		return;
	}
	if (json_is(n->value, JSON_NULL))
		find_error(v, n, ERR_STRUCTURE, "json-null", "null is not allowed here");
	else if (!text.p || !json_is(n->value, json_form(kind)))
		find_error(v, n, ERR_STRUCTURE, "json-type", "Expected %s, found %s", expected, json_name_of(n->value));
	else if (text.n == 0)
		find_error(v, n, ERR_VALUE, "json-empty", "A text must not be empty; leave the property out");
	else if (kind == PRIMITIVE_BASE64BINARY || kind == PRIMITIVE_XHTML || text.n > MAX_QUOTED)
		find_error(v, n, ERR_VALUE, "format", "Expected %s; found %zu bytes of something else", expected,
			   text.n);
	else
		find_error(v, n, ERR_VALUE, "format", "Expected %s; found %s%.*s%s", expected,
			   json_is(n->value, JSON_STRING) ? "\"" : "", STR_ARG(text),
			   json_is(n->value, JSON_STRING) ? "\"" : "");
}

/*
 * Identifiers (http://hl7.org/fhir/R4/datatypes.html#Identifier): the system is an absolute URI, and where it says that
 * the value is a URI, or a UUID, it is one.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 80 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

/* A scheme in front: "urn:", "http:". */
static bool is_absolute(struct str s)
{
	size_t colon = str_find_char(s, ':', 0);
	for (size_t i = 0; colon != STR_NONE && i < colon; i++)
		if (!((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') &&
		    !(i && ((s.p[i] >= '0' && s.p[i] <= '9') || strchr("+-.", s.p[i]))))
			return false;
	return colon != STR_NONE && colon > 0;
}

void rule_identifier(struct validation *v, const struct node *at)
{
	struct str system = json_get_str(at->value, S("system")), value = json_get_str(at->value, S("value"));
	if (system.n && !is_absolute(system))
		find_error(v, at, ERR_VALUE, "identifier-system",
			   "The system of an identifier is an absolute URI, unlike \"%.*s\"", SHOW(system));
	else if (str_is(system, "urn:ietf:rfc:3986") && value.n && !is_absolute(value))
		find_error(v, at, ERR_VALUE, "identifier-value",
			   "By its system the identifier is a URI, which \"%.*s\" is not", SHOW(value));
}

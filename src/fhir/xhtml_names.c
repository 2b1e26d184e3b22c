/* The elements and attributes that a narrative may use (http://hl7.org/fhir/R4/narrative.html, rule txt-1). */
#include "fhir/resource.h"

/* The formatting of HTML 4.0, chapters 7 to 11 (without insertions and deletions) and 15, links and images, as far as
 * XHTML 1.0 strict has it, which the schema of narratives is made of. */
static const char elements[] = " a abbr acronym address area b bdo big blockquote br caption cite code col "
			       "colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li map ol p pre q samp "
			       "small span strong sub sup table tbody td tfoot th thead tr tt ul var ";
static const char anywhere[] = " class dir id lang style title accesskey tabindex abbr align axis char charoff colspan "
			       "headers rowspan scope span valign width ";

/* Attributes that single elements may have besides. */
static const struct {
	const char *element, *attributes;
} particular[] = {
	{"a", " charset coords href hreflang name rel rev shape type "},
	{"area", " alt coords href nohref shape "},
	{"blockquote", " cite "},
	{"q", " cite "},
	{"img", " alt border height ismap longdesc src usemap "},
	{"map", " name "},
	{"table", " border cellpadding cellspacing frame rules summary "},
	{"td", " nowrap "},
	{"th", " nowrap "},
};

static bool is_listed(const char *list, struct str word)
{
	char padded[64];
	if (!word.n || word.n + 2 > sizeof(padded))
		return false;
	padded[0] = padded[word.n + 1] = ' ';
	memcpy(padded + 1, word.p, word.n);
	return str_find(str_from(list), str_make(padded, word.n + 2)) != STR_NONE;
}

bool xhtml_element_allowed(struct str element)
{
	return is_listed(elements, element);
}

bool xhtml_attribute_allowed(struct str element, struct str attribute)
{
	if (is_listed(anywhere, attribute))
		return true;
	for (size_t i = 0; i < sizeof(particular) / sizeof(particular[0]); i++)
		if (str_is(element, particular[i].element))
			return is_listed(particular[i].attributes, attribute);
	return false;
}

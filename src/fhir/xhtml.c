/*
 * Narratives: one <div> of XHTML inside a JSON string (http://hl7.org/fhir/R4/narrative.html). Whoever writes XML puts
 * it there as it is, so its tags must nest. This is a scan for that, without a tree; what the tags mean is only asked
 * where the rules of narratives are.
 */
#include "fhir/fhir_priv.h"

enum { MAX_OPEN = 64, MAX_ATTRIBUTES = 32 };

struct scan {
	struct str text;
	size_t at;
	struct str open[MAX_OPEN];
	size_t depth;
	struct str attributes[MAX_ATTRIBUTES]; /* of the tag at hand */
	size_t attribute_count;
	bool ruled; /* by the rules of narratives as well: names, no entities of HTML, something to read */
	bool speaks; /* there is text, or an image */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':' ||
	       c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

static bool is_name_start(char c)
{
	return is_name(c) && c != '-' && c != '.' && !(c >= '0' && c <= '9');
}

static bool looking_at(const struct scan *s, struct str what)
{
	return str_starts(str_slice(s->text, s->at, s->text.n), what);
}

static void skip_space(struct scan *s)
{
	while (s->at < s->text.n && is_space(s->text.p[s->at]))
		s->at++;
}

static struct str take_name(struct scan *s)
{
	size_t from = s->at;
	if (s->at < s->text.n && is_name_start(s->text.p[s->at]))
		while (s->at < s->text.n && is_name(s->text.p[s->at]))
			s->at++;
	return str_slice(s->text, from, s->at);
}

/* The digits of a reference such as &#13; or &#x1f;, with any zeros before them, name a character of XML 1.0. */
static bool is_character(struct str digits, bool hexadecimal)
{
	uint32_t value = 0;
	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[i], small = (char)(c | 32);
		uint32_t digit = c >= '0' && c <= '9'		? (uint32_t)(c - '0')
				 : small >= 'a' && small <= 'f' ? (uint32_t)(small - 'a' + 10)
								: 16;
		value = value * (hexadecimal ? 16 : 10) + digit;
		if (digit >= (hexadecimal ? 16u : 10u) || value > 0x10FFFF)
			return false;
	}
	return value == '\t' || value == '\n' || value == '\r' || (value >= 0x20 && value <= 0xD7FF) ||
	       (value >= 0xE000 && value <= 0xFFFD) || value >= 0x10000;
}

/* &name; or &#1; or &#x1f; from the ampersand on. */
static const char *take_entity(struct scan *s)
{
	size_t end = str_find_char(s->text, ';', s->at);
	struct str name = end == STR_NONE ? STR_NULL : str_slice(s->text, s->at + 1, end);
	bool number = name.n > 1 && name.p[0] == '#', hex = number && name.n > 2 && name.p[1] == 'x';
	if (number && !is_character(str_slice(name, 1 + hex, name.n), hex))
		return "a reference to a character that XML cannot hold";
	if (!number && (name.n < 2 || name.n > 32))
		return "an & that starts no entity";
	for (size_t i = 0; !number && i < name.n; i++) {
		bool digit = name.p[i] >= '0' && name.p[i] <= '9',
		     letter = (name.p[i] | 32) >= 'a' && (name.p[i] | 32) <= 'z';
		if (!digit && !letter)
			return "an & that starts no entity";
	}
	if (s->ruled && !number && !str_is(name, "amp") && !str_is(name, "lt") && !str_is(name, "gt") &&
	    !str_is(name, "quot") && !str_is(name, "apos"))
		return "an entity that XML does not know";
	s->at = end + 1;
	return NULL;
}

/* Prefixes would have to be declared; narratives have no use for them but xml:lang. */
static bool has_prefix(struct str name)
{
	return str_find_char(name, ':', 0) != STR_NONE && !str_starts(name, S("xml:"));
}

static const char *take_attribute(struct scan *s, struct str element)
{
	struct str name = take_name(s);
	bool namespace = str_is(name, "xmlns");
	if (!name.n)
		return "a tag that does not end";
	if (has_prefix(name))
		return "a name with a prefix that nothing declares";
	for (size_t i = 0; i < s->attribute_count; i++)
		if (str_eq(s->attributes[i], name))
			return "an attribute given twice";
	if (s->attribute_count == MAX_ATTRIBUTES)
		return "a tag with too many attributes";
	s->attributes[s->attribute_count++] = name;
	skip_space(s);
	if (!looking_at(s, S("=")))
		return "an attribute without value";
	s->at++;
	if (s->ruled && !namespace && !str_starts(name, S("xml:")) && !xhtml_attribute_allowed(element, name))
		return "an attribute that narratives do not have";
	skip_space(s);
	char quote = s->at < s->text.n ? s->text.p[s->at++] : '\0';
	if (quote != '"' && quote != '\'')
		return "an attribute without quotes";
	size_t from = s->at;
	while (s->at < s->text.n && s->text.p[s->at] != quote) {
		const char *problem = NULL;
		if (s->text.p[s->at] == '<')
			problem = "a < inside an attribute";
		else if (s->text.p[s->at] == '&')
			problem = take_entity(s);
		else
			s->at++;
		if (problem)
			return problem;
	}
	if (s->ruled && namespace && !str_is(str_slice(s->text, from, s->at), "http://www.w3.org/1999/xhtml"))
		return "another namespace than that of XHTML";
	return s->at++ < s->text.n ? NULL : "an attribute that does not end";
}

/* Attributes up to the end of the tag; *ret_empty tells "/>". */
static const char *take_attributes(struct scan *s, struct str element, bool *ret_empty)
{
	for (s->attribute_count = 0;;) {
		size_t before = s->at;
		skip_space(s);
		if (looking_at(s, S("/>")) || looking_at(s, S(">"))) {
			*ret_empty = s->text.p[s->at] == '/';
			s->at += *ret_empty ? 2 : 1;
			return NULL;
		}
		const char *problem = before == s->at ? "a tag that does not end" : take_attribute(s, element);
		if (problem)
			return problem;
	}
}

static const char *take_tag(struct scan *s)
{
	bool empty = false, closing = looking_at(s, S("</"));
	s->at += closing ? 2 : 1;
	struct str name = take_name(s);
	if (!name.n)
		return "a < that starts no tag";
	if (has_prefix(name))
		return "a name with a prefix that nothing declares";
	if (closing) {
		skip_space(s);
		if (!looking_at(s, S(">")) || s->depth == 0 || !str_eq(s->open[s->depth - 1], name))
			return "a closing tag that closes nothing";
		s->at++;
		s->depth--;
		return NULL;
	}
	if (s->depth == MAX_OPEN)
		return "tags nested too deeply";
	if (s->ruled && !xhtml_element_allowed(name))
		return "an element that narratives do not have";
	s->speaks |= str_is(name, "img");
	const char *problem = take_attributes(s, name, &empty);
	if (!problem && !empty)
		s->open[s->depth++] = name;
	return problem;
}

static const char *take_comment(struct scan *s)
{
	size_t end = str_find(str_slice(s->text, s->at + 4, s->text.n), S("--"));
	if (end == STR_NONE)
		return "a comment that does not end";
	s->at += 4 + end;
	if (!looking_at(s, S("-->")))
		return "two dashes inside a comment";
	s->at += 3;
	return NULL;
}

static const char *take_markup(struct scan *s)
{
	if (s->text.p[s->at] == '&')
		return take_entity(s);
	return looking_at(s, S("<!--")) ? take_comment(s) : take_tag(s);
}

static const char *find_problem(struct scan *s)
{
	const char *problem;
	if (!looking_at(s, S("<div")) || (s->text.n > 4 && is_name(s->text.p[4])))
		return "it must be one <div>";
	do {
		char c = s->text.p[s->at];
		if (c != '<' && c != '&') {
			s->speaks |= !is_space(c);
			if (s->ruled && looking_at(s, S("]]>")))
				return "the end of a CDATA section that has not begun";
			s->at++;
			continue;
		}
		s->speaks |= c == '&';
		problem = take_markup(s);
		if (problem)
			return problem;
	} while (s->depth && s->at < s->text.n);
	if (s->depth)
		return "a tag that is never closed";
	return s->at == s->text.n ? NULL : "something after its <div>";
}

const char *xhtml_problem(struct str text)
{
	struct scan s = {.text = str_trim(text)};
	return find_problem(&s);
}

bool fhir_xhtml_valid(struct str div)
{
	struct scan s = {.text = str_trim(div), .ruled = true};
	return !find_problem(&s) && s.speaks;
}

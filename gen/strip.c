/*
 * Leaves out what only people read of a definition: narratives, contacts, mappings, long descriptions of elements. That
 * is nine tenths of the R4 package. Everything a machine decides by stays, in its order.
 */
#include "archive.h"

static const char *const of_resources[] = {"text",	"contact",    "mapping",      "purpose",
					   "copyright", "useContext", "jurisdiction", "meta",
					   "publisher", "date",	      "experimental", NULL};
static const char *const of_structures[] = {"text",	    "contact",	    "mapping",	   "purpose",	"copyright",
					    "useContext",   "jurisdiction", "meta",	   "publisher", "date",
					    "experimental", "keyword",	    "description", NULL};
static const char *const of_elements[] = {
	"definition", "comment",	  "requirements",	"alias", "mapping", "example",
	"isSummary",  "isModifierReason", "meaningWhenMissing", NULL};
static const char *const of_constraints[] = {"xpath", "requirements", NULL};
static const char *const none[] = {NULL};

/* Extensions that say how far a definition has come, or how a publisher draws it. */
static const char *const dull_extensions[] = {
	"http://hl7.org/fhir/StructureDefinition/structuredefinition-fmm",
	"http://hl7.org/fhir/StructureDefinition/structuredefinition-wg",
	"http://hl7.org/fhir/StructureDefinition/structuredefinition-ballot-status",
	"http://hl7.org/fhir/StructureDefinition/structuredefinition-category",
	"http://hl7.org/fhir/StructureDefinition/structuredefinition-security-category",
	"http://hl7.org/fhir/StructureDefinition/structuredefinition-display-hint",
	"http://hl7.org/fhir/StructureDefinition/structuredefinition-explicit-type-name",
	"http://hl7.org/fhir/StructureDefinition/elementdefinition-bindingName",
	"http://hl7.org/fhir/StructureDefinition/elementdefinition-isCommonBinding",
	NULL};

static bool listed(struct str name, const char *const *names)
{
	for (; *names; names++)
		if (str_is(name, *names))
			return true;
	return false;
}

static void strip(struct json_writer *w, const struct json *j, struct str name, const char *const *drop);

static bool is_dull(const struct json *extension)
{
	return listed(json_get_str(extension, S("url")), dull_extensions);
}

static bool all_dull(const struct json *extensions)
{
	struct json_iter it = json_iter(extensions);
	while (json_next(&it))
		if (!is_dull(it.value))
			return false;
	return true;
}

static void strip_object(struct json_writer *w, const struct json *j, const char *const *drop)
{
	/* With a snapshot the differential tells nothing new. */
	bool snapshot = json_get(j, S("snapshot")) != NULL;
	struct json_iter it = json_iter(j);
	json_object_begin(w);
	while (json_next(&it)) {
		if (listed(it.key, drop) || (snapshot && str_is(it.key, "differential")))
			continue;
		if (str_is(it.key, "extension") && all_dull(it.value))
			continue;
		json_key(w, it.key);
		strip(w, it.value, it.key, none);
	}
	json_object_end(w);
}

static void strip(struct json_writer *w, const struct json *j, struct str name, const char *const *drop)
{
	if (json_is(j, JSON_OBJECT)) {
		strip_object(w, j, drop);
	} else if (json_is(j, JSON_ARRAY)) {
		struct json_iter it = json_iter(j);
		bool extensions = str_is(name, "extension");
		if (str_is(name, "element"))
			drop = of_elements;
		else if (str_is(name, "constraint"))
			drop = of_constraints;
		json_array_begin(w);
		while (json_next(&it))
			if (!extensions || !is_dull(it.value))
				strip(w, it.value, STR_NULL, drop);
		json_array_end(w);
	} else {
		json_put_value(w, j);
	}
}

void strip_resource(struct buf *out, const struct json *resource)
{
	struct json_writer w = json_writer(out);
	bool structure = str_is(json_get_str(resource, S("resourceType")), "StructureDefinition");
	strip(&w, resource, STR_NULL, structure ? of_structures : of_resources);
}

/*
 * The FHIR R4 definitions as data: resource types, data types, their elements, bindings and search parameters, read
 * from the pack that gen/ makes from the official package and the build embeds. Nothing is parsed or copied: the pack
 * is used where it lies. Everything returned lives as long as the definitions. Read-only after opening, any thread.
 */
#ifndef FIRTH_FHIR_DEFINITIONS_H
#define FIRTH_FHIR_DEFINITIONS_H

#include "base/error.h"
#include "base/str.h"

struct definitions;

/* The pack inside the binary. Never fails: the build checked it. */
const struct definitions *definitions_builtin(void);

enum type_kind { TYPE_PRIMITIVE, TYPE_COMPLEX, TYPE_RESOURCE, TYPE_BACKBONE };

/* The primitive types of http://hl7.org/fhir/R4/datatypes.html#primitive, for switches. */
enum fhir_primitive {
	PRIMITIVE_NONE,
	PRIMITIVE_BASE64BINARY,
	PRIMITIVE_BOOLEAN,
	PRIMITIVE_CANONICAL,
	PRIMITIVE_CODE,
	PRIMITIVE_DATE,
	PRIMITIVE_DATETIME,
	PRIMITIVE_DECIMAL,
	PRIMITIVE_ID,
	PRIMITIVE_INSTANT,
	PRIMITIVE_INTEGER,
	PRIMITIVE_MARKDOWN,
	PRIMITIVE_OID,
	PRIMITIVE_POSITIVEINT,
	PRIMITIVE_STRING,
	PRIMITIVE_TIME,
	PRIMITIVE_UNSIGNEDINT,
	PRIMITIVE_URI,
	PRIMITIVE_URL,
	PRIMITIVE_UUID,
	PRIMITIVE_XHTML
};

/* A type. Backbone elements are types of their own, named by their path: "Patient.contact". Elements that repeat the
 * content of another (contentReference) point to that element's type. */
struct fhir_type {
	struct str name;
	enum type_kind kind;
	enum fhir_primitive primitive;
	bool abstract;
	uint16_t id; /* dense, stable within one pack only: store names, not ids */
	const struct fhir_type *base;
	const struct fhir_element *elements; /* own and inherited, in snapshot order, choices not expanded */
	size_t element_count;
	const struct search_param *search_params; /* resource types: those of the type, of DomainResource, Resource */
	size_t search_param_count;
	struct str pattern; /* primitives: the anchored regular expression of the specification, or STR_NULL */
	struct str summary; /* one line on what it is */
	struct str url;
};

struct fhir_element_type {
	const struct fhir_type *type;
	const struct str *target_profiles; /* of a Reference or canonical: canonical URLs */
	size_t target_profile_count;
};

enum binding_strength { BINDING_NONE, BINDING_EXAMPLE, BINDING_PREFERRED, BINDING_EXTENSIBLE, BINDING_REQUIRED };

struct fhir_element {
	struct str name; /* "contact", "value" for value[x] */
	struct str path; /* "Patient.contact" */
	bool choice; /* the JSON name is name + capitalised type: "valueQuantity" */
	bool summary, modifier;
	uint32_t min;
	uint32_t max; /* UINT32_MAX for "*" */
	const struct fhir_element_type *types;
	size_t type_count;
	enum binding_strength strength;
	struct str value_set;
	struct str definition; /* one line */
};

enum search_param_type {
	PARAM_NUMBER,
	PARAM_DATE,
	PARAM_STRING,
	PARAM_TOKEN,
	PARAM_REFERENCE,
	PARAM_COMPOSITE,
	PARAM_QUANTITY,
	PARAM_URI,
	PARAM_SPECIAL
};

struct search_param;

/* One part of a composite parameter. */
struct search_component {
	const struct search_param *param; /* of the same resource type: what the part is searched as */
	bool whole; /* it is not inside of the element that the composite repeats over, but of the whole resource */
};

struct search_param {
	struct str code; /* "birthdate" */
	struct str url; /* canonical URL of the SearchParameter */
	enum search_param_type type;
	struct str expression; /* the FHIRPath of this type only, other types' alternatives cut away */
	const struct str *targets; /* reference parameters: resource type names */
	size_t target_count;
	const struct search_component *components; /* composite parameters; their expression is what they repeat over */
	size_t component_count;
	uint16_t id; /* dense over (type, code) pairs; within one pack only */
	bool added; /* by a SearchParameter resource: it may go away before the definitions do */
};

/* The resources of one type that belong to a compartment: those that refer to its resource by any of the parameters. */
struct compartment_member {
	const struct fhir_type *type;
	const struct str *params; /* codes; each is a reference parameter of the type */
	size_t param_count;
};
/* All that belongs to one resource of a type (http://hl7.org/fhir/R4/compartmentdefinition.html). The resource itself
 * does too, whether it is listed or not. */
struct compartment {
	const struct fhir_type *type;
	const struct compartment_member *members; /* sorted by the name of the type */
	size_t member_count;
};
/* NULL: there is no compartment of that type. */
const struct compartment *definitions_compartment(const struct definitions *d, const struct fhir_type *type);
/* NULL: resources of that type are never in the compartment by reference. */
const struct compartment_member *compartment_member(const struct compartment *c, const struct fhir_type *type);

/* A type by name ("Patient", "HumanName", "string", "Patient.contact"), or NULL. */
const struct fhir_type *definitions_type(const struct definitions *d, struct str name);
/* The same, concrete resource types only. */
const struct fhir_type *definitions_resource(const struct definitions *d, struct str name);
/* The element of a type for a JSON property name, choices resolved ("valueQuantity" gives element value and type
 * Quantity; "_birthDate" is not handled here). *ret_type is the type of the value. NULL when there is none. */
const struct fhir_element *definitions_element(const struct fhir_type *type, struct str property,
					       const struct fhir_type **ret_type);
const struct search_param *definitions_search_param(const struct fhir_type *type, struct str code);
const char *search_param_type_name(enum search_param_type type);

size_t definitions_type_count(const struct definitions *d);
const struct fhir_type *definitions_type_at(const struct definitions *d, size_t index);
/* Concrete resource types in alphabetical order. */
size_t definitions_resource_count(const struct definitions *d);
const struct fhir_type *definitions_resource_at(const struct definitions *d, size_t index);
/* Is code one of the codes of a value set that is a complete list in the definitions? 1 yes, 0 no, -1 not known
 * (too large, or codes from outside). For required bindings of codes. */
int definitions_code_in(const struct definitions *d, struct str value_set, struct str code);

#endif

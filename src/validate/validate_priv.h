/*
 * Shared by the files of this room: one validation in progress, the place in the document where it is, and how rules
 * report. The walk (walk.c) visits every element once. Rules that belong to a type (a resource type such as Bundle, a
 * data type such as Attachment) are functions listed in rules.def; the walk calls them for each element of that type
 * after the element's own structure and content were checked.
 */
#ifndef FIRTH_VALIDATE_VALIDATE_PRIV_H
#define FIRTH_VALIDATE_VALIDATE_PRIV_H

#include "base/map.h"
#include "profile/profile.h"
#include "validate/validate.h"
#include "xml/xml.h"

struct node;
struct overlays;

/* A resource that the walk is in: the root, a contained one, one in an entry or a parameter. */
struct holder {
	const struct holder *outer; /* the resource around it, NULL for the root */
	const struct node *node;
	const struct json *json;
	const struct fhir_type *type; /* NULL for a logical model */
	struct str full_url; /* of its Bundle entry, or STR_NULL */
	bool contained; /* in DomainResource.contained */
};

/* A place in the document. Nodes live on the stack of the walk; parents outlive their children. */
struct node {
	const struct node *parent; /* NULL for the root */
	const struct holder *holder; /* the resource it belongs to; a resource's own node belongs to itself */
	struct str name; /* "given"; the type's name for the root; "value" for valueQuantity */
	struct str choice; /* "Quantity" for valueQuantity, else STR_NULL */
	int64_t index; /* in a list, -1 for single elements */
	const struct json *value; /* NULL when there is only the sibling */
	const struct json *extra; /* the "_name" sibling of a primitive: id and extensions */
	const struct fhir_type *type; /* NULL when unknown */
	const struct fhir_element *element; /* NULL for resources and unknown elements */
	const struct profile_element *definition; /* in its core type or logical model, NULL outside of the walk */
	const struct profile_element *shape; /* whose children its members are, NULL outside of the walk */
	const struct overlays *overlays; /* what profiles say on it, NULL outside of the walk */
};

struct reference_index;

struct validation {
	struct validator *validator;
	const struct definitions *definitions;
	const struct canonicals *canonicals;
	struct terminology *terminology;
	struct profiles *profiles;
	struct arena *arena;
	const struct validation_options *options;
	struct issues *findings;
	uint64_t *said; /* hashes of findings, see report.c */
	size_t said_count, said_capacity;
	const struct json *root;
	struct reference_index *references; /* see resolve.c */
	struct map conformances; /* verdicts on targets, see conform.c */
	struct map element_ids; /* "resource id" of elements, see primitive.c */
	struct entry_urls *entry_urls; /* fullUrl by resource, see conform.c */
	unsigned trials; /* over 0: only asking whether something would conform; findings go nowhere */
	size_t trial_errors; /* errors that were found so */
	unsigned additions; /* over 0: only what profiles add is checked, the core type was or will be */
	unsigned depth;
	uint64_t regex_steps; /* taken so far, see values.c */
	struct arena scratch; /* for one evaluation */
	struct path_services services; /* for FHIRPath */
	const struct node *evaluating; /* where the expression that is being evaluated stands */
	unsigned nested_evaluations; /* over 0: an evaluation further up still uses scratch */
	struct error *err; /* set when the validation itself failed */
};

/* ---- reporting (report.c) --------------------------------------------------------------------------------------- */

/* One finding at a node. code is an ERR_ that gives the FHIR issue type; rule is the key of the invariant or of our
 * rule ("dom-3", "max", "display"); the text is one sentence with the value that is wrong. */
void validation_find(struct validation *v, const struct node *at, enum issue_severity severity, enum error_code code,
		     struct str rule, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The FHIRPath location: "Observation.component[1].value.ofType(Quantity).unit". */
struct str node_location(struct arena *a, const struct node *n);
/* A child of a node, for reporting at places the walk is not at: index -1 for single elements; value may be NULL. Its
 * type is left out. A child that is a resource keeps the holder of its parent. */
struct node node_child(const struct node *parent, struct str name, int64_t index, const struct json *value);

#define find_error(v, at, code, rule, ...)   validation_find(v, at, ISSUE_ERROR, code, S(rule), __VA_ARGS__)
#define find_warning(v, at, code, rule, ...) validation_find(v, at, ISSUE_WARNING, code, S(rule), __VA_ARGS__)
#define find_hint(v, at, code, rule, ...)    validation_find(v, at, ISSUE_INFORMATION, code, S(rule), __VA_ARGS__)

/* ---- references (resolve.c) ------------------------------------------------------------------------------------- */

enum target_place { TARGET_NONE, TARGET_CONTAINED, TARGET_BUNDLED, TARGET_OUTSIDE };

struct target {
	enum target_place place;
	const struct json *resource; /* NULL: not at hand */
	size_t entry; /* TARGET_BUNDLED: position in Bundle.entry */
	const struct json *bundle; /* TARGET_BUNDLED: the innermost Bundle around */
	size_t matches; /* entries that match; more than one is ambiguous */
};

/* Looks a literal reference up as it stands at a node: "#id" in the enclosing resource, then entries of the Bundles
 * around by the rules of http://hl7.org/fhir/R4/bundle.html#references, then options->resolve. */
struct target validation_resolve(struct validation *v, const struct holder *from, struct str reference);
/* The same among the entries of one Bundle, as seen from the entry of a fullUrl (STR_NULL: it has none). */
struct target validation_resolve_in(struct validation *v, const struct json *bundle, struct str full_url,
				    struct str reference);

/* ---- rules of types (rules.def) --------------------------------------------------------------------------------- */

/* Called once per element of the type, at the end of its walk; not in trials and not when structure_only. */
typedef void (*type_rule)(struct validation *v, const struct node *at);
/* The rules of a type one after the other; NULL at the end. *at starts at 0. */
type_rule type_rule_next(struct str type, size_t *at);

#define RULE(type, function) void function(struct validation *v, const struct node *at);
#include "validate/rules.def"
#undef RULE

/* Parts of rule_bundle (bundle_links.c); the first entry is of the right type. */
void bundle_check_document(struct validation *v, const struct node *at);
void bundle_check_message(struct validation *v, const struct node *at);

/* Part of rule_structure_definition (extension_definition.c): the URL and the places of an extension. */
void extension_definition_check(struct validation *v, const struct node *at);

/* Part of rule_narrative (narrative_structure.c): do its elements stand where XHTML has them. */
void narrative_check_structure(struct validation *v, const struct node *div, const struct xml_node *root);

/* Has the text the form of an expression constraint over SNOMED CT (ecl.c)? *ret_at: where reading ended. */
bool ecl_is_formed(struct str text, size_t *ret_at);

/* Validates a request or response of CDS Hooks when its model was asked for and is not at hand; false: it was not. */
bool cds_hooks_check(struct validation *v, const struct json *document);

/* ---- the walk --------------------------------------------------------------------------------------------------- */

/* Is the coding in the value set; remembered per validator. */
struct code_verdict validation_code(struct validation *v, struct str value_set, const struct canonical *from,
				    const struct coding *coding, bool bare);
/* Context to evaluate a FHIRPath program at a node, and the node as its focus. */
struct path_item node_item(const struct node *n);
void validation_path_services(struct validation *v);
void definition_services(struct path_services *services);
/* What every validation begins and ends with. */
void validation_open(struct validation *v, struct validator *r, struct arena *a, const struct json *root,
		     const struct validation_options *options, struct issues *findings, struct error *err);
void validation_close(struct validation *v);
void validation_path_context(struct validation *v, const struct node *n, struct path_context *ret_context);

#endif

/*
 * The definitions while they are put together: everything of the package that the pack keeps, with pointers and in
 * growing arrays. All memory comes from one arena and lives as long as the generator.
 */
#ifndef FIRTH_GEN_MODEL_H
#define FIRTH_GEN_MODEL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "json/json.h"

enum model_kind { MODEL_PRIMITIVE, MODEL_COMPLEX, MODEL_RESOURCE, MODEL_BACKBONE };

struct model_element_type {
	struct str code; /* name of the type */
	struct str *targets;
	size_t target_count;
};

struct model_element {
	struct str name, path, value_set, definition;
	bool choice, summary, modifier;
	uint32_t min, max;
	struct model_element_type *types;
	size_t type_count;
	unsigned strength;
};

struct model_component {
	struct str url; /* of the parameter that it is searched as */
	bool whole; /* of the whole resource, not of the element that the composite repeats over */
};

struct model_param {
	struct str code, url, expression;
	unsigned type;
	struct str *targets;
	size_t target_count;
	struct model_component *components;
	size_t component_count;
};

struct model_type {
	struct str name, base, pattern, summary, url;
	enum model_kind kind;
	bool abstract;
	struct model_element *elements;
	size_t element_count, element_capacity;
	struct model_param *params;
	size_t param_count, param_capacity;
};

/* How the resources of a type belong to a compartment: by which parameters. */
struct model_member {
	struct str type;
	struct str *params;
	size_t param_count;
};
struct model_compartment {
	struct str type;
	struct model_member *members; /* sorted by type */
	size_t member_count;
};

struct model_value_set {
	struct str url;
	struct str *codes;
	size_t code_count, code_capacity;
};

struct model {
	struct arena arena;
	struct model_type *types;
	size_t type_count, type_capacity;
	struct map type_index; /* name to position in types */
	struct map value_sets; /* url to const struct json * */
	struct map code_systems;
	struct map wanted; /* value sets with a required binding */
	struct model_value_set *sets;
	size_t set_count, set_capacity;
	const struct json **search_params;
	size_t search_param_count, search_param_capacity;
	struct model_compartment *compartments; /* sorted by type */
	size_t compartment_count, compartment_capacity;
};

/* Takes in one parsed file of the package; files of no interest are skipped. */
bool model_add(struct model *m, const struct json *resource, struct error *err) MUST_USE;
/* After the last file: resolves content references, gives search parameters to types, expands value sets, sorts. */
bool model_finish(struct model *m, struct error *err) MUST_USE;

struct model_type *model_type(const struct model *m, struct str name);

/* search_params.c */
bool model_add_search_params(struct model *m, struct error *err) MUST_USE;
/* compartments.c: takes in a CompartmentDefinition; later sorts them and checks what they name. */
bool model_add_compartment(struct model *m, const struct json *resource, struct error *err) MUST_USE;
bool model_finish_compartments(struct model *m, struct error *err) MUST_USE;
/* value_sets.c: only lists that are known completely become sets. */
bool model_add_value_sets(struct model *m, struct error *err) MUST_USE;

/* render.c: writes the pack. */
bool render_pack(const struct model *m, struct buf *out, struct error *err) MUST_USE;

#endif

/*
 * Shared by the rules of StructureDefinitions: structure_definition.c has the type and the paths, structure_elements.c
 * what single elements say.
 */
#ifndef FIRTH_VALIDATE_STRUCTURE_PRIV_H
#define FIRTH_VALIDATE_STRUCTURE_PRIV_H

#include "validate/validate_priv.h"

struct structure {
	struct validation *v;
	const struct node *at;
	struct str type, root; /* root: what paths begin with, the last part of a type that is a URL */
	const struct fhir_type *fhir; /* NULL: no type of R4 */
	const struct json *base; /* the definition that a profile is on, NULL when it is not at hand */
	bool constraint;
};

static inline bool structure_is_url(struct str s)
{
	return str_find_char(s, ':', 0) != STR_NONE;
}

enum path_end { PATH_FOUND, PATH_MISSING, PATH_UNKNOWN };

/* Follows a path as far as the definitions tell types; below a choice or a resource nobody knows. *ret_element is the
 * last one that was found. */
enum path_end structure_follow(const struct structure *s, struct str path, const struct fhir_element **ret_element);

/* Bindings, values, expressions of an element. known is what R4 says of it, NULL when that does not count. */
void structure_check_facts(const struct structure *s, const struct node *element, const struct fhir_element *profiled,
			   const struct fhir_element *known);

/* What would end the making of a snapshot: types that the element does not have. */
void structure_check_restrictions(const struct structure *s);

#endif

/*
 * OperationDefinition (http://hl7.org/fhir/R4/operationdefinition.html): what its invariants leave out. Parameters have
 * sensible cardinalities and names of their own, and the profiles of input and output are for Parameters.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 100, MAX_LEVELS = 32 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

static void check_cardinality(struct validation *v, const struct node *parameter)
{
	struct str max = json_get_str(parameter->value, S("max"));
	struct node at = node_child(parameter, S("max"), -1, NULL);
	uint64_t least = 0, most = 0;
	if (!max.n || str_is(max, "*"))
		return;
	if (!str_to_u64(max, &most))
		find_error(v, &at, ERR_VALUE, "operation-max", "max is a number or *, not \"%.*s\"", SHOW(max));
	else if (str_to_u64(json_number(json_get(parameter->value, S("min"))), &least) && least > most)
		find_error(v, &at, ERR_VALUE, "operation-max", "At least %llu and at most %llu cannot be",
			   (unsigned long long)least, (unsigned long long)most);
}

static void check_name(struct validation *v, const struct node *parameter, const struct json *list, int64_t index)
{
	struct str name = json_get_str(parameter->value, S("name")), use = json_get_str(parameter->value, S("use"));
	struct json_iter it = json_iter(list);
	for (int64_t i = 0; i < index && json_next(&it); i++)
		if (name.n && str_eq(name, json_get_str(it.value, S("name"))) &&
		    str_eq(use, json_get_str(it.value, S("use")))) {
			find_error(v, parameter, ERR_MULTIPLE, "operation-name",
				   "There is another parameter \"%.*s\" for the same use", SHOW(name));
			return;
		}
}

static void check_parameters(struct validation *v, const struct node *at, struct str name, unsigned level)
{
	const struct json *list = json_get(at->value, name);
	struct json_iter it = json_iter(list);
	for (int64_t i = 0; level < MAX_LEVELS && json_next(&it); i++) {
		struct node parameter = node_child(at, name, i, it.value);
		check_cardinality(v, &parameter);
		check_name(v, &parameter, list, i);
		check_parameters(v, &parameter, S("part"), level + 1);
	}
}

static void check_profile(struct validation *v, const struct node *operation, struct str name)
{
	struct str url = json_get_str(operation->value, name);
	struct node at = node_child(operation, name, -1, NULL);
	const struct profile *p = url.n ? profiles_find(v->profiles, url, NULL, NULL) : NULL;
	if (p && !str_is(p->type, "Parameters"))
		find_error(v, &at, ERR_VALUE, "operation-profile", "%.*s is a profile of %.*s, not of Parameters",
			   SHOW(url), STR_ARG(p->type));
}

void rule_operation_definition(struct validation *v, const struct node *at)
{
	check_parameters(v, at, S("parameter"), 0);
	check_profile(v, at, S("inputProfile"));
	check_profile(v, at, S("outputProfile"));
}

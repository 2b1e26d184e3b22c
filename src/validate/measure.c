/*
 * Measure (http://hl7.org/fhir/R4/measure.html): parts that stand beside others have a code, or a report could not say
 * which it means; criteria in CQL name expressions of a library, so there must be one.
 */
#include "validate/validate_priv.h"

static size_t count_of(const struct node *at, struct str name)
{
	return json_size(json_get(at->value, name));
}

static void check_criteria(struct validation *v, const struct node *part, bool has_library)
{
	const struct json *criteria = json_get(part->value, S("criteria"));
	struct str language = json_get_str(criteria, S("language"));
	struct node at = node_child(part, S("criteria"), -1, criteria);
	if (!has_library && str_starts(language, S("text/cql")))
		find_error(v, &at, ERR_REQUIRED, "measure-library",
			   "The criteria are in CQL, which needs a library, and the Measure names none");
}

/* Each of several parts of a kind; the parts of a stratifier are its components. */
static void check_parts(struct validation *v, const struct node *at, struct str name, bool has_library)
{
	struct json_iter it = json_iter(json_get(at->value, name));
	bool several = it.left > 1;
	for (int64_t i = 0; json_next(&it); i++) {
		struct node part = node_child(at, name, i, it.value);
		if (several && !json_get(it.value, S("code")))
			find_warning(v, &part, ERR_REQUIRED, "measure-code",
				     "One of several parts named %.*s should have a code", STR_ARG(name));
		if (!str_is(name, "population"))
			check_criteria(v, &part, has_library);
		if (str_is(name, "stratifier"))
			check_parts(v, &part, S("component"), has_library);
	}
}

void rule_measure(struct validation *v, const struct node *at)
{
	bool has_library = count_of(at, S("library")) > 0;
	struct json_iter it = json_iter(json_get(at->value, S("group")));
	bool several = it.left > 1;
	if (!it.left)
		find_warning(v, at, ERR_REQUIRED, "measure-group", "A Measure without groups measures nothing");
	for (int64_t i = 0; json_next(&it); i++) {
		struct node group = node_child(at, S("group"), i, it.value);
		if (several && !json_get(it.value, S("code")))
			find_warning(v, &group, ERR_REQUIRED, "measure-code",
				     "One of several groups should have a code");
		if (!count_of(&group, S("population")))
			find_warning(v, &group, ERR_REQUIRED, "measure-population", "A group should have populations");
		check_parts(v, &group, S("population"), has_library);
		check_parts(v, &group, S("stratifier"), has_library);
	}
	check_parts(v, at, S("supplementalData"), has_library);
}

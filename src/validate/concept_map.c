/*
 * ConceptMaps as resources (http://hl7.org/fhir/R4/conceptmap.html): the codes of a group are codes of its source and
 * target, as far as these are at hand and complete, and "unmatched" goes with targets that have no code.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 100 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

struct side {
	struct str system, version, scope; /* scope: the value set that the map as a whole goes from or to */
};

static void check_code(struct validation *v, const struct node *at, const struct side *side)
{
	struct coding coding = {
		.system = side->system, .version = side->version, .code = json_get_str(at->value, S("code"))};
	struct node place = node_child(at, S("code"), -1, json_get(at->value, S("code")));
	if (!coding.code.n || !side->system.n)
		return;
	struct code_verdict verdict = validation_code(v, STR_NULL, NULL, &coding, false);
	if (verdict.reason == CODE_INVALID)
		find_error(v, &place, ERR_CODE, "cm-code", "There is no code \"%.*s\" in the code system %.*s",
			   SHOW(coding.code), SHOW(coding.system));
	else if (side->scope.n && validation_code(v, side->scope, NULL, &coding, false).answer == CODE_NOT_IN)
		validation_find(v, &place, verdict.answer == CODE_IN ? ISSUE_ERROR : ISSUE_WARNING, ERR_CODE,
				S("cm-code"), "The code \"%.*s\" of %.*s is not in the value set %.*s",
				SHOW(coding.code), SHOW(coding.system), SHOW(side->scope));
}

static void check_target(struct validation *v, const struct node *at, const struct side *side)
{
	struct str code = json_get_str(at->value, S("code")), equivalence = json_get_str(at->value, S("equivalence"));
	bool unmatched = str_is(equivalence, "unmatched");
	check_code(v, at, side);
	if (unmatched && code.n)
		find_warning(v, at, ERR_VALUE, "cm-equivalence",
			     "The target is said to be unmatched, but has the code \"%.*s\"", SHOW(code));
	else if (!unmatched && equivalence.n && !json_get(at->value, S("code")) && !json_get(at->value, S("_code")))
		find_warning(v, at, ERR_VALUE, "cm-equivalence",
			     "A target without a code is unmatched, and cannot be \"%.*s\"", SHOW(equivalence));
}

static void check_element(struct validation *v, const struct node *at, const struct side *source,
			  const struct side *target)
{
	int64_t i = 0;
	check_code(v, at, source);
	for (struct json_iter it = json_iter(json_get(at->value, S("target"))); json_next(&it); i++) {
		struct node place = node_child(at, S("target"), i, it.value);
		check_target(v, &place, target);
	}
}

static struct str scope_of(const struct node *at, struct str uri, struct str canonical)
{
	struct str named = json_get_str(at->value, uri);
	return named.n ? named : json_get_str(at->value, canonical);
}

void rule_concept_map(struct validation *v, const struct node *at)
{
	struct str from = scope_of(at, S("sourceUri"), S("sourceCanonical"));
	struct str to = scope_of(at, S("targetUri"), S("targetCanonical"));
	int64_t g = 0;
	for (struct json_iter it = json_iter(json_get(at->value, S("group"))); json_next(&it); g++) {
		struct node group = node_child(at, S("group"), g, it.value);
		struct side source = {json_get_str(it.value, S("source")), json_get_str(it.value, S("sourceVersion")),
				      from};
		struct side target = {json_get_str(it.value, S("target")), json_get_str(it.value, S("targetVersion")),
				      to};
		int64_t i = 0;
		for (struct json_iter e = json_iter(json_get(it.value, S("element"))); json_next(&e); i++) {
			struct node element = node_child(&group, S("element"), i, e.value);
			check_element(v, &element, &source, &target);
		}
	}
}

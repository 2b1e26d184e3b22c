/* The section `validation:` of firth.yaml, and the option --validation: what resources must conform to. */
#include "app/config.h"

bool config_rule(struct config *c, struct arena *a, struct str type, struct str text, struct error *err)
{
	struct admission_rule rule;
	size_t at = 0;
	if (!str_is(type, "*") && !definitions_resource(definitions_builtin(), type))
		return error_set(err, ERR_CONFIG, "%.*s is no resource type of FHIR R4, and not *",
				 STR_ARG(str_slice(type, 0, 60)));
	if (!admission_parse(a, type, text, &rule, err))
		return false;
	while (at < c->rule_count && !str_eq(c->rules[at].type, type))
		at++;
	struct admission_rule *grown =
		arena_grow(a, c->rules, c->rule_count, &c->rule_capacity, c->rule_count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	c->rules = grown;
	grown[at] = rule;
	c->rule_count += at == c->rule_count;
	return true;
}

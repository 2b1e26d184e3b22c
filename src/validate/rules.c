/* The rules that belong to types, by type: rules.def as a table. */
#include "validate/validate_priv.h"

static const struct {
	struct str type;
	type_rule check;
} rows[] = {
#define RULE(type, function) {{type, sizeof(type) - 1}, function},
#include "validate/rules.def"
#undef RULE
	{{NULL, 0}, NULL}};

type_rule type_rule_next(struct str type, size_t *at)
{
	while (rows[*at].check) {
		size_t i = (*at)++;
		if (str_eq(rows[i].type, type))
			return rows[i].check;
	}
	return NULL;
}

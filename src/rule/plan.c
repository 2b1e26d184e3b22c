/* PlanDefinitions as services. */
#include "rule/rule_priv.h"

bool plan_compile(struct compiler *c, const struct json *plan)
{
	(void)plan;
	return compile_fail(c, ERR_NOT_SUPPORTED, "PlanDefinitions are not read yet");
}

/* The policy of alerts that a configuration has: `cds:` with its levels, and the lines of `cds_policy:`. */
#ifndef FIRTH_APP_CDS_POLICY_H
#define FIRTH_APP_CDS_POLICY_H

#include "app/config.h"
#include "clinical/policy.h"

/* Its lines live in the arena, with room for `more` others behind them. ERR_CONFIG: a class that there is not. */
bool cds_policy_make(struct arena *a, const struct config *c, const struct knowledge *k, size_t more,
		     struct policy *ret_policy, struct error *err) MUST_USE;

#endif

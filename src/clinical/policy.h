/*
 * A site's will about alerts: which rules are off, raised or lowered, for whom, and from which level on anybody is
 * told. The defaults are the decisions of this knowledge base: unverified interactions are off, unverified rules across
 * classes are information, rules on the list of what should not interrupt are silent.
 */
#ifndef FIRTH_CLINICAL_POLICY_H
#define FIRTH_CLINICAL_POLICY_H

#include "clinical/finding.h"

enum policy_action {
	POLICY_OFF,
	POLICY_INFO,
	POLICY_WARNING,
	POLICY_CRITICAL,
	POLICY_RAISE,
	POLICY_LOWER,
	POLICY_KEEP
};

/* One line of it. The last one that fits a finding wins; an empty part fits all. */
struct policy_line {
	struct str rule; /* "DD022", "DUP-CLASS" */
	struct str drug_class; /* the draft's ingredient is in it, or it is the documented class */
	struct str kind; /* "allergy", "interaction", "duplicate" */
	struct str role; /* of the user, as the caller names it */
	enum policy_action action;
};
struct policy {
	enum level threshold; /* findings below it are dropped; LEVEL_INFO shows all */
	enum level unverified_interactions; /* at most this; LEVEL_NONE: off */
	enum level unverified_cross; /* at most this */
	enum level noninterruptive; /* at most this; LEVEL_NONE: silent */
	bool resolved_allergies; /* say inactive and resolved ones as information */
	const struct policy_line *lines;
	size_t line_count;
};
struct policy policy_default(void);
/* "off", "info", "warning", "critical", "raise", "lower", "keep". */
bool policy_action_named(struct str name, enum policy_action *ret);
/* The most that an interaction which is off by default may say: otherwise, unless a line names its rule. */
enum level policy_limit(const struct policy *p, struct str rule, struct str role, enum level otherwise);

/* Applies the lines and the threshold to findings, drops what is off, keeps one finding per problem (the highest), and
 * puts the most severe first. */
void policy_apply(const struct policy *p, const struct knowledge *k, struct str role, struct findings *f);

#endif

/*
 * Are two Patient resources one person? Comparing field by field and adding up what each says; see match_fields.def.
 * Pure: no store, no server.
 */
#ifndef FIRTH_SERVER_REST_OPERATIONS_MATCH_H
#define FIRTH_SERVER_REST_OPERATIONS_MATCH_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

enum match_field {
#define MATCH_FIELD(name, m, u, partial) MATCH_##name,
#include "server/rest/operations/match_fields.def"
#undef MATCH_FIELD
	MATCH_FIELDS
};
const char *match_field_name(enum match_field field);

struct match_weight {
	double m, u, partial;
};
struct match_weights {
	struct match_weight fields[MATCH_FIELDS];
};
extern const struct match_weights match_default_weights;
/* "family=0.95/0.002/0.6 given=0.9/0.01": m, u and, when it is given, partial, over what is there. ERR_CONFIG. */
bool match_weights_parse(struct str text, struct match_weights *weights, struct error *err) MUST_USE;

enum match_outcome { MATCH_MISSING, MATCH_DIFFERS, MATCH_NEAR, MATCH_AGREES };
enum match_grade { MATCH_CERTAINLY_NOT, MATCH_POSSIBLE, MATCH_PROBABLE, MATCH_CERTAIN };
const char *match_grade_code(enum match_grade grade); /* http://terminology.hl7.org/CodeSystem/match-grade */

struct match_result {
	enum match_outcome outcomes[MATCH_FIELDS];
	double weights[MATCH_FIELDS]; /* what each field added, in bits */
	double weight; /* their sum */
	double probability; /* of being one person, with prior odds of 1 in population */
	enum match_grade grade;
	const char *rule; /* the deterministic rule that made it certain, or that held it back; NULL: the sum alone */
};
/* a: what is looked for, b: a candidate. False without memory. */
bool match_compare(struct arena *a, const struct match_weights *weights, int64_t population, const struct json *wanted,
		   const struct json *candidate, struct match_result *ret_result) MUST_USE;
/* "agree", "near", "differ", "missing" */
const char *match_outcome_name(enum match_outcome outcome);

#endif

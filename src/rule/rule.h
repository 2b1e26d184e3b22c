/*
 * A site's own CDS services, without C: a service is a JSON object (or YAML that the caller made JSON of) with prefetch
 * templates, named FHIRPath expressions and rules that make cards, or a FHIR PlanDefinition of the simple
 * condition-action kind. Everything is compiled and checked against the types of FHIR once; running a service over a
 * request only evaluates. docs/cds-rules.md describes the form.
 *
 * A service is an immutable tree in the arena of its library, used by any thread. Pure: files and terminology are asked
 * from the caller while compiling, the time comes in as an argument, and the steps of one request are bounded.
 */
#ifndef FIRTH_RULE_RULE_H
#define FIRTH_RULE_RULE_H

#include "fhir/definitions.h"
#include "fhirpath/fhirpath.h"
#include "hooks/card.h"
#include "hooks/request.h"

#define RULE_RULES_MAX	  200 /* of a service; defines, value sets and tables, too */
#define RULE_PREFETCH_MAX 50
#define RULE_TEXT_MAX	  20000 /* bytes of a text that a template may become */
#define RULE_VALUE_MAX	  1000 /* characters of one value within a text */
#define RULE_STEPS_MAX	  10000000 /* FHIRPath steps of one request: some tenths of a second */
#define RULE_CODES_MAX	  200000 /* of a value set */

/* ---- what comes from outside ----------------------------------------------------------------------------------- */

struct rule_values; /* the codes of a value set */

struct rule_library {
	struct arena *arena; /* everything compiled lives here */
	const struct definitions *definitions;
	void *ctx;
	/* A file that a service names, relative to the service's own (`from`), as JSON in the arena. NULL: files cannot
	 * be read. */
	const struct json *(*file)(void *ctx, struct str from, struct str name, struct error *err);
	/* A canonical resource (ActivityDefinition, PlanDefinition, Library, ValueSet) by its url; NULL without an
	 * error when there is none. May be NULL. */
	const struct json *(*canonical)(void *ctx, struct str type, struct str url, struct error *err);
	/* Is a code in a value set that no file lists? Asked while running, from any thread; 1, 0, or -1 not known. May
	 * be NULL. */
	bool (*member_of)(void *ctx, struct arena *a, struct str value_set, struct str system, struct str code,
			  int *ret_answer, struct error *err);
	/* Value sets that were read, by file and url: services share them. Private. */
	const struct rule_values *values;
};

/* ---- compiling ----------------------------------------------------------------------------------------------------
 */

struct rule_prefetch {
	struct str key, query;
	const struct fhir_type *type; /* of the resources that the query asks for; NULL: of several types */
	bool optional; /* the service does without where it cannot be had */
};
struct rule_service {
	struct str id, hook, title, description, usage;
	const struct rule_prefetch *prefetch;
	size_t prefetch_count;
	size_t rule_count;
	const struct rule_program *program; /* private */
};

/* How many services it is: one for each hook that it names. */
size_t rule_hooks(const struct json *service);
/* Compiles a service, for the hook of that place among those that it names. file: where it stands, for the files that
 * it names. NULL with an error whose path is the member that is wrong ("rules[2].when") and whose text tells the
 * position in an expression. ERR_NOT_SUPPORTED for what a PlanDefinition asks for and this does not do. */
const struct rule_service *rule_compile(struct rule_library *library, struct str file, const struct json *service,
					size_t hook, struct error *err) MUST_USE;
/* A PlanDefinition by itself, for the operation $apply: it needs no trigger, and the service has no hook. */
const struct rule_service *rule_compile_plan(struct rule_library *library, const struct json *plan,
					     struct error *err) MUST_USE;
/* What the service would do, for people: its prefetch, expressions and rules as they were understood. */
void rule_explain(struct buf *out, const struct rule_service *service);

/* ---- running --------------------------------------------------------------------------------------------------------
 */

/* A rule that could not be told for this request, such as when data has a form that its expression cannot take. Texts
 * hold no data of the patient. */
struct rule_failure {
	struct str rule; /* its id */
	struct error error;
};
struct rule_result {
	struct hook_answer answer;
	struct rule_failure *failures;
	size_t failure_count;
	uint64_t steps; /* that were taken */
};

struct rule_input {
	const struct json *context; /* of the hook */
	const struct hook_prefetch *prefetch;
	int64_t now_ms;
	int zone; /* minutes east of UTC: what day today is */
};

/* Runs all rules. Cards of rules that could be told are there also when others failed; whether that is an answer is for
 * the caller to say. False with ERR_MEMORY and, when the steps were used up, ERR_LIMIT. Cards have no uuid. Everything
 * lies in the arena or belongs to the service and the input. */
bool rule_run(const struct rule_service *service, struct arena *a, const struct rule_input *input,
	      struct rule_result *ret_result, struct error *err) MUST_USE;

/* The CarePlan that $apply gives (R4 plandefinition-operation-apply.html): a RequestGroup with an action for each card
 * and what it suggests, and the resources, all contained. plan: the PlanDefinition; subject: "Patient/12". ERR_MEMORY.
 */
bool rule_care_plan(struct arena *a, const struct hook_answer *answer, const struct json *plan, struct str subject,
		    struct buf *out, struct error *err) MUST_USE;

#endif

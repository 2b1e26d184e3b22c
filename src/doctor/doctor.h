/*
 * What is wrong between Firth and an EHR, step by step: name, TLS, the FHIR base, discovery, keys, clocks, the client's
 * identity, redirect, PKCE, a token, scopes, and a first read of each resource type. For each step what happened, and
 * for each cause the next thing to do, in the words of that vendor's screens (doctor.def). Nothing secret is in a
 * report. One thread.
 */
#ifndef FIRTH_DOCTOR_DOCTOR_H
#define FIRTH_DOCTOR_DOCTOR_H

#include "ehr/login.h"

enum doctor_step {
#define STEP(id, name, title) DOCTOR_##id,
#include "doctor/doctor.def"
#undef STEP
	DOCTOR_STEPS
};
enum doctor_cause {
	DOCTOR_NO_CAUSE,
#define CAUSE(id, name, what, epic, cerner, generic) DOCTOR_CAUSE_##id,
#include "doctor/doctor.def"
#undef CAUSE
	DOCTOR_CAUSES
};
const char *doctor_step_name(enum doctor_step step); /* "tls" */
const char *doctor_step_title(enum doctor_step step);
const char *doctor_cause_name(enum doctor_cause cause); /* "clock-skew" */
const char *doctor_cause_text(enum doctor_cause cause); /* what it is */
const char *doctor_next(enum doctor_cause cause, enum ehr_vendor vendor); /* what to do */

enum doctor_result { DOCTOR_GOOD, DOCTOR_WARNING, DOCTOR_BAD, DOCTOR_SKIPPED };
const char *doctor_result_name(enum doctor_result result);

enum { DOCTOR_FINDING_CAUSES = 6 };
struct doctor_finding {
	enum doctor_step step;
	enum doctor_result result;
	struct str subject; /* of reads: the resource type; STR_NULL */
	struct str happened; /* one sentence */
	struct str correlation; /* the EHR's id of the request that failed, for its people; STR_NULL */
	enum doctor_cause causes[DOCTOR_FINDING_CAUSES]; /* the likely ones, likeliest first */
	size_t cause_count;
	int64_t took_ms;
};
struct doctor_report {
	struct doctor_finding *findings;
	size_t count, capacity;
	size_t bad, warnings;
};

struct doctor_options {
	const struct ehr_config *ehr;
	const struct definitions *definitions;
	struct ehr_logins *logins; /* NULL: nobody's */
	struct ehr_budgets *budgets; /* NULL: none */
	struct store *audit; /* NULL: record, or none */
	bool (*record)(void *ctx, const struct audit_event *event,
		       struct error *err); /* as of struct ehr_client_options */
	void *record_ctx;
	const struct ehr_transport *transport; /* NULL: HTTP over sockets */
	struct str patient; /* whom to read; STR_NULL: the login's patient, or nobody */
	unsigned timeout_ms; /* of each call; 0: 15 s */
	void (*tell)(void *ctx, const struct doctor_finding *finding); /* each as it comes; may be NULL */
	void *ctx;
};
/* False only without memory: whatever is wrong is in the report. Text lies in the arena. */
bool doctor_run(const struct doctor_options *options, struct arena *a, struct doctor_report *ret_report,
		struct error *err) MUST_USE;

#endif

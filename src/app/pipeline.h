/*
 * The population pipeline as the program runs it: EHR clients from the configuration, one run, and its result for
 * people and machines. Shared by `firth pipeline run` and `firth demo`. One thread.
 */
#ifndef FIRTH_APP_PIPELINE_H
#define FIRTH_APP_PIPELINE_H

#include "app/config.h"
#include "population/population.h"

struct pipeline {
	struct app *app;
	const struct definitions *definitions;
	struct store *store; /* borrowed */
	const struct charlson *charlson;
	struct normaliser *normaliser;
	struct ehr_client **ehrs;
	size_t ehr_count;
	bool write; /* write scores back */
	struct ehr_logins *logins; /* of people, for EHRs without a key; NULL: none */
	struct ehr_budgets *budgets; /* what may be asked of each EHR; NULL: each client's own */
	const struct ehr_transport *transport; /* how calls travel; NULL: over sockets */
	struct progress progress;
	const char *step; /* of the progress shown */
	struct str ehr;
};

/* Opens a client for each configured EHR, or for those that names lists (ERR_USAGE for unknown ones). */
bool pipeline_open(struct pipeline *p, struct app *app, const struct config *config, const struct option_list *names,
		   struct error *err) MUST_USE;
void pipeline_close(struct pipeline *p);
bool pipeline_run(struct pipeline *p, struct arena *a, struct population_result *ret_result,
		  struct error *err) MUST_USE;

/* Sums over all EHRs. */
struct pipeline_totals {
	size_t patients, resources, scored, unverified, created, updated, unchanged, refused, failed, read_back,
		conflicts;
	size_t changed, rejected;
	size_t ehr_problems;
};
struct pipeline_totals pipeline_totals(const struct population_result *result);
/* Nothing went wrong. Refused writes are no failure: most vendors refuse them, and the run says so. */
bool pipeline_succeeded(const struct population_result *result);

void pipeline_print(const struct app *app, const struct population_result *result);
/* Members of an open object: "ehrs", "scores", and the totals; "people" with one entry a patient when asked for. */
void pipeline_write(struct json_writer *w, const struct population_result *result, bool people);

#endif

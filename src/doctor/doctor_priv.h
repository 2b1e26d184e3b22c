/* What the doctor's steps share. */
#ifndef FIRTH_DOCTOR_DOCTOR_PRIV_H
#define FIRTH_DOCTOR_DOCTOR_PRIV_H

#include "doctor/doctor.h"
#include "http/client.h"

struct examination {
	const struct doctor_options *o;
	const struct ehr_config *ehr;
	struct arena *a;
	struct doctor_report *report;
	struct ehr_client *client; /* as configured; NULL until the step client */
	struct ehr_client *stranger; /* without identity */
	struct http_client *http;
	struct ehr_site site;
	int64_t skew_ms; /* the EHR's clock is so much ahead; INT64_MIN: not known */
	bool es_key, no_memory;
	bool people; /* the way in is a person's login */
	uint64_t since_ns; /* the step began */
	struct doctor_finding *last;
};

/* Begins the clock of a step. */
void doctor_begin(struct examination *x);
/* Tells a finding; causes follow with doctor_blame(), and doctor_told() hands it out. */
void doctor_find(struct examination *x, enum doctor_step step, enum doctor_result result, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void doctor_blame(struct examination *x, enum doctor_cause cause);
void doctor_told(struct examination *x);
/* A finding with one cause (or DOCTOR_NO_CAUSE) and handed out. Returns result == DOCTOR_GOOD || DOCTOR_WARNING. */
bool doctor_say(struct examination *x, enum doctor_step step, enum doctor_result result, enum doctor_cause cause,
		const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A failure with the cause that its form shows, whatever the step. False when nothing in it tells. */
bool doctor_recognise(struct examination *x, const struct ehr_failure *f);

/* How the doctor's clients call; without logins. */
struct ehr_client_options doctor_client_options(const struct examination *x);
/* One call that is the doctor's own, without a token. */
bool doctor_fetch(struct examination *x, struct str url, struct str accept, struct http_answer *ret_answer,
		  struct error *err) MUST_USE;

/* Each returns whether the following steps make sense. */
bool doctor_host(struct examination *x); /* dns, tls */
bool doctor_base(struct examination *x);
bool doctor_discovery(struct examination *x);
void doctor_jwks(struct examination *x);
void doctor_clock(struct examination *x);
bool doctor_client(struct examination *x);
void doctor_redirect(struct examination *x);
void doctor_pkce(struct examination *x);
bool doctor_token(struct examination *x);
void doctor_scopes(struct examination *x);
void doctor_reads(struct examination *x);

#endif

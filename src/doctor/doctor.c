/* The doctor's rounds: the table, the report, and which step makes sense after which. See doctor.h. */
#include "base/clock.h"
#include "doctor/doctor_priv.h"

enum { FINDINGS_MAX = 200 };

static const struct {
	const char *name, *title;
} steps[] = {
#define STEP(id, name, title) {name, title},
#include "doctor/doctor.def"
#undef STEP
};

static const struct {
	const char *name, *what, *epic, *cerner, *generic;
} causes[] = {
	{"", "", NULL, NULL, ""},
#define CAUSE(id, name, what, epic, cerner, generic) {name, what, epic, cerner, generic},
#include "doctor/doctor.def"
#undef CAUSE
};

const char *doctor_step_name(enum doctor_step step)
{
	return steps[step].name;
}

const char *doctor_step_title(enum doctor_step step)
{
	return steps[step].title;
}

const char *doctor_cause_name(enum doctor_cause cause)
{
	return causes[cause].name;
}

const char *doctor_cause_text(enum doctor_cause cause)
{
	return causes[cause].what;
}

const char *doctor_next(enum doctor_cause cause, enum ehr_vendor vendor)
{
	const char *own = vendor == EHR_EPIC ? causes[cause].epic : vendor == EHR_CERNER ? causes[cause].cerner : NULL;
	return own ? own : causes[cause].generic;
}

const char *doctor_result_name(enum doctor_result result)
{
	static const char *const names[] = {"ok", "warning", "failed", "skipped"};
	return names[result];
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

void doctor_begin(struct examination *x)
{
	x->since_ns = clock_monotonic_ns();
}

static void add_finding(struct examination *x, enum doctor_step step, enum doctor_result result, struct str text)
{
	struct doctor_report *r = x->report;
	struct doctor_finding *list = r->count < FINDINGS_MAX ? arena_grow(x->a, r->findings, r->count, &r->capacity,
									   r->count + 1, sizeof *list)
							      : NULL;
	x->last = NULL;
	if (!list || !text.p) {
		x->no_memory = true;
		return;
	}
	r->findings = list;
	x->last = &list[r->count++];
	*x->last = (struct doctor_finding){.step = step,
					   .result = result,
					   .happened = text,
					   .took_ms = (int64_t)((clock_monotonic_ns() - x->since_ns) / 1000000)};
	r->bad += result == DOCTOR_BAD;
	r->warnings += result == DOCTOR_WARNING;
}

void doctor_find(struct examination *x, enum doctor_step step, enum doctor_result result, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_finding(x, step, result, arena_vprintf(x->a, format, args));
	va_end(args);
}

void doctor_blame(struct examination *x, enum doctor_cause cause)
{
	if (!x->last || cause == DOCTOR_NO_CAUSE || x->last->cause_count == DOCTOR_FINDING_CAUSES)
		return;
	for (size_t i = 0; i < x->last->cause_count; i++)
		if (x->last->causes[i] == cause)
			return;
	x->last->causes[x->last->cause_count++] = cause;
}

void doctor_told(struct examination *x)
{
	if (x->last && x->o->tell)
		x->o->tell(x->o->ctx, x->last);
	doctor_begin(x);
}

bool doctor_say(struct examination *x, enum doctor_step step, enum doctor_result result, enum doctor_cause cause,
		const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_finding(x, step, result, arena_vprintf(x->a, format, args));
	va_end(args);
	doctor_blame(x, cause);
	doctor_told(x);
	return result == DOCTOR_GOOD || result == DOCTOR_WARNING;
}

/* ---- what the form of a failure tells ---------------------------------------------------------------------------- */

static bool code_is(const struct ehr_failure *f, const char *code)
{
	return str_is(str_from(f->vendor_code), code);
}

static enum doctor_cause by_code(const struct ehr_failure *f)
{
	static const struct {
		const char *code;
		enum doctor_cause cause;
	} codes[] = {
		{"4107", DOCTOR_CAUSE_NO_SUCH_PATIENT},
		{"4102", DOCTOR_CAUSE_NO_SUCH_PATIENT},
		{"59008", DOCTOR_CAUSE_NO_SUCH_PATIENT},
		{"4110", DOCTOR_CAUSE_SEARCH_NEEDS},
		{"4111", DOCTOR_CAUSE_SEARCH_NEEDS},
		{"4112", DOCTOR_CAUSE_SEARCH_NEEDS},
		{"59159", DOCTOR_CAUSE_SEARCH_NEEDS},
		{"4113", DOCTOR_CAUSE_SESSION_EXPIRED},
		{"4118", DOCTOR_CAUSE_USER_SECURITY},
		{"4130", DOCTOR_CAUSE_USER_SECURITY},
		{"4131", DOCTOR_CAUSE_USER_SECURITY},
		{"4135", DOCTOR_CAUSE_THROTTLED},
		{"insufficient_scope", DOCTOR_CAUSE_API_NOT_TICKED},
		{"urn:cerner:error:oauth2:resource-access:insufficient-scopes", DOCTOR_CAUSE_API_NOT_TICKED},
	};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (code_is(f, codes[i].code))
			return codes[i].cause;
	return DOCTOR_NO_CAUSE;
}

static enum doctor_cause by_form(const struct examination *x, const struct ehr_failure *f)
{
	bool html = f->body && strstr(f->body, "HTML"), xml = f->body && strstr(f->body, "XML");
	if (f->error.code == ERR_THROTTLED || f->http_status == 429)
		return DOCTOR_CAUSE_THROTTLED;
	if (xml)
		return DOCTOR_CAUSE_XML_ANSWER;
	if (html && (f->http_status == 404 || (f->http_status >= 200 && f->http_status < 300)))
		return DOCTOR_CAUSE_NOT_A_BASE;
	if (f->http_status == 401 && !x->ehr->client_id.n && !x->ehr->login_client_id.n)
		return DOCTOR_CAUSE_NO_CLIENT;
	if (f->http_status == 401)
		return x->ehr->vendor == EHR_CERNER ? DOCTOR_CAUSE_PERSONA_HOST : DOCTOR_CAUSE_TOKEN_REFUSED;
	if (f->http_status == 403)
		return DOCTOR_CAUSE_API_NOT_TICKED;
	if (f->http_status == 0 || f->http_status >= 500)
		return DOCTOR_CAUSE_EHR_DOWN;
	return DOCTOR_NO_CAUSE;
}

bool doctor_recognise(struct examination *x, const struct ehr_failure *f)
{
	enum doctor_cause cause = by_code(f);
	if (cause == DOCTOR_NO_CAUSE)
		cause = by_form(x, f);
	doctor_blame(x, cause);
	if (x->last && f->correlation_id[0])
		x->last->correlation = arena_str(x->a, str_from(f->correlation_id));
	return cause != DOCTOR_NO_CAUSE;
}

/* ---- the rounds -------------------------------------------------------------------------------------------------- */

struct ehr_client_options doctor_client_options(const struct examination *x)
{
	return (struct ehr_client_options){.definitions = x->o->definitions,
					   .audit = x->o->audit,
					   .record = x->o->record,
					   .record_ctx = x->o->record_ctx,
					   .transport = x->o->transport,
					   .max_attempts = 2,
					   .timeout_ms = x->o->timeout_ms,
					   .budgets = x->o->budgets};
}

static bool open_tools(struct examination *x, struct error *err)
{
	const struct ehr_config stranger = {.name = x->ehr->name,
					    .vendor = x->ehr->vendor,
					    .base_url = x->ehr->base_url,
					    .ca_file = x->ehr->ca_file,
					    .cert_file = x->ehr->cert_file,
					    .cert_key_file = x->ehr->cert_key_file,
					    .breaker_failures = INT32_MAX};
	const struct ehr_client_options options = doctor_client_options(x);
	x->http = http_client_new(&(struct http_client_options){.timeout_ms = x->o->timeout_ms, .tls = ehr_tls(x->ehr)},
				  err);
	x->stranger = x->http ? ehr_open(&stranger, &options, err) : NULL;
	return x->stranger != NULL;
}

static void go_round(struct examination *x)
{
	if (!doctor_host(x) || !doctor_base(x) || !doctor_discovery(x))
		return;
	doctor_jwks(x);
	doctor_clock(x);
	if (!doctor_client(x))
		return;
	doctor_redirect(x);
	doctor_pkce(x);
	if (!doctor_token(x))
		return;
	doctor_scopes(x);
	doctor_reads(x);
}

bool doctor_run(const struct doctor_options *options, struct arena *a, struct doctor_report *ret_report,
		struct error *err)
{
	struct doctor_report report = {0};
	struct doctor_options o = *options;
	o.timeout_ms = o.timeout_ms ? o.timeout_ms : 15000;
	struct examination x = {.o = &o, .ehr = o.ehr, .a = a, .report = &report, .skew_ms = INT64_MIN};
	x.people = !ehr_config_is_backend(o.ehr) && (o.ehr->client_id.n || o.ehr->login_client_id.n);
	bool ok = open_tools(&x, err);
	doctor_begin(&x);
	if (ok)
		go_round(&x);
	ehr_close(x.client);
	ehr_close(x.stranger);
	http_client_free(x.http);
	if (ok && x.no_memory)
		ok = error_memory(err);
	*ret_report = report;
	return ok;
}

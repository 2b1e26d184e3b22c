/* Steps before anybody proves who they are: name, TLS, FHIR base, discovery, the EHR's keys, the clocks. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/origin.h"
#include "doctor/doctor_priv.h"
#include "jose/jose.h"

enum { SOON_MS = 21 * 86400000, SKEW_WARN_MS = 25 * 1000, SKEW_BAD_MS = 120 * 1000 };

/* ---- name and TLS ------------------------------------------------------------------------------------------------ */

static bool tell_certificate(struct examination *x, const struct http_look *look)
{
	char until[CLOCK_INSTANT_SIZE];
	int64_t left = look->expires_ms - clock_now_ms();
	clock_format_instant(look->expires_ms, until);
	if (!look->expires_ms)
		return doctor_say(x, DOCTOR_TLS, DOCTOR_GOOD, DOCTOR_NO_CAUSE, "connected, the certificate is good");
	return doctor_say(x, DOCTOR_TLS, left < SOON_MS ? DOCTOR_WARNING : DOCTOR_GOOD,
			  left < SOON_MS ? DOCTOR_CAUSE_CERT_SOON : DOCTOR_NO_CAUSE,
			  "connected; certificate of %.*s until %.10s, %u in its chain", STR_ARG(look->subject), until,
			  look->chain);
}

static bool tell_tls(struct examination *x, const struct http_look *look)
{
	static const enum doctor_cause causes[] = {
		[HTTP_NO_CONNECTION] = DOCTOR_CAUSE_NO_CONNECTION,
		[HTTP_CERTIFICATE_EXPIRED] = DOCTOR_CAUSE_CERT_EXPIRED,
		[HTTP_CERTIFICATE_NAME] = DOCTOR_CAUSE_CERT_NAME,
		[HTTP_CERTIFICATE_UNTRUSTED] = DOCTOR_CAUSE_CERT_CHAIN,
		[HTTP_TLS_REFUSED] = DOCTOR_CAUSE_TLS_REFUSED,
	};
	if (look->trouble) {
		doctor_find(x, DOCTOR_TLS, DOCTOR_BAD, "%s%s%.*s", doctor_cause_text(causes[look->trouble]),
			    look->cause.n ? ": " : "", STR_ARG(look->cause));
		doctor_blame(x, causes[look->trouble]);
		doctor_told(x);
		return false;
	}
	if (look->tls)
		return tell_certificate(x, look);
	bool here = url_is_loopback(x->ehr->base_url);
	return doctor_say(x, DOCTOR_TLS, here ? DOCTOR_GOOD : DOCTOR_WARNING,
			  here ? DOCTOR_NO_CAUSE : DOCTOR_CAUSE_PLAIN_HTTP, "connected%s",
			  here ? ", without TLS, on this machine" : ", without TLS");
}

bool doctor_host(struct examination *x)
{
	struct http_look look;
	struct error err = {0};
	const struct http_tls tls = ehr_tls(x->ehr);
	if (!http_look(x->a, x->ehr->base_url, &tls, x->o->timeout_ms, clock_now_ms(), &look, &err))
		return doctor_say(x, DOCTOR_DNS, DOCTOR_BAD, DOCTOR_CAUSE_NO_NAME, "%s", err.text);
	if (look.trouble == HTTP_NO_NAME)
		return doctor_say(x, DOCTOR_DNS, DOCTOR_BAD, DOCTOR_CAUSE_NO_NAME, "no address is known: %.*s",
				  STR_ARG(look.cause));
	doctor_say(x, DOCTOR_DNS, DOCTOR_GOOD, DOCTOR_NO_CAUSE, "%.*s", STR_ARG(look.addresses));
	return tell_tls(x, &look);
}

/* ---- the base ---------------------------------------------------------------------------------------------------- */

static struct str trim_slash(struct str url)
{
	return str_ends(url, S("/")) ? str_slice(url, 0, url.n - 1) : url;
}

static bool base_failed(struct examination *x, const struct ehr_failure *f)
{
	doctor_find(x, DOCTOR_BASE, DOCTOR_BAD, "%s", f->error.text);
	if (x->ehr->vendor == EHR_CERNER && f->http_status == 403)
		doctor_blame(x, DOCTOR_CAUSE_WRONG_TENANT);
	else if (!doctor_recognise(x, f))
		doctor_blame(x, DOCTOR_CAUSE_NOT_A_BASE);
	if (x->ehr->vendor == EHR_CERNER && f->http_status == 404)
		doctor_blame(x, DOCTOR_CAUSE_WRONG_TENANT);
	doctor_told(x);
	return false;
}

bool doctor_base(struct examination *x)
{
	struct ehr_failure f = {0};
	if (!ehr_site_look(x->stranger, x->a, &x->site, &f))
		return base_failed(x, &f);
	const struct ehr_site *s = &x->site;
	struct str own = json_get_str(json_get(s->capabilities, S("implementation")), S("url"));
	if (s->fhir_version.n && !str_starts(s->fhir_version, S("4.0")))
		return doctor_say(x, DOCTOR_BASE, DOCTOR_BAD, DOCTOR_CAUSE_WRONG_VERSION, "it speaks FHIR %.*s",
				  STR_ARG(str_slice(s->fhir_version, 0, 20)));
	doctor_find(x, DOCTOR_BASE, DOCTOR_GOOD, "%.*s%s%.*s, FHIR %.*s",
		    STR_ARG(s->software.n ? s->software : S("a FHIR server")), s->version.n ? " " : "",
		    STR_ARG(s->version), STR_ARG(s->fhir_version));
	if (!x->last)
		return false;
	bool aud = own.n && !str_eq(trim_slash(own), trim_slash(x->ehr->base_url));
	bool other = s->recognised && s->vendor != x->ehr->vendor;
	if (aud || other) {
		x->last->result = DOCTOR_WARNING;
		x->report->warnings++;
	}
	if (aud) {
		x->last->happened = arena_printf(x->a, "%.*s; it calls itself %.*s", STR_ARG(x->last->happened),
						 STR_ARG(str_slice(own, 0, 200)));
		doctor_blame(x, DOCTOR_CAUSE_AUD_DIFFERS);
	}
	if (other)
		doctor_blame(x, DOCTOR_CAUSE_OTHER_VENDOR);
	doctor_told(x);
	return true;
}

/* ---- discovery --------------------------------------------------------------------------------------------------- */

/* ".../personas/patient/authorize" against the scopes that are configured. */
static bool persona_fits(const struct examination *x)
{
	struct str at = x->site.authorize, scopes = x->ehr->login_scopes;
	bool patients = str_find(at, S("/personas/patient/")) != STR_NONE;
	bool providers = str_find(at, S("/personas/provider/")) != STR_NONE;
	bool as_user = str_find(scopes, S("user/")) != STR_NONE;
	bool as_patient = str_find(scopes, S("launch/patient")) != STR_NONE && !as_user &&
			  str_find(scopes, S("patient/")) != STR_NONE;
	bool system = patients && (ehr_config_is_backend(x->ehr) || str_find(x->ehr->scopes, S("system/")) != STR_NONE);
	return !(patients && as_user) && !(providers && as_patient) && !system;
}

bool doctor_discovery(struct examination *x)
{
	bool needed = x->ehr->client_id.n || x->ehr->login_client_id.n;
	if (!x->site.token.n && !needed)
		return doctor_say(x, DOCTOR_DISCOVERY, DOCTOR_GOOD, DOCTOR_NO_CAUSE,
				  "it gives no tokens, and none is needed");
	if (!x->site.token.n) {
		doctor_find(x, DOCTOR_DISCOVERY, DOCTOR_BAD, "%s", x->site.undiscovered.error.text);
		doctor_blame(x, DOCTOR_CAUSE_NO_DISCOVERY);
		doctor_told(x);
		return false;
	}
	bool fits = persona_fits(x);
	return doctor_say(x, DOCTOR_DISCOVERY, fits ? DOCTOR_GOOD : DOCTOR_WARNING,
			  fits ? DOCTOR_NO_CAUSE : DOCTOR_CAUSE_PERSONA_HOST, "tokens at %.*s%s%.*s",
			  STR_ARG(x->site.token), x->site.authorize.n ? ", logins at " : "",
			  STR_ARG(x->site.authorize));
}

/* ---- keys and clocks --------------------------------------------------------------------------------------------- */

bool doctor_fetch(struct examination *x, struct str url, struct str accept, struct http_answer *ret_answer,
		  struct error *err)
{
	const struct http_header header = {S("Accept"), accept};
	const struct http_call call = {.method = S("GET"), .url = url, .headers = &header, .header_count = 1};
	const struct ehr_transport *t = x->o->transport;
	return t ? t->call(t->ctx, x->a, &call, ret_answer, err) : http_call(x->http, x->a, &call, ret_answer, err);
}

static bool get(struct examination *x, struct str url, struct http_answer *ret_answer, struct error *err)
{
	return doctor_fetch(x, url, S("application/json"), ret_answer, err);
}

void doctor_jwks(struct examination *x)
{
	struct http_answer answer;
	struct error err = {0};
	if (!x->site.jwks.n) {
		doctor_say(x, DOCTOR_JWKS, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "it names none");
		return;
	}
	/* Only people's logins need them. */
	enum doctor_result trouble = x->people ? DOCTOR_BAD : DOCTOR_WARNING;
	bool fetched = get(x, x->site.jwks, &answer, &err) && answer.status == 200;
	if (!fetched) {
		doctor_say(x, DOCTOR_JWKS, trouble, DOCTOR_CAUSE_JWKS_AWAY, "%.*s: %s", STR_ARG(x->site.jwks),
			   err.code ? err.text : arena_printf(x->a, "HTTP %d", answer.status).p);
		return;
	}
	const struct json *jwks = json_parse(x->a, answer.body, 0, &err);
	struct jose_key_set *set = jwks ? jose_key_set_parse_identity(jwks, &err) : NULL;
	size_t count = json_size(json_get(jwks, S("keys")));
	bool good = set != NULL;
	jose_key_set_free(set);
	doctor_say(x, DOCTOR_JWKS, good ? DOCTOR_GOOD : trouble, good ? DOCTOR_NO_CAUSE : DOCTOR_CAUSE_JWKS_WRONG,
		   "%zu key%s at %.*s%s", count, count == 1 ? "" : "s", STR_ARG(x->site.jwks),
		   good ? "" : ", none of them usable");
}

void doctor_clock(struct examination *x)
{
	struct http_answer answer;
	struct error err = {0};
	int64_t theirs, before = clock_now_ms();
	struct str url = arena_printf(x->a, "%.*s/metadata", STR_ARG(trim_slash(x->ehr->base_url)));
	bool told = get(x, url, &answer, &err) && ehr_http_date(http_answer_header(&answer, "Date"), &theirs);
	if (!told) {
		doctor_say(x, DOCTOR_CLOCK, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "the EHR does not tell its time");
		return;
	}
	int64_t now = clock_now_ms(), middle = before + (now - before) / 2;
	x->skew_ms = theirs - middle;
	int64_t off = x->skew_ms < 0 ? -x->skew_ms : x->skew_ms;
	enum doctor_result result = off > SKEW_BAD_MS ? DOCTOR_BAD : off > SKEW_WARN_MS ? DOCTOR_WARNING : DOCTOR_GOOD;
	if (off < 2000)
		doctor_say(x, DOCTOR_CLOCK, result, DOCTOR_NO_CAUSE, "they agree");
	else
		doctor_say(x, DOCTOR_CLOCK, result, result == DOCTOR_GOOD ? DOCTOR_NO_CAUSE : DOCTOR_CAUSE_CLOCK_SKEW,
			   "the EHR's clock is %" PRId64 " s %s this machine's", off / 1000,
			   x->skew_ms > 0 ? "ahead of" : "behind");
}

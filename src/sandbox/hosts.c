/*
 * Cerner's virtual hosts: one server under three names. fhir-open asks for no token and takes no writes, fhir-ehr is
 * for providers and systems, fhir-myrecord for patients. A request names its host by the Host header, or on a laptop by
 * its path: /open/r4/..., /ehr/r4/..., /myrecord/r4/...; without either it is fhir-ehr. Each host is a face of its own
 * over the same store; the links in an answer are those of the host that was called.
 */
#include "sandbox/cerner_priv.h"
#include "sandbox/oauth_priv.h"

static const struct {
	const char *label, *prefix; /* of the host's name, of the path */
} hosts[FACE_HOSTS] = {[HOST_PROVIDER] = {"fhir-ehr", "/ehr"},
		       [HOST_OPEN] = {"fhir-open", "/open"},
		       [HOST_PATIENT] = {"fhir-myrecord", "/myrecord"}};

/* Types that a host does not have although others do. */
static const char *const missing[FACE_HOSTS] = {
	[HOST_PROVIDER] = "", [HOST_OPEN] = "Group", [HOST_PATIENT] = "Account Basic ChargeItem Communication Group"};

enum face_host hosts_count(const struct sandbox *s)
{
	return s->o.vendor == EHR_CERNER ? FACE_HOSTS : HOST_PROVIDER + 1;
}

bool hosts_may(enum face_host host, struct str type, char letter)
{
	return !face_listed(missing[host], type) && (host != HOST_OPEN || letter == 'r' || letter == 's');
}

/* ---- faces ------------------------------------------------------------------------------------------------------- */

static bool admit(enum face_host host, void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	bool nothing =
		host == HOST_OPEN && (call->interaction == REST_SMART_CONFIGURATION || call->interaction == REST_BATCH);
	if (face_cerner.face.admit(ctx, call, answer) &&
	    !(nothing || (call->type && !hosts_may(host, call->type_name, face_letter(call->interaction)))))
		return true;
	if (!answer->status || answer->status == 200)
		cerner_refuse(answer, 404, "not-found", S("Not Found"));
	return false;
}

static bool open_admit(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	return admit(HOST_OPEN, ctx, call, answer);
}

static bool patient_admit(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	return admit(HOST_PATIENT, ctx, call, answer);
}

static bool open_capability(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	(void)call;
	buf_add(&answer->body, ((const struct sandbox *)ctx)->capability[HOST_OPEN]);
	return false;
}

static bool patient_capability(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	(void)call;
	buf_add(&answer->body, ((const struct sandbox *)ctx)->capability[HOST_PATIENT]);
	return false;
}

static bool patient_smart_configuration(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	(void)call;
	answer->content_type = S("application/json");
	buf_add(&answer->body, ((const struct sandbox *)ctx)->smart_configuration[HOST_PATIENT]);
	return false;
}

void hosts_face(struct sandbox *s, enum face_host host, struct rest_face *ret_face)
{
	*ret_face = s->vendor->face;
	ret_face->ctx = s;
	if (host == HOST_OPEN) {
		ret_face->admit = open_admit;
		ret_face->capability = open_capability;
	} else if (host == HOST_PATIENT) {
		ret_face->admit = patient_admit;
		ret_face->capability = patient_capability;
		ret_face->smart_configuration = patient_smart_configuration;
	}
}

/* ---- which host is it? ------------------------------------------------------------------------------------------- */

static bool is_label(struct str host, const char *label)
{
	size_t n = strlen(label);
	return str_starts(host, str_from(label)) &&
	       (host.n == n || host.p[n] == '.' || host.p[n] == '-' || host.p[n] == ':');
}

/* By its name, FACE_HOSTS when it is none of them. */
static enum face_host named(struct str host)
{
	enum face_host i = 0;
	while (i < FACE_HOSTS && !is_label(host, hosts[i].label))
		i++;
	return i;
}

static enum face_host by_prefix(struct str path)
{
	enum face_host i = 0;
	while (i < FACE_HOSTS && !(str_starts(path, str_from(hosts[i].prefix)) &&
				   str_starts(str_slice(path, strlen(hosts[i].prefix), path.n), S("/r4/"))))
		i++;
	return i;
}

enum face_host hosts_of_base(const struct sandbox *s, struct str url)
{
	struct str base = s->o.base_url;
	if (s->o.vendor != EHR_CERNER)
		return FACE_HOSTS;
	if (str_ends(url, S("/")))
		url = str_slice(url, 0, url.n - 1);
	if (!str_ends(url, S("/r4/" CERNER_TENANT)))
		return FACE_HOSTS;
	if (str_eq(url, s->fhir_base))
		return HOST_PROVIDER;
	enum face_host host = str_starts(url, base) ? by_prefix(str_slice(url, base.n, url.n)) : FACE_HOSTS;
	if (host != FACE_HOSTS)
		return host;
	size_t at = str_find(url, S("://"));
	return at == STR_NONE ? FACE_HOSTS : named(str_slice(url, at + 3, url.n));
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

struct elsewhere {
	struct http_exchange *outer;
	struct str from, to; /* base URLs */
};

static void add_replaced(struct buf *out, struct str text, const struct elsewhere *e)
{
	for (;;) {
		size_t at = str_find(text, e->from);
		if (at == STR_NONE)
			break;
		buf_add(out, str_slice(text, 0, at));
		buf_add(out, e->to);
		text = str_slice(text, at + e->from.n, text.n);
	}
	buf_add(out, text);
}

static void answered(void *ctx, const struct http_response *response)
{
	const struct elsewhere *e = ctx;
	struct arena *a = http_request(e->outer)->arena;
	struct http_header *headers = ARENA_ARRAY(a, struct http_header, response->header_count + 1);
	struct http_response moved = *response;
	struct buf body, place;
	buf_init(&body, (size_t)1 << 30);
	for (size_t i = 0; headers && i < response->header_count; i++) {
		buf_init(&place, 1 << 16);
		add_replaced(&place, response->headers[i].value, e);
		headers[i] = (struct http_header){response->headers[i].name, arena_str(a, buf_str(&place))};
		buf_done(&place);
	}
	if (response->body)
		add_replaced(&body, buf_str(response->body), e);
	moved.headers = headers;
	moved.header_count = headers ? response->header_count : 0;
	moved.body = response->body ? &body : NULL;
	http_respond(e->outer, &moved);
	buf_done(&body);
}

static void respond(struct http_exchange *x, int status, const char *type, const char *text)
{
	struct buf body;
	buf_init(&body, 4096);
	buf_add(&body, str_from(text));
	http_respond(x, &(struct http_response){.status = status, .content_type = str_from(type), .body = &body});
	buf_done(&body);
}

/* Tokens of patients are for one host, those of providers and systems for another. */
static bool token_fits(struct sandbox *s, struct http_exchange *x, enum face_host host)
{
	struct str authorization = http_request_header(x, "Authorization");
	struct grant grant;
	struct error ignored = {0};
	if (!s->smart || host == HOST_OPEN || !authorization.p ||
	    !smart_authorize(s->smart, http_request(x)->arena, authorization, NULL, &grant, &ignored))
		return true; /* the face says what is wrong with it */
	bool patient = str_starts(grant.fhir_user, S("Patient/")) || str_starts(grant.fhir_user, S("RelatedPerson/"));
	return patient == (host == HOST_PATIENT);
}

static bool serve_elsewhere(struct sandbox *s, struct http_exchange *x, enum face_host host, struct str path,
			    struct str base)
{
	const struct http_request *r = http_request(x);
	struct elsewhere *e = ARENA_NEW(r->arena, struct elsewhere);
	struct http_header *headers;
	size_t count;
	struct error err = {0};
	if (!e || !base.p || !http_request_headers(x, r->arena, &headers, &count))
		return false;
	*e = (struct elsewhere){x, s->fhir_base, base};
	struct http_apart apart = {
		.request = *r, .headers = headers, .header_count = count, .answered = answered, .ctx = e};
	apart.request.path = path;
	apart.request.file = -1;
	struct http_exchange *inner = http_exchange_apart(&apart, &err);
	if (inner)
		sandbox_serve(s, inner, host);
	return inner != NULL;
}

bool hosts_handle(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct str name = http_request_header(x, "Host"), path = r->path, base = s->fhir_base;
	enum face_host host = by_prefix(path);
	if (s->o.vendor != EHR_CERNER)
		return false;
	if (str_is(path, "/")) {
		http_respond(x, &(struct http_response){.status = 502, .content_type = S("")});
		return true;
	}
	if (host != FACE_HOSTS) {
		path = str_slice(path, strlen(hosts[host].prefix), path.n);
		base = arena_printf(r->arena, "%.*s%s%s", STR_ARG(s->o.base_url), hosts[host].prefix,
				    s->vendor->base_path);
	} else if (named(name) != FACE_HOSTS) {
		struct str rest = s->o.base_url, scheme = str_split(&rest, ':');
		host = named(name);
		base = arena_printf(r->arena, "%.*s://%.*s%s", STR_ARG(scheme), STR_ARG(name), s->vendor->base_path);
	} else {
		host = HOST_PROVIDER;
	}
	if (!str_starts(path, S("/r4/")))
		return false;
	if (!str_starts(path, str_from(s->vendor->base_path))) {
		respond(x, 403, "text/plain", "Tenant not valid or accessible");
		return true;
	}
	if (behaves(s, BEHAVIOUR_PORTAL_LIST, "none") && http_request_header(x, "Authorization").p) {
		respond(x, 403, "text/plain", "Forbidden resource");
		return true;
	}
	if (!token_fits(s, x, host)) {
		respond(x, 403, "application/json",
			"{\"code\":403,\"message\":\"code=\\\"urn:cerner:error:oauth2:resource-access:insufficient-"
			"scopes\\\", error=\\\"insufficient_scope\\\"\"}");
		return true;
	}
	return base.p != s->fhir_base.p && serve_elsewhere(s, x, host, path, base);
}

/*
 * Names that tell by themselves what their values are: headers, parameters of OAuth (RFC 6749, 7009, 7523, 7636, 7662,
 * 8414), members of its answers and of SMART's, of bulk manifests and CDS Hooks. What is in none of these lists is
 * masked.
 */
#include "record/record_priv.h"

bool name_is_one_of(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(name, str_from(names[i])))
			return true;
	return false;
}

static const char *const kept_headers[] = {
	"Accept",
	"Accept-Charset",
	"Accept-Encoding",
	"Accept-Language",
	"Accept-Patch",
	"Access-Control-Allow-Credentials",
	"Access-Control-Allow-Headers",
	"Access-Control-Allow-Methods",
	"Access-Control-Allow-Origin",
	"Access-Control-Expose-Headers",
	"Access-Control-Max-Age",
	"Access-Control-Request-Headers",
	"Access-Control-Request-Method",
	"Age",
	"Allow",
	"Cache-Control",
	"Connection",
	"Content-Encoding",
	"Content-Language",
	"Content-Length",
	"Content-Security-Policy",
	"Content-Type",
	"Date",
	"DNT",
	"Epic-Client-ID",
	"ETag",
	"Expires",
	"Host",
	"If-Match",
	"If-Modified-Since",
	"If-None-Match",
	"Keep-Alive",
	"Last-Modified",
	"Origin",
	"Pragma",
	"Prefer",
	"Preference-Applied",
	"Referrer-Policy",
	"Retry-After",
	"Server",
	"Strict-Transport-Security",
	"Transfer-Encoding",
	"Upgrade-Insecure-Requests",
	"User-Agent",
	"Vary",
	"Via",
	"X-Content-Type-Options",
	"X-Frame-Options",
	"X-Powered-By",
	"X-Progress",
	"X-RateLimit-Limit",
	"X-RateLimit-Remaining",
	"X-RateLimit-Reset",
	"X-Request-Id",
	"Cerner-Correlation-Id",
	"X-Correlation-Id",
	"opc-request-id",
};
static const char *const url_headers[] = {"Location", "Content-Location", "Referer", "Link"};

struct mask_name mask_name_of_header(struct str name)
{
	static const char *const scheme[] = {"Authorization", "Proxy-Authorization"};
	if (NAME_IS_ONE_OF(name, scheme))
		return (struct mask_name){RULE_SCHEME, "masked-token"};
	if (str_eq_nocase(name, S("Cookie")))
		return (struct mask_name){RULE_COOKIE, "masked-cookie"};
	if (str_eq_nocase(name, S("Set-Cookie")))
		return (struct mask_name){RULE_SET_COOKIE, "masked-cookie"};
	if (str_eq_nocase(name, S("WWW-Authenticate")) || str_eq_nocase(name, S("Warning")))
		return (struct mask_name){RULE_SCRUB, NULL};
	if (NAME_IS_ONE_OF(name, url_headers))
		return (struct mask_name){RULE_URL, NULL};
	if (NAME_IS_ONE_OF(name, kept_headers))
		return (struct mask_name){RULE_KEEP, NULL};
	return (struct mask_name){RULE_MASK, "masked-header"};
}

static const struct {
	const char *name, *kind;
} secrets[] = {
	{"access_token", "masked-token"},
	{"refresh_token", "masked-refresh-token"},
	{"registration_access_token", "masked-token"},
	{"subject_token", "masked-token"},
	{"actor_token", "masked-token"},
	{"token", "masked-token"},
	{"code", "masked-code"},
	{"device_code", "masked-code"},
	{"user_code", "masked-code"},
	{"code_verifier", "masked-verifier"},
	{"code_challenge", "masked-challenge"},
	{"client_secret", "masked-secret"},
	{"client_assertion", "masked-assertion"},
	{"assertion", "masked-assertion"},
	{"password", "masked-password"},
	{"totp", "masked-password"},
	{"otp", "masked-password"},
	{"state", "masked-state"},
	{"nonce", "masked-nonce"},
	{"launch", "masked-launch"},
	{"session", "masked-session"},
	{"session_state", "masked-session"},
	{"sid", "masked-session"},
	{"csrf", "masked-session"},
	{"request", "masked-request"},
	{"jti", "masked-jti"},
	{"hookInstance", "masked-jti"},
	/* whom it is about */
	{"patient", "id"},
	{"patientId", "id"},
	{"encounter", "id"},
	{"encounterId", "id"},
	{"user", "id"},
	{"userId", "id"},
	{"sub", "id"},
	{"location", "id"},
	{"appointment", "id"},
	{"practitioner", "id"},
	{"loginDepartment", "id"},
	{"__epic.dstu2.patient", "id"},
	{"username", "name"},
	{"preferred_username", "name"},
	{"name", "name"},
	{"given_name", "given"},
	{"family_name", "family"},
	{"display", "name"},
	{"email", "telecom"},
	{"phone_number", "telecom"},
};

/* Of discovery, registration, keys, token answers, manifests, errors and cards. */
static const char *const kept[] = {
	"token_type",
	"expires_in",
	"scope",
	"scopes",
	"error",
	"error_uri",
	"grant_type",
	"response_type",
	"response_mode",
	"client_id",
	"client_assertion_type",
	"code_challenge_method",
	"token_type_hint",
	"subject_token_type",
	"requested_token_type",
	"issued_token_type",
	"prompt",
	"aud",
	"iss",
	"redirect_uri",
	"issuer",
	"jwks_uri",
	"capabilities",
	"smart_style_url",
	"need_patient_banner",
	"tenant",
	"intent",
	"client_name",
	"application_type",
	"software_id",
	"token_endpoint_auth_method",
	"redirect_uris",
	"grant_types",
	"response_types",
	"kty",
	"use",
	"alg",
	"enc",
	"kid",
	"key_ops",
	"crv",
	"n",
	"e",
	"x",
	"y",
	"x5t",
	"typ",
	"transactionTime",
	"requiresAccessToken",
	"type",
	"resourceType",
	"fhirVersion",
	"hook",
	"hooks",
	"active",
	"status",
	"timestamp",
	"indicator",
	"acr",
	"amr",
	"op",
	"path",
	"from",
	"zoneinfo",
	"locale",
	"_format",
};
static const char *const kept_endings[] = {"_endpoint", "_supported", "_uri", "_uris", "_algorithm", "_methods"};
static const char *const urls[] = {"fhirUser", "profile", "url", "fhirServer", "fhir_user", "reference"};
static const char *const scrubbed[] = {"error_description", "message", "reason", "detail"};

struct mask_name mask_name_of_oauth(struct str name)
{
	if (str_is(name, "id_token") || str_is(name, "id_token_hint") || str_is(name, "logout_token"))
		return (struct mask_name){RULE_JWT, "masked-token"};
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (str_is(name, secrets[i].name))
			return (struct mask_name){RULE_MASK, secrets[i].kind};
	if (NAME_IS_ONE_OF(name, urls))
		return (struct mask_name){RULE_URL, NULL};
	if (NAME_IS_ONE_OF(name, scrubbed))
		return (struct mask_name){RULE_SCRUB, NULL};
	if (NAME_IS_ONE_OF(name, kept))
		return (struct mask_name){RULE_KEEP, NULL};
	for (size_t i = 0; i < sizeof(kept_endings) / sizeof(kept_endings[0]); i++)
		if (str_ends(name, str_from(kept_endings[i])))
			return (struct mask_name){RULE_KEEP, NULL};
	return (struct mask_name){RULE_UNKNOWN, "text"};
}

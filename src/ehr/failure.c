/*
 * Whatever an EHR answers that is of no use becomes one value: an HTTP status, the vendor's code, a correlation id and
 * a sentence in our own words. Their texts are never repeated: diagnostics may quote names, dates or numbers of the
 * request. Codes are taken over only when they look like codes.
 */
#include <stdio.h>

#include "base/encode.h"
#include "ehr/ehr_priv.h"

bool ehr_fail(const struct ehr_client *c, struct ehr_failure *f, enum error_code code, const char *format, ...)
{
	struct ehr_failure fresh = {0};
	va_list args;
	va_start(args, format);
	char text[256];
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	error_set(&fresh.error, code, "%.*s: %s", STR_ARG(c->config.name), text);
	*f = fresh;
	return false;
}

bool ehr_fail_transport(const struct ehr_client *c, const struct error *err, struct ehr_failure *f)
{
	ehr_fail(c, f, err->code, "%s", err->text);
	f->retryable = err->code == ERR_NETWORK || err->code == ERR_TIMEOUT;
	return false;
}

/* ---- codes ---------------------------------------------------------------------------------------------------- */

static bool is_code(struct str text)
{
	if (!text.n || text.n >= sizeof((struct ehr_failure *)0)->vendor_code)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char ch = text.p[i];
		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
		      strchr("-_.:/", ch)))
			return false;
	}
	return true;
}

static void keep(char *target, size_t size, struct str text)
{
	if (!text.n || text.n >= size)
		return;
	memcpy(target, text.p, text.n);
	target[text.n] = 0;
}

/* Epic's own table of outcome codes: the OID differs per site, its end does not. */
static bool is_epic_outcome_system(struct str system)
{
	return str_starts(system, S("urn:oid:1.2.840.114350.")) && str_ends(system, S(".7.2.657369"));
}

struct str ehr_issue_code(const struct json *issue)
{
	struct json_iter it = json_iter(json_get(json_get(issue, S("details")), S("coding")));
	while (json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		if (is_epic_outcome_system(json_get_str(it.value, S("system"))) && is_code(code))
			return code;
	}
	return STR_NULL;
}

static int severity_rank(struct str severity)
{
	return str_is(severity, "fatal") ? 3 : str_is(severity, "error") ? 2 : str_is(severity, "warning") ? 1 : 0;
}

static const struct json *worst_issue(const struct json *outcome)
{
	const struct json *worst = NULL;
	int rank = -1;
	struct json_iter it = json_iter(json_get(outcome, S("issue")));
	while (json_next(&it)) {
		int r = severity_rank(json_get_str(it.value, S("severity")));
		if (r > rank) {
			rank = r;
			worst = it.value;
		}
	}
	return worst;
}

bool ehr_outcome_failed(const struct json *outcome)
{
	return severity_rank(json_get_str(worst_issue(outcome), S("severity"))) >= 2;
}

/* The first urn:cerner:error:... in a text, percent-coded or not, up to its end or to "/instances". */
static bool find_cerner_urn(struct str text, char *target, size_t size)
{
	struct buf plain;
	buf_init(&plain, 1 << 16);
	bool found = false;
	struct str s =
		str_find(text, S("urn%3A")) != STR_NONE && decode_percent(&plain, text, false) ? buf_str(&plain) : text;
	size_t at = str_find(s, S("urn:cerner:error:"));
	if (at != STR_NONE) {
		size_t end = at;
		while (end < s.n && is_code(str_make(s.p + end, 1)) && s.p[end] != '/')
			end++;
		keep(target, size, str_slice(s, at, end));
		found = target[0] != 0;
	}
	buf_done(&plain);
	return found;
}

/* error="insufficient_scope" of a WWW-Authenticate (RFC 6750 section 3). */
static struct str bearer_error(const struct http_answer *answer)
{
	struct str header = http_answer_header(answer, "WWW-Authenticate");
	size_t at = str_find(header, S("error=\""));
	if (at == STR_NONE)
		return STR_NULL;
	size_t end = str_find_char(header, '"', at + 7);
	struct str code = str_slice(header, at + 7, end == STR_NONE ? header.n : end);
	return is_code(code) ? code : STR_NULL;
}

/* An OAuth error body: RFC 6749 section 5.2, and Cerner's error_uri, which holds the instance's id. */
static void oauth_codes(const struct json *body, struct ehr_failure *f)
{
	struct str code = json_get_str(body, S("error"));
	if (is_code(code))
		keep(f->vendor_code, sizeof f->vendor_code, code);
	struct str uri = json_get_str(body, S("error_uri"));
	size_t at = str_find(uri, S("/instances/"));
	if (at == STR_NONE)
		return;
	struct str instance = str_slice(uri, at + 11, uri.n);
	size_t end = str_find_char(instance, '?', 0);
	instance = str_slice(instance, 0, end == STR_NONE ? instance.n : end);
	if (is_code(instance))
		keep(f->correlation_id, sizeof f->correlation_id, instance);
}

/* ---- the sentence ------------------------------------------------------------------------------------------------ */

static const struct {
	int status;
	enum error_code code;
	const char *sentence;
} by_status[] = {
	{400, ERR_REMOTE_REFUSED, "the EHR does not accept the request as it is"},
	{401, ERR_TOKEN_INVALID, "the EHR does not accept the access token"},
	{403, ERR_REMOTE_REFUSED, "the EHR does not allow this client to do that"},
	{404, ERR_NOT_FOUND, "the EHR knows no such resource"},
	{405, ERR_REMOTE_REFUSED, "the EHR does not offer this interaction for the resource type"},
	{406, ERR_REMOTE_REFUSED, "the EHR cannot answer in FHIR JSON"},
	{409, ERR_CONFLICT, "the resource was changed at the EHR in the meantime"},
	{410, ERR_GONE, "the resource was deleted at the EHR"},
	{412, ERR_PRECONDITION, "the version at the EHR is not the expected one"},
	{415, ERR_REMOTE_REFUSED, "the EHR does not take FHIR JSON here"},
	{422, ERR_REMOTE_REFUSED, "a rule of the EHR forbids this content"},
	{423, ERR_CONFLICT, "someone is editing the resource at the EHR"},
	{424, ERR_REMOTE, "something the request depends on failed at the EHR"},
	{428, ERR_PRECONDITION, "the EHR wants to be told which version is to be replaced"},
	{429, ERR_THROTTLED, "the EHR asks for fewer requests"},
	{500, ERR_REMOTE, "the EHR failed inside"},
	{501, ERR_REMOTE_REFUSED, "the EHR does not offer this interaction"},
	{502, ERR_REMOTE, "the EHR's gateway cannot reach the EHR"},
	{503, ERR_REMOTE, "the EHR is not available at the moment"},
	{504, ERR_REMOTE, "the EHR took too long behind its gateway"},
};

static const char *status_sentence(int status, enum error_code *ret_code)
{
	for (size_t i = 0; i < sizeof by_status / sizeof by_status[0]; i++)
		if (by_status[i].status == status) {
			*ret_code = by_status[i].code;
			return by_status[i].sentence;
		}
	*ret_code = status >= 400 && status < 500 ? ERR_REMOTE_REFUSED : ERR_REMOTE;
	return status >= 300 && status < 400 ? "the EHR points to another address, which is not followed; a record may "
					       "have been merged into another"
	       : status >= 400 && status < 500 ? "the EHR refuses the request"
	       : status >= 200 && status < 300 ? "the EHR's answer says that it failed"
					       : "the EHR answered with an error";
}

/* What kind of body it was, when it was no FHIR. */
static const char *body_kind(const struct http_answer *answer, const struct json *json)
{
	struct str body = ehr_answer_text(answer);
	if (json_is(json, JSON_OBJECT))
		return NULL;
	if (!body.n || str_is(body, "\"\""))
		return "with an empty body";
	if (str_find(answer->content_type, S("html")) != STR_NONE || body.p[0] == '<')
		return str_find(answer->content_type, S("xml")) != STR_NONE &&
				       str_find(answer->content_type, S("html")) == STR_NONE
			       ? "with XML"
			       : "with a page of HTML";
	return ehr_media_is_json(answer->content_type) ? "with text that is no JSON" : "with plain text";
}

bool ehr_media_is_json(struct str content_type)
{
	size_t end = str_find_char(content_type, ';', 0);
	struct str type = str_trim(str_slice(content_type, 0, end == STR_NONE ? content_type.n : end));
	struct str ending = type.n > 5 ? str_slice(type, type.n - 5, type.n) : type;
	return str_eq_nocase(ending, S("+json")) || str_eq_nocase(type, S("application/json")) ||
	       str_eq_nocase(type, S("application/json+fhir")) || str_eq_nocase(type, S("text/json"));
}

struct str ehr_answer_text(const struct http_answer *answer)
{
	struct str text = str_trim(answer->body);
	return str_starts(text, S("\xef\xbb\xbf")) ? str_trim(str_slice(text, 3, text.n)) : text;
}

static void take_codes(const struct http_answer *answer, const struct json *json, struct ehr_failure *f)
{
	static const char *const headers[] = {"Cerner-Correlation-ID", "X-Request-Id", "opc-request-id"};
	for (size_t i = 0; i < sizeof headers / sizeof headers[0] && !f->correlation_id[0]; i++) {
		struct str id = http_answer_header(answer, headers[i]);
		if (id.n < sizeof f->correlation_id && is_code(str_slice(id, 0, 63)))
			keep(f->correlation_id, sizeof f->correlation_id, id);
	}
	if (str_is(json_get_str(json, S("resourceType")), "OperationOutcome"))
		keep(f->vendor_code, sizeof f->vendor_code, ehr_issue_code(worst_issue(json)));
	else if (json_get(json, S("error")))
		oauth_codes(json, f);
	if (!f->vendor_code[0])
		find_cerner_urn(str_slice(answer->body, 0, 8192), f->vendor_code, sizeof f->vendor_code);
	if (!f->vendor_code[0])
		keep(f->vendor_code, sizeof f->vendor_code, bearer_error(answer));
}

static const struct json *parse_body(struct arena *a, const struct http_answer *answer)
{
	struct str body = ehr_answer_text(answer);
	struct error ignored = {0};
	if (!body.n || body.p[0] != '{' || body.n > (1 << 20))
		return NULL;
	return json_parse(a, body, 0, &ignored);
}

/* 404 to a whole type means that the EHR does not offer it, and so does a page of HTML: Epic's front end answers it for
 * paths that it does not know. */
static bool is_unknown_type(const struct ehr_request *request, const struct http_answer *answer)
{
	bool page = answer->content_type.p && str_find(answer->content_type, S("html")) != STR_NONE;
	return answer->status == 404 && request->type.n && (!request->id.n || page);
}

/* Callers act on these whatever code comes with them. */
static bool status_decides(int status)
{
	return status == 409 || status == 412 || status == 429;
}

bool ehr_fail_answer(const struct ehr_client *c, struct arena *a, const struct ehr_request *request,
		     const struct http_answer *answer, struct ehr_failure *f)
{
	struct ehr_failure fresh = {.http_status = answer->status};
	const struct json *json = parse_body(a, answer);
	take_codes(answer, json, &fresh);
	struct str issue = json_get_str(worst_issue(json), S("code"));
	if (!fresh.vendor_code[0] && is_code(issue) && ehr_code_find(c->rules, issue))
		keep(fresh.vendor_code, sizeof fresh.vendor_code, issue); /* one that this vendor means something by */
	enum error_code code;
	const char *sentence = status_sentence(answer->status, &code);
	const struct ehr_code *known = ehr_code_find(c->rules, str_from(fresh.vendor_code));
	const char *kind = NULL;
	if (is_unknown_type(request, answer) && !(known && known->error)) {
		code = ERR_REMOTE_REFUSED;
		sentence = request->action == 'C' ? "the EHR does not let clients create this resource type"
			   : str_is(request->type, "CapabilityStatement")
				   ? "no FHIR base is there: it has no capability statement"
				   : "the EHR does not offer this resource type";
	} else if (known && known->error && !status_decides(answer->status)) {
		code = known->error;
		sentence = known->sentence;
	} else if (answer->status == 403 && !ehr_token_covers(c, request->type)) {
		sentence = "the scopes granted to this client do not name the resource type";
	}
	if (!known)
		kind = body_kind(answer, json);
	if (kind && answer->status >= 200 && answer->status <= 299)
		sentence = "the EHR's answer is no FHIR";
	error_set(&fresh.error, code, "%.*s: %s (%s%s%.*s: HTTP %d%s%s%s%s)", STR_ARG(c->config.name), sentence,
		  request->interaction, request->type.n ? " " : "", STR_ARG(request->type), answer->status,
		  fresh.vendor_code[0] ? ", code " : "", fresh.vendor_code, kind ? " " : "", kind ? kind : "");
	fresh.body = body_kind(answer, json);
	fresh.retryable = answer->status == 429 || (answer->status >= 502 && answer->status <= 504);
	*f = fresh;
	return false;
}

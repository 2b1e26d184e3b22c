/* Epic's errors: fatal OperationOutcomes with numeric codes, HTML for unknown routes, nearly empty 401 and 403. */
#include "sandbox/epic_priv.h"

/* What the codes mean, in our own words. */
static const struct {
	const char *code, *text;
} meanings[] = {
	{"4101", "Resource request returns no results."},
	{"4103", "The resource has been deleted."},
	{"4104", "A required element is not available."},
	{"4107", "The patient was merged into another."},
	{"4111", "A required parameter is missing."},
	{"4113", "The search session has expired."},
	{"4115", "A required parameter has an invalid value."},
	{"4127", "The search finds more than 100 patients."},
	{"59008", "The FHIR ID provided was not found."},
	{"59100", "Content is invalid against the specification or a profile."},
	{"59102", "Content is invalid."},
	{"59105", "The content has a structural issue."},
	{"59108", "A required element is missing."},
	{"59111", "A required element is invalid."},
	{"59133", "The request could not be processed."},
	{"59141", "The content conflicts with what is stored."},
	{"59144", "A reference was not found."},
	{"59187", "Nothing of the kind can be filed by this API."},
	{"59188", "There is no single flowsheet row for the codes."},
	{"59159", "A business rule does not let the content or operation proceed."},
	{"59177", "An internal error occurred."},
	{"59204", "The search covers a part that the client is not authorized for; its results are left out."},
};

static struct str meaning_of(const char *code)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		if (strcmp(code, meanings[i].code) == 0)
			return str_from(meanings[i].text);
	}
	return STR_NULL;
}

static void put_list_of_one(struct json_writer *w, const char *key, const char *prefix, const char *text)
{
	char value[96];
	struct buf joined = {.p = value, .cap = sizeof(value), .max = sizeof(value)};
	buf_add(&joined, str_from(prefix));
	buf_add(&joined, str_from(text));
	json_key(w, str_from(key));
	json_array_begin(w);
	json_put_str(w, buf_str(&joined));
	json_array_end(w);
}

static void put_issue(struct json_writer *w, const struct epic_issue *issue)
{
	struct str meaning = meaning_of(issue->code);
	json_object_begin(w);
	json_put_member(w, S("severity"), str_from(issue->severity));
	json_put_member(w, S("code"), str_from(issue->issue));
	json_key(w, S("details"));
	json_object_begin(w);
	json_key(w, S("coding"));
	json_array_begin(w);
	json_object_begin(w);
	json_put_member(w, S("system"), S(EPIC_OID "2.657369"));
	json_put_member(w, S("code"), str_from(issue->code));
	json_put_member(w, S("display"), meaning);
	json_object_end(w);
	json_array_end(w);
	json_put_member(w, S("text"), meaning);
	json_object_end(w);
	json_put_member(w, S("diagnostics"), issue->diagnostics);
	if (issue->location) {
		put_list_of_one(w, "location", "/f:", issue->location);
		put_list_of_one(w, "expression", "", issue->location);
	}
	json_object_end(w);
}

void epic_outcome(struct json_writer *w, const struct epic_issue *issues, size_t count)
{
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("OperationOutcome"));
	json_key(w, S("issue"));
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		put_issue(w, &issues[i]);
	json_array_end(w);
	json_object_end(w);
}

void epic_refuse(struct rest_answer *answer, int status, const struct epic_issue *issues, size_t count)
{
	face_clear(answer);
	answer->status = status;
	struct json_writer w = json_writer(&answer->body);
	epic_outcome(&w, issues, count);
}

void epic_html_not_found(struct buf *out)
{
	buf_add(out, S("<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "
		       "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n"
		       "<html xmlns=\"http://www.w3.org/1999/xhtml\">\r\n<head>\r\n"
		       "<title>404 - File or directory not found.</title>\r\n</head>\r\n<body>\r\n"
		       "<div id=\"header\"><h1>Server Error</h1></div>\r\n<div id=\"content\">\r\n"
		       "<h2>404 - File or directory not found.</h2>\r\n"
		       "<h3>Nothing is served at this address.</h3>\r\n</div>\r\n</body>\r\n</html>\r\n"));
}

/* ---- errors ----------------------------------------------------------------------------------------------------- */

static void unauthorized(struct rest_answer *answer)
{
	answer->status = 401;
	answer->content_type = S("application/json; charset=utf-8");
	rest_answer_header(
		answer, "WWW-Authenticate",
		S("Bearer error=\"invalid_token\", error_description=\"The access token provided is not valid\""));
	buf_add(&answer->body, S("\"\""));
}

static void forbidden(struct rest_answer *answer)
{
	answer->status = 403;
	answer->content_type = S("");
	rest_answer_header(
		answer, "WWW-Authenticate",
		S("Bearer error=\"insufficient_scope\", error_description=\"The access token provided is valid, but "
		  "is not authorized for this service\""));
}

static void html(struct rest_answer *answer, int status)
{
	answer->status = status;
	answer->content_type = S("text/html");
	epic_html_not_found(&answer->body);
}

/* Firth's errors and what Epic makes of them. Anything else is 59177 with Firth's status. */
static const struct {
	enum error_code error;
	int status;
	const char *issue, *code, *diagnostics, *location;
} errors[] = {
	{ERR_NOT_FOUND, 404, "not-found", "59008", "Invalid FHIR ID provided", "id"},
	{ERR_GONE, 404, "deleted", "4103", NULL, NULL},
	{ERR_CURSOR, 400, "processing", "4113", NULL, NULL},
	{ERR_PRECONDITION, 412, "conflict", "59141", "If-Match names another version than the current one.", NULL},
	{ERR_JSON, 400, "structure", "59105", NULL, NULL},
	{ERR_UTF8, 400, "structure", "59105", NULL, NULL},
	{ERR_STRUCTURE, 400, "structure", "59105", NULL, NULL},
	{ERR_REQUIRED, 400, "required", "59108", NULL, NULL},
	{ERR_VALUE, 400, "value", "59111", NULL, NULL},
	{ERR_INVARIANT, 400, "invariant", "59102", NULL, NULL},
	{ERR_UNKNOWN_PARAM, 400, "business-rule", "59159", NULL, NULL},
	{ERR_NOT_SUPPORTED, 400, "not-supported", "59159", NULL, NULL},
};

static void coded(const struct error *err, struct rest_answer *answer)
{
	struct epic_issue issue = {"fatal", "exception", "59177", str_from(err->text), NULL};
	int status = answer->status;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].error != err->code)
			continue;
		status = errors[i].status;
		issue.issue = errors[i].issue;
		issue.code = errors[i].code;
		issue.location = errors[i].location;
		if (errors[i].diagnostics)
			issue.diagnostics = str_from(errors[i].diagnostics);
	}
	epic_refuse(answer, status, &issue, 1);
}

void epic_error(void *ctx, struct rest_call *call, const struct error *err, struct rest_answer *answer)
{
	(void)ctx;
	struct str etag = face_header_of(answer, "ETag");
	face_clear(answer);
	if (err->code == ERR_LOGIN || err->code == ERR_TOKEN_EXPIRED || err->code == ERR_TOKEN_INVALID)
		unauthorized(answer);
	else if (err->code == ERR_FORBIDDEN)
		forbidden(answer);
	else if (!call->type || err->code == ERR_UNKNOWN_TYPE || err->code == ERR_METHOD)
		html(answer, 404);
	else
		coded(err, answer);
	if (err->code == ERR_PRECONDITION)
		rest_answer_header(answer, "ETag", etag);
}

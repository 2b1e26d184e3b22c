/*
 * Answers: errors as OperationOutcome, formats, and the headers that every answer carries.
 */
#include <unistd.h>

#include "base/clock.h"
#include "fhir/xml.h"
#include "server/rest/rest_priv.h"

void answer_init(struct rest_answer *answer)
{
	*answer = (struct rest_answer){.status = 200};
	buf_init(&answer->body, REST_MAX_ANSWER);
}

void answer_forget_file(struct rest_answer *answer)
{
	if (answer->has_file)
		close(answer->file.fd);
	answer->has_file = false;
}

void rest_answer_header(struct rest_answer *answer, const char *name, struct str value)
{
	if (answer->header_count < REST_ANSWER_HEADERS && value.p)
		answer->headers[answer->header_count++] = (struct http_header){str_from(name), value};
}

struct str answer_etag(struct arena *a, int64_t version)
{
	/* Every read writes one, so without printf: W/"12", from the end. */
	char *text = arena_alloc(a, 32), *p = text + 32;
	if (!text)
		return STR_NULL;
	*--p = '\0';
	*--p = '"';
	do
		*--p = (char)('0' + version % 10);
	while ((version /= 10) > 0);
	p -= 3;
	memcpy(p, "W/\"", 3);
	return str_make(p, (size_t)(text + 31 - p));
}

void answer_version(const struct rest_call *call, struct rest_answer *answer, int64_t version, int64_t updated_ms)
{
	rest_answer_header(answer, "ETag", answer_etag(call->arena, version));
	if (updated_ms)
		rest_answer_header(answer, "Last-Modified", http_date(call->arena, updated_ms));
}

bool answer_resource(struct rest_call *call, const struct store_entry *entry, struct buf *out, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	if (face && face->resource)
		return face->resource(face->ctx, call, entry, out, err);
	if (call->view)
		return view_write(call, entry->type, entry->body, out, err);
	buf_add(out, entry->body);
	return true;
}

/* ---- formats -------------------------------------------------------------------------------------------------------
 */

/* XML and indented JSON are made from the finished JSON: rare, and everything else stays a copy of bytes. A bundle lies
 * a few levels above the resources in it, which were accepted with the default depth. */
static bool reformat(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct error cause = {0};
	struct buf out;
	if (!call->xml && !call->pretty)
		return true;
	const struct json *j = json_parse(call->arena, buf_str(&answer->body), 2 * JSON_MAX_DEPTH, &cause);
	buf_init(&out, REST_MAX_ANSWER);
	bool ok = j != NULL;
	if (ok && call->xml)
		ok = xml_write_resource(&out, call->arena, call->server->o.definitions, j, &cause);
	else if (ok)
		json_pretty(&out, j);
	if (ok && buf_ok(&out)) {
		buf_done(&answer->body);
		answer->body = out;
		return true;
	}
	buf_done(&out);
	if (cause.code == ERR_MEMORY || ok)
		return error_memory(err);
	return error_set(err, ERR_INTERNAL, "The answer could not be written in the format asked for: %s", cause.text);
}

static struct str content_type_of(const struct rest_call *call, const struct rest_answer *answer)
{
	if (answer->content_type.p)
		return answer->content_type;
	if (!answer->body.n && !answer->has_file)
		return S("");
	return call->media.p ? call->media : S("application/fhir+json; charset=utf-8");
}

void answer_send(struct rest_call *call, struct rest_answer *answer)
{
	static const struct http_header cors[] = {
		{{"Access-Control-Allow-Origin", 27}, {"*", 1}},
		{{"Access-Control-Expose-Headers", 29},
		 {"ETag, Location, Content-Location, Last-Modified, Retry-After, X-Progress, X-Request-Id, "
		  "WWW-Authenticate",
		  104}},
	};
	struct http_header headers[REST_ANSWER_HEADERS + 2];
	struct error err = {0};
	if (!buf_ok(&answer->body)) {
		buf_done(&answer->body);
		error_set(&err, ERR_TOO_LARGE, "The answer is larger than this server sends; ask for smaller pages");
		answer_error(call, answer, &err);
	} else if (!answer->content_type.p && answer->body.n && !reformat(call, answer, &err)) {
		call->xml = call->pretty = false;
		call->media = STR_NULL;
		answer_error(call, answer, &err);
	}
	/* What scripts may read matters only to pages of other origins, which say who they are. */
	size_t shared = http_request_header(call->exchange, "Origin").p ? 2 : 1;
	memcpy(headers, cors, shared * sizeof(*cors));
	memcpy(headers + shared, answer->headers, answer->header_count * sizeof(*headers));
	struct http_response response = {.status = answer->status,
					 .content_type = content_type_of(call, answer),
					 .headers = headers,
					 .header_count = answer->header_count + shared,
					 .body = answer->body.n ? &answer->body : NULL,
					 .file = answer->has_file ? &answer->file : NULL};
	if (!answer->body.n)
		buf_done(&answer->body);
	http_respond(call->exchange, &response);
}

/* ---- errors --------------------------------------------------------------------------------------------------------
 */

void outcome_write_note(struct buf *out, enum issue_severity severity, const char *issue_type, struct str text)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("OperationOutcome"));
	json_key(&w, S("issue"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("severity"), str_from(issue_severity_name(severity)));
	json_put_member(&w, S("code"), str_from(issue_type));
	json_put_member(&w, S("diagnostics"), text);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
}

void outcome_write_noted(struct buf *out, struct str text, struct issues *findings)
{
	struct issue note = {.severity = ISSUE_INFORMATION, .code = ERR_NONE, .text = text, .next = findings->first};
	outcome_write(out, &(struct issues){.first = &note, .count = 1});
}

void answer_outcome(const struct rest_call *call, struct buf *out, const struct error *err)
{
	if (call->findings.errors && !call->inner)
		outcome_write(out, &call->findings);
	else
		decision_write_outcome(out, err, call->server->o.journal ? call->request->request_id : STR_NULL);
}

static void add_challenge(struct rest_call *call, struct rest_answer *answer, const struct error *err)
{
	rest_answer_header(answer, "WWW-Authenticate",
			   decision_challenge(call->arena, err, decision_needed_scope(call->decision),
					      call->server->o.resource_metadata));
}

void answer_error(struct rest_call *call, struct rest_answer *answer, const struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	struct error named;
	err = limits_explain(call, err, &named);
	answer->status = error_http_status(err->code);
	answer->content_type = STR_NULL;
	buf_reset(&answer->body);
	answer_forget_file(answer);
	if (answer->status == 401 || err->code == ERR_FORBIDDEN)
		add_challenge(call, answer, err);
	/* What costs too much costs as much the next time. */
	if (err->code == ERR_THROTTLED || (answer->status == 503 && err->code != ERR_TOO_COSTLY))
		rest_answer_header(answer, "Retry-After", S("1"));
	if (face && face->error)
		face->error(face->ctx, call, err, answer);
	else
		answer_outcome(call, &answer->body, err);
}

/* Refusals as the caller reads them: OperationOutcome, WWW-Authenticate, and the JSON of OAuth. */
#include "server/decision/decision.h"

#include <stdio.h>

#include "fhir/resource.h"

#define REFUSAL_SYSTEM "https://firth.dev/fhir/CodeSystem/refusal"

static char plain(char c)
{
	return c == '"' || c == '\\' ? '\'' : c < 0x20 || c > 0x7e ? '?' : c;
}

struct str decision_plain(struct arena *a, struct str text)
{
	char *copy = arena_alloc(a, text.n + 1);
	for (size_t i = 0; copy && i < text.n; i++)
		copy[i] = plain(text.p[i]);
	return copy ? str_make(copy, text.n) : STR_NULL;
}

static void put_details(struct json_writer *w, const struct refusal_facts *facts)
{
	json_key(w, S("details"));
	json_object_begin(w);
	json_key(w, S("coding"));
	json_array_begin(w);
	json_object_begin(w);
	json_put_member(w, S("system"), S(REFUSAL_SYSTEM));
	json_put_member(w, S("code"), str_from(facts->code));
	json_object_end(w);
	json_array_end(w);
	json_put_member(w, S("text"), str_from(facts->text));
	json_object_end(w);
}

static void put_diagnostics(struct json_writer *w, const struct error *err, struct str request_id)
{
	char text[sizeof(err->text) + 128];
	int n = snprintf(text, sizeof(text), "%s%s%.*s", err->text,
			 request_id.n ? ". All of the decision: firth why " : "",
			 (int)(request_id.n > 64 ? 64 : request_id.n), request_id.n ? request_id.p : "");
	json_put_member(w, S("diagnostics"), str_make(text, (size_t)n));
}

void decision_write_outcome(struct buf *out, const struct error *err, struct str request_id)
{
	enum refusal refusal = refusal_of(err);
	if (!refusal) {
		outcome_write_error(out, err);
		return;
	}
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("OperationOutcome"));
	json_key(&w, S("issue"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("severity"), S("error"));
	json_put_member(&w, S("code"), str_from(error_issue_type(err->code)));
	put_details(&w, refusal_facts(refusal));
	put_diagnostics(&w, err, request_id);
	if (err->path[0]) {
		json_key(&w, S("expression"));
		json_array_begin(&w);
		json_put_str(&w, str_from(err->path));
		json_array_end(&w);
	}
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
}

/* What RFC 6750 calls an error that is no refusal of ours. */
static const char *standard_word(const struct error *err)
{
	return err->code == ERR_LOGIN ? NULL : err->code == ERR_FORBIDDEN ? "insufficient_scope" : "invalid_token";
}

struct str decision_challenge(struct arena *a, const struct error *err, struct str scope, struct str resource_metadata)
{
	struct buf text;
	enum refusal refusal = refusal_of(err);
	const char *word = refusal ? refusal_facts(refusal)->oauth : standard_word(err);
	int status = error_http_status(err->code);
	if (status != 401 && status != 403)
		return STR_NULL;
	buf_init(&text, 4096);
	buf_add(&text, S("Bearer realm=\"fhir\""));
	/* RFC 6750 section 3.1 knows these two for what reaches a resource; a policy is no matter of the token. */
	if (word && (str_is(str_from(word), "invalid_token") || str_is(str_from(word), "insufficient_scope"))) {
		struct str told = decision_plain(a, str_from(err->text));
		buf_printf(&text, ", error=\"%s\", error_description=\"%.*s\"", word, STR_ARG(told));
		if (scope.n)
			buf_printf(&text, ", scope=\"%.*s\"", STR_ARG(decision_plain(a, scope)));
	}
	if (status == 401 && resource_metadata.n)
		buf_printf(&text, ", resource_metadata=\"%.*s\"", STR_ARG(resource_metadata));
	struct str all = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return all;
}

const char *decision_write_oauth(struct buf *out, const struct error *err, const char *standard)
{
	enum refusal refusal = refusal_of(err);
	const char *word = refusal ? refusal_facts(refusal)->oauth : NULL;
	struct json_writer w = json_writer(out);
	char text[sizeof(err->text)];
	size_t n = strlen(err->text);
	word = word ? word : standard;
	for (size_t i = 0; i < n; i++)
		text[i] = plain(err->text[i]);
	json_object_begin(&w);
	json_put_member(&w, S("error"), str_from(word));
	json_put_member(&w, S("error_description"), str_make(text, n));
	if (refusal) /* beside the standard's members, which clients pass over when they do not know them */
		json_put_member(&w, S("refusal"), str_from(refusal_facts(refusal)->code));
	json_object_end(&w);
	return word;
}

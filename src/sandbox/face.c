/* What both faces share: the table of types, queries as the client sent them, pieces of answers. */
#include "sandbox/face_priv.h"

#include "base/encode.h"

/* ---- types ------------------------------------------------------------------------------------------------------ */

bool face_opened(const struct sandbox *s, struct str name)
{
	for (size_t i = 0; i < s->o.allow_write_count; i++) {
		if (str_eq(s->o.allow_write[i], name))
			return true;
	}
	return false;
}

const struct face_type *face_type(const struct sandbox *s, struct str name)
{
	for (const struct face_type *t = s->vendor->types; t->name; t++) {
		if (str_is(name, t->name))
			return t;
	}
	return face_opened(s, name) ? &s->vendor->opened : NULL;
}

bool face_may(const struct sandbox *s, struct str type, char letter)
{
	const struct face_type *t = face_type(s, type);
	if (!t || !letter)
		return false;
	return strchr(t->interactions, letter) || face_opened(s, type);
}

char face_letter(enum rest_interaction i)
{
	switch (i) {
	case REST_READ:
		return 'r';
	case REST_SEARCH_TYPE:
	case REST_SEARCH_POST:
		return 's';
	case REST_CREATE:
		return 'c';
	case REST_UPDATE:
		return 'u';
	case REST_PATCH:
		return 'p';
	case REST_DELETE:
		return 'd';
	default:
		return 0;
	}
}

/* ---- queries ---------------------------------------------------------------------------------------------------- */

bool face_param_next(struct str *rest, struct face_param *ret_param)
{
	while (rest->p) {
		struct str pair = str_split(rest, '&');
		struct str value = pair;
		struct str name = str_split(&value, '=');
		if (!name.n)
			continue;
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] == ':' || name.p[i] == '.' || (name.p[i] == '%' && i + 2 < name.n)) {
				name.n = i; /* "%3A" is a colon */
				break;
			}
		}
		*ret_param = (struct face_param){name, pair, value.p ? value : S("")};
		return true;
	}
	return false;
}

size_t face_count(struct str query, struct str name)
{
	struct face_param p;
	size_t n = 0;
	while (face_param_next(&query, &p))
		n += p.value.n && str_eq(p.name, name);
	return n;
}

bool face_has(struct str query, struct str name)
{
	return face_count(query, name) > 0;
}

struct str face_value(struct str query, struct str name)
{
	struct face_param p;
	while (face_param_next(&query, &p)) {
		if (str_eq(p.name, name))
			return p.value;
	}
	return STR_NULL;
}

bool face_listed(const char *list, struct str name)
{
	return str_has_word(str_from(list), name);
}

bool face_needs_met(const char *needs, struct str query)
{
	struct str rest = str_from(needs);
	while (rest.p) {
		struct str all = str_split(&rest, '|');
		bool met = true;
		while (all.p)
			met &= face_has(query, str_split(&all, '+'));
		if (met)
			return true;
	}
	return false;
}

bool face_needs_touched(const char *needs, struct str query)
{
	struct str rest = str_from(needs);
	while (rest.p) {
		struct str all = str_split(&rest, '|');
		while (all.p) {
			if (face_has(query, str_split(&all, '+')))
				return true;
		}
	}
	return false;
}

const char *face_without_errors(const struct fhir_type *type)
{
	if (definitions_search_param(type, S("verification-status")))
		return "verification-status:not=entered-in-error&";
	bool clinical = face_listed("DiagnosticReport DocumentReference Immunization MedicationRequest Observation "
				    "Procedure ServiceRequest",
				    type->name);
	return clinical ? "status:not=entered-in-error&" : "";
}

struct str face_query(const struct rest_call *call)
{
	return call->interaction == REST_SEARCH_POST ? call->request->body : call->request->query;
}

struct str face_url(const struct sandbox *s, struct arena *a, struct str type, struct str id)
{
	return arena_printf(a, "%.*s/%.*s%s%.*s", STR_ARG(s->fhir_base), STR_ARG(type), id.n ? "/" : "", STR_ARG(id));
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

void face_clear(struct rest_answer *answer)
{
	answer->header_count = 0;
	buf_reset(&answer->body);
}

struct str face_header_of(const struct rest_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->header_count; i++) {
		if (str_eq_nocase(answer->headers[i].name, str_from(name)))
			return answer->headers[i].value;
	}
	return STR_NULL;
}

struct str face_survivor(struct arena *a, const struct store_entry *entry)
{
	struct error ignored = {0};
	if (!str_is(entry->type->name, "Patient") || str_find(entry->body, S("\"replaced-by\"")) == STR_NONE)
		return STR_NULL;
	const struct json *link = json_at(json_get(json_parse(a, entry->body, 0, &ignored), S("link")), 0);
	return str_is(json_get_str(link, S("type")), "replaced-by")
		       ? json_get_str(json_get(link, S("other")), S("reference"))
		       : STR_NULL;
}

bool face_entry(struct rest_call *call, const struct sandbox *s, struct json_writer *w, const struct store_entry *e,
		struct error *err)
{
	struct buf shown;
	buf_init(&shown, (size_t)64 << 20);
	bool ok = s->face[HOST_PROVIDER].resource(s->face[HOST_PROVIDER].ctx, call, e, &shown, err);
	if (ok) {
		json_put_member(w, S("fullUrl"), face_url(s, call->arena, e->type->name, e->id));
		json_key(w, S("resource"));
		json_put_raw(w, buf_str(&shown));
	}
	buf_done(&shown);
	return ok;
}

struct str face_decoded(struct arena *a, struct str sent)
{
	struct buf plain;
	buf_init(&plain, 1 << 20);
	struct str text = sent.p && decode_percent(&plain, sent, true) ? arena_str(a, buf_str(&plain)) : STR_NULL;
	buf_done(&plain);
	return text;
}

static bool same_media(struct str a, struct str b)
{
	return str_eq_nocase(str_trim(str_split(&a, ';')), str_trim(str_split(&b, ';')));
}

bool face_binary(struct rest_call *call, const struct store_entry *entry, bool any, struct rest_answer *answer)
{
	struct error err = {0};
	struct str accept = http_request_header(call->exchange, "Accept");
	const struct json *binary = json_parse(call->arena, entry->body, 0, &err);
	struct str media = json_get_str(binary, S("contentType"));
	if (str_find(accept, S("json")) != STR_NONE || str_find(accept, S("fhir+xml")) != STR_NONE ||
	    !(any || (accept.p && same_media(accept, media))))
		return false;
	face_clear(answer);
	answer->content_type = media;
	if (!decode_base64(&answer->body, json_get_str(binary, S("data"))))
		buf_reset(&answer->body);
	return true;
}

bool face_fail(struct sandbox *s, struct rest_call *call, const struct error *err, struct rest_answer *answer)
{
	answer->status = error_http_status(err->code);
	s->face[HOST_PROVIDER].error(s->face[HOST_PROVIDER].ctx, call, err, answer);
	return false;
}

bool face_exists(struct sandbox *s, struct rest_call *call, struct rest_answer *answer)
{
	struct store_entry entry;
	struct error err = {0};
	if (store_read(s->o.store, call->arena, call->type, call->id, 0, &entry, &err))
		return true;
	return face_fail(s, call, &err, answer);
}

static void passed_on(void *ctx, const struct http_response *response)
{
	http_respond(ctx, response);
}

bool face_again(struct sandbox *s, struct http_exchange *x, enum face_host host, const struct face_other *other)
{
	const struct http_request *r = http_request(x);
	struct http_header *headers;
	struct error ignored = {0};
	size_t count;
	if (!http_request_headers(x, r->arena, &headers, &count))
		return false;
	for (size_t i = 0; i < count && other->authorization.p; i++)
		if (str_eq_nocase(headers[i].name, S("Authorization")))
			headers[i].value = other->authorization;
	for (size_t i = 0; i < count && other->if_match.p; i++)
		if (str_eq_nocase(headers[i].name, S("If-Match")))
			headers[i].value = other->if_match;
	struct http_apart apart = {
		.request = *r, .headers = headers, .header_count = count, .answered = passed_on, .ctx = x};
	apart.request.file = -1;
	if (other->method.p) {
		apart.request.method = other->method;
		apart.request.query = S("");
	}
	struct http_exchange *inner = http_exchange_apart(&apart, &ignored);
	if (inner)
		sandbox_serve(s, inner, host);
	return inner != NULL;
}

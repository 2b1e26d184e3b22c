/* Would this request be let in? Judged by what the token allows and by the site's policy, without making it. */
#include "app/token.h"
#include "base/encode.h"
#include "server/rest/rest.h"

static bool split(struct token_report *r, struct str request, struct str *ret_method, struct str *ret_path,
		  struct str *ret_query, struct error *err)
{
	struct str rest = str_trim(request);
	*ret_method = str_split(&rest, ' ');
	struct str path = str_trim(rest.p ? rest : S(""));
	if (!path.n)
		return error_set(err, ERR_USAGE, "a request is a method and a path: 'GET /Observation?patient=1'");
	size_t start = str_find(path, S("/fhir/"));
	if (start != STR_NONE)
		path = str_slice(path, start + 6, path.n);
	while (path.n && path.p[0] == '/')
		path = str_slice(path, 1, path.n);
	*ret_query = path;
	*ret_path = str_split(ret_query, '?');
	if (!ret_query->p)
		*ret_query = S("");
	(void)r;
	return true;
}

static const char *permission_name(unsigned bit)
{
	return bit == SCOPE_C	? "create"
	       : bit == SCOPE_R ? "read"
	       : bit == SCOPE_U ? "update"
	       : bit == SCOPE_D ? "delete"
				: "search";
}

/* The patient that a query or a path names, as an id. */
static struct str named_patient(struct token_report *r, const struct rest_needs *needs, struct str query)
{
	if (needs->type && str_is(needs->type->name, "Patient") && needs->id.n)
		return needs->id;
	bool patients = needs->type && str_is(needs->type->name, "Patient");
	while (query.p) {
		struct str value = str_split(&query, '&'), name = str_split(&value, '=');
		struct buf text;
		if (!value.p ||
		    !(str_is(name, "patient") || str_is(name, "subject") || (patients && str_is(name, "_id"))))
			continue;
		buf_init(&text, 4096);
		struct str id = decode_percent(&text, value, true) ? arena_str(r->arena, buf_str(&text)) : STR_NULL;
		buf_done(&text);
		size_t slash = str_rfind_char(id, '/');
		return slash == STR_NONE ? id : str_slice(id, slash + 1, id.n);
	}
	return STR_NULL;
}

/* Scopes of the patient alone let nothing else in; what is not named is found out only when it is read. */
static void check_patient(struct token_report *r, const struct rest_needs *needs, struct str query)
{
	struct str named = named_patient(r, needs, query);
	bool of_patient = r->scope.n && str_starts(r->scope, S("patient/"));
	if (!of_patient)
		return;
	if (!r->grant.patient.n)
		token_fail(r, CHECK_PATIENT_CONTEXT, REFUSAL_PATIENT_MISSING, S(""), STR_NULL);
	else if (named.n && !str_eq(named, r->grant.patient))
		token_fail(r, CHECK_PATIENT_CONTEXT, REFUSAL_OUTSIDE_PATIENT, r->grant.patient, named);
	else
		token_pass(r, CHECK_PATIENT_CONTEXT,
			   named.n ? r->grant.patient
				   : arena_printf(r->arena, "%.*s; what is not of this patient is not found",
						  STR_ARG(r->grant.patient)));
}

static bool check_needs(struct token_report *r, const struct token_question *q, const struct rest_needs *needs,
			struct str query, struct error *err)
{
	const struct access_options options = {.definitions = definitions_builtin(),
					       .base = S("http://localhost/fhir"),
					       .rules = q->config->policy,
					       .rule_count = q->config->policy_count,
					       .break_glass = q->config->break_glass};
	struct access *access = access_open(&options, err);
	struct access_pass *pass = access ? access_enter(access, &r->grant, false, err) : NULL;
	struct decision *d = decision_new(r->arena);
	struct error cause = {0};
	if (!pass) {
		access_close(access);
		return false;
	}
	bool let_in = access_require(pass, needs->type, needs->permissions, d, &cause);
	token_take_decision(r, d);
	if (let_in && d)
		r->scope = arena_str(r->arena, d->scope);
	access_leave(pass);
	access_close(access);
	if (!let_in && !refusal_of(&cause))
		return error_set(err, cause.code, "%s", cause.text);
	if (let_in)
		check_patient(r, needs, query);
	return true;
}

bool token_judge_request(struct token_report *r, const struct token_question *q, struct str request, struct error *err)
{
	struct str method, path, query;
	struct rest_needs needs;
	if (!split(r, request, &method, &path, &query, err) ||
	    !rest_request_needs(r->arena, definitions_builtin(), method, path, &needs, err))
		return false;
	token_add_fact(r, "request", arena_printf(r->arena, "%s", needs.interaction));
	for (unsigned bit = SCOPE_C; bit <= SCOPE_S; bit <<= 1)
		if (needs.type && (needs.permissions & bit))
			token_add_fact(
				r, "needs",
				arena_printf(r->arena, "to %s %.*s", permission_name(bit), STR_ARG(needs.type->name)));
	if (strcmp(r->kind, "jwt-access-token") == 0)
		token_fail(r, CHECK_TOKEN_KNOWN, REFUSAL_TOKEN_MALFORMED, S("a JWT"),
			   S("an opaque token of Firth; by its scopes alone:"));
	if (!r->granted) {
		if (!r->failed)
			token_fail(r, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, S(""), STR_NULL);
		return true;
	}
	if (!needs.type || !needs.permissions) {
		token_add_fact(r, "needs",
			       needs.permissions ? S("a type of resources")
						 : S("no scope by itself: what it finds is judged one by one"));
		return true;
	}
	return check_needs(r, q, &needs, query, err);
}

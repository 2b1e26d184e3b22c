/*
 * PlanDefinition/$apply (http://hl7.org/fhir/R4/plandefinition-operation-apply.html) for plans of the condition-action
 * kind: the data that the plan says it needs is searched for here, as far as the caller may see it, and the answer is a
 * CarePlan with what the plan says of the patient. A plan is compiled for each call; what of it is not supported is
 * refused by name before anything is looked at.
 */
#include "base/clock.h"
#include "base/zone.h"
#include "rule/rule.h"
#include "server/rest/operations/results.h"

enum { MAX_RESOURCES = 2000, PAGE = 500 };

const struct operation_param operation_apply_params[] = {
	{"planDefinition", IN_RESOURCE, false, "PlanDefinition"}, {"subject", IN_TEXT, false, NULL}, {0}};

struct apply {
	struct operation_call *op;
	const struct knowledge_state *state; /* NULL: the server knows no value sets */
	struct rule_library library;
	struct str patient; /* id */
	struct hook_prefetch_value *values;
	size_t value_count;
};

/* ---- what a plan refers to -----------------------------------------------------------------------------------------
 */

static const struct json *stored_canonical(struct apply *x, const struct fhir_type *type, struct str url,
					   struct error *err)
{
	struct store_page page = {0};
	struct buf query;
	size_t bar = str_find_char(url, '|', 0);
	buf_init(&query, 4096);
	results_put_param(&query, "url", str_slice(url, 0, bar == STR_NONE ? url.n : bar));
	if (bar != STR_NONE)
		results_put_param(&query, "version", str_slice(url, bar + 1, url.n));
	results_put_param(&query, "_sort", S("-_lastUpdated"));
	results_put_param(&query, "_count", S("1"));
	struct str text = buf_ok(&query) ? arena_str(x->op->arena, buf_str(&query)) : STR_NULL;
	buf_done(&query);
	if (!text.p) {
		error_memory(err);
		return NULL;
	}
	if (!operation_search(x->op, type, text, STR_NULL, &page, err) || !page.count)
		return NULL;
	return json_parse(x->op->arena, page.entries[0].body, 0, err);
}

static const struct json *find_canonical(void *ctx, struct str type_name, struct str url, struct error *err)
{
	struct apply *x = ctx;
	const struct fhir_type *type = definitions_resource(x->library.definitions, type_name);
	if (type && results_allowed(x->op, type)) {
		const struct json *stored = stored_canonical(x, type, url, err);
		if (stored || err->code)
			return stored;
	}
	const struct canonical *found = x->state ? canonicals_find(x->state->canonicals, type_name, url, NULL) : NULL;
	return found ? canonical_json(x->state->canonicals, found, err) : NULL;
}

static bool member_of(void *ctx, struct arena *a, struct str value_set, struct str system, struct str code,
		      int *ret_answer, struct error *err)
{
	struct apply *x = ctx;
	const struct coding coding = {.system = system, .code = code};
	(void)err;
	struct code_verdict v = terminology_validate_in(x->state->terminology, a, value_set, NULL, &coding, false);
	*ret_answer = v.answer == CODE_IN ? 1 : v.answer == CODE_NOT_IN ? 0 : -1;
	return true;
}

/* ---- data ----------------------------------------------------------------------------------------------------------
 */

/* A page of a search joins the entries of a Bundle. */
static bool put_page(struct buf *out, const struct store_page *page, size_t *count, struct error *err)
{
	for (size_t i = 0; i < page->count; i++) {
		if (++*count > MAX_RESOURCES)
			return error_set(err, ERR_TOO_COSTLY, "The plan needs more than %d resources of one type",
					 (int)MAX_RESOURCES);
		buf_add(out, *count > 1 ? S(",{\"resource\":") : S("{\"resource\":"));
		buf_add(out, page->entries[i].body);
		buf_char(out, '}');
	}
	return true;
}

static bool search_all(struct apply *x, const struct fhir_type *type, struct str query, struct buf *out,
		       struct error *err)
{
	struct store_page page = {0};
	struct str position = STR_NULL;
	size_t count = 0;
	buf_add(out, S("{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":["));
	do {
		page = (struct store_page){0};
		if (!operation_search(x->op, type, query, position, &page, err) || !put_page(out, &page, &count, err))
			return false;
		position = page.next;
	} while (position.p);
	buf_add(out, S("]}"));
	return true;
}

/* "Condition?patient=..." and "Patient/..." as searches of this server. */
static bool find_data(struct apply *x, const struct rule_prefetch *key, struct error *err)
{
	struct buf out;
	struct str query =
		arena_printf(x->op->arena, "%s=%.*s&_count=%d", str_is(key->type->name, "Patient") ? "_id" : "patient",
			     STR_ARG(x->patient), (int)PAGE);
	size_t mark = str_find_char(key->query, '?', 0), equals = str_find_char(key->query, '=', 0);
	if (mark != STR_NONE && equals != STR_NONE)
		query = arena_printf(x->op->arena, "%.*s=Patient/%.*s&_count=%d",
				     STR_ARG(str_slice(key->query, mark + 1, equals)), STR_ARG(x->patient), (int)PAGE);
	if (!query.p)
		return error_memory(err);
	if (!call_allowed(x->op->call, key->type, SCOPE_R | SCOPE_S, NULL))
		return error_set(err, ERR_FORBIDDEN, "The plan needs %.*s.rs, which the token does not have",
				 STR_ARG(key->type->name));
	buf_init(&out, (size_t)64 << 20);
	bool ok = search_all(x, key->type, query, &out, err);
	const struct json *bundle = ok && buf_ok(&out) ? json_parse(x->op->arena, buf_str(&out), 0, err) : NULL;
	if (ok && !buf_ok(&out))
		error_memory(err);
	buf_done(&out);
	if (bundle)
		x->values[x->value_count++] = (struct hook_prefetch_value){key->key, bundle};
	return bundle;
}

static bool find_all(struct apply *x, const struct rule_service *service, struct error *err)
{
	x->values = ARENA_ARRAY(x->op->arena, struct hook_prefetch_value, service->prefetch_count);
	if (!x->values)
		return error_memory(err);
	for (size_t i = 0; i < service->prefetch_count; i++)
		if (!find_data(x, &service->prefetch[i], err))
			return false;
	const struct json *patients = x->value_count ? json_get(x->values[0].value, S("entry")) : NULL;
	return json_size(patients) || error_set(err, ERR_NOT_FOUND, "There is no Patient/%.*s", STR_ARG(x->patient));
}

/* ---- the operation --------------------------------------------------------------------------------------------------
 */

static const struct json *read_plan(struct operation_call *op, struct error *err)
{
	struct store_entry entry;
	const struct json *plan = operation_value(op, "planDefinition");
	if (plan && op->level == AT_INSTANCE)
		error_set(err, ERR_VALUE, "The URL names the plan already; planDefinition is not for it");
	else if (!plan && op->level != AT_INSTANCE)
		error_set(err, ERR_REQUIRED, "$apply needs planDefinition, or the id of a stored one in the URL");
	else if (plan || operation_subject(op, &entry, &plan, err))
		return plan;
	return NULL;
}

static bool read_subject(struct apply *x, struct error *err)
{
	struct str text = operation_text(x->op, "subject");
	struct reference r = reference_parse(x->library.definitions, text);
	x->patient = str_is(r.type, "Patient") ? r.id : text;
	if (!fhir_id_valid(x->patient))
		return error_set(err, ERR_VALUE, "subject must be a patient, such as Patient/12");
	x->op->patient = x->patient;
	return true;
}

static bool run(struct apply *x, const struct rule_service *service, const struct json *plan, struct buf *out,
		struct error *err)
{
	struct rule_result result;
	const struct hook_prefetch prefetch = {x->values, x->value_count};
	struct str subject = arena_printf(x->op->arena, "Patient/%.*s", STR_ARG(x->patient));
	struct str context = arena_printf(x->op->arena, "{\"patientId\":\"%.*s\"}", STR_ARG(x->patient));
	const struct json *parsed = subject.p && context.p ? json_parse(x->op->arena, context, 0, err) : NULL;
	if (!parsed)
		return error_memory(err);
	int64_t now_ms = clock_now_ms();
	const struct rule_input input = {.context = parsed,
					 .prefetch = &prefetch,
					 .now_ms = now_ms,
					 .zone = zone_minutes(x->op->call->server->o.zone, now_ms)};
	if (!rule_run(service, x->op->arena, &input, &result, err))
		return false;
	if (result.failure_count)
		return error_set(err, ERR_BUSINESS_RULE, "The plan cannot be told of this patient: %.*s: %s",
				 STR_ARG(str_slice(result.failures[0].rule, 0, 60)), result.failures[0].error.text);
	return rule_care_plan(x->op->arena, &result.answer, plan, subject, out, err);
}

static bool apply(struct apply *x, const struct json *plan, struct buf *out, struct error *err)
{
	struct error why = {0};
	const struct rule_service *service = rule_compile_plan(&x->library, plan, &why);
	if (!service)
		return error_set(err, why.code, "The plan: %s%s%s", why.path, why.path[0] ? ": " : "", why.text);
	return find_all(x, service, err) && run(x, service, plan, out, err);
}

bool operation_apply(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct apply x = {.op = op, .library = {.arena = op->arena, .definitions = op->call->server->o.definitions}};
	const struct json *plan = read_plan(op, err);
	if (!plan || !operation_require(op, "subject", err) || !read_subject(&x, err))
		return false;
	x.library.ctx = &x;
	x.library.canonical = find_canonical;
	x.state = op->call->server->o.knowledge ? operation_enter(op, err) : NULL;
	if (op->call->server->o.knowledge && !x.state)
		return false;
	x.library.member_of = x.state ? member_of : NULL;
	bool ok = apply(&x, plan, &answer->body, err);
	if (x.state)
		operation_leave(op, x.state);
	return ok;
}

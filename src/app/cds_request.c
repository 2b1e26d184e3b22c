/*
 * The request of a hook: context from options and files, draft orders from files, a FHIR server or names of drugs, and
 * the data that the service asked for. What comes out is held to the hook's definition before anything is sent.
 */
#include "app/cds_request.h"

#include <stdio.h>

#include "app/knowledge.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"

#define RXNORM "http://www.nlm.nih.gov/research/umls/rxnorm"

enum { FILE_MAX = 64 << 20, DRAFTS_MAX = 500, SHOWN = 100 };

struct building {
	struct app *app;
	struct arena *a;
	const struct cds_wish *wish;
	const struct hook_definition *hook;
	struct knowledge *knowledge; /* once a drug was named */
	struct json_writer *w;
	struct str references[DRAFTS_MAX]; /* of the drafts */
	size_t drafts;
};

static const struct json *read_json(struct building *b, struct str path, struct error *err)
{
	struct str text;
	if (!file_read(b->a, arena_str(b->a, path), FILE_MAX, &text, err))
		return NULL;
	const struct json *j = json_parse(b->a, text, 0, err);
	if (!j)
		error_context(err, "%.*s", STR_ARG(path));
	return j;
}

/* ---- draft orders ------------------------------------------------------------------------------------------------ */

static struct str patient_reference(struct building *b)
{
	return arena_printf(b->a, "Patient/%.*s", STR_ARG(b->wish->patient));
}

/* A draft needs an id, so that selections and suggestions can name it. */
static bool begin_draft(struct building *b, struct str type, struct str id, struct str *ret_id, struct error *err)
{
	if (b->drafts == DRAFTS_MAX)
		return error_set(err, ERR_LIMIT, "at most %d draft orders", DRAFTS_MAX);
	*ret_id = id.n ? id : arena_printf(b->a, "draft-%zu", b->drafts + 1);
	b->references[b->drafts] = arena_printf(b->a, "%.*s/%.*s", STR_ARG(type), STR_ARG(*ret_id));
	if (!b->references[b->drafts].p)
		return error_memory(err);
	b->drafts++;
	json_object_begin(b->w);
	json_key(b->w, S("resource"));
	return true;
}

static bool put_resource(struct building *b, const struct json *resource, bool of_record, struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	if (!type.n)
		return error_set(err, ERR_VALUE, "an order must be a FHIR resource");
	if (!begin_draft(b, type, of_record ? STR_NULL : id, &id, err))
		return false;
	if (!of_record && json_get(resource, S("status")) && json_get(resource, S("id")))
		json_put_value(b->w, resource);
	else
		hook_draft_copy(b->w, resource, id);
	json_object_end(b->w);
	return true;
}

static bool put_order(struct building *b, struct str order, struct error *err)
{
	const struct json *j;
	bool of_record = !str_ends(order, S(".json"));
	if (of_record && !b->wish->fhir->base.p)
		return error_set(err, ERR_USAGE, "--order takes a .json file, or TYPE/ID with --fhir-server");
	if (!of_record)
		j = read_json(b, order, err);
	else if (!cds_fhir_get(b->wish->fhir, b->a, order, &j, err))
		return error_context(err, "%.*s", STR_ARG(str_slice(order, 0, SHOWN)));
	if (!j)
		return error_set(err, ERR_NOT_FOUND, "The FHIR server has no %.*s",
				 STR_ARG(str_slice(order, 0, SHOWN)));
	if (!str_is(json_get_str(j, S("resourceType")), "Bundle"))
		return put_resource(b, j, of_record, err) || error_context(err, "%.*s", STR_ARG(order));
	struct json_iter it = json_iter(json_get(j, S("entry")));
	while (json_next(&it))
		if (!put_resource(b, json_get(it.value, S("resource")), of_record, err))
			return error_context(err, "%.*s", STR_ARG(order));
	return true;
}

/* "amoxicillin", or "http://...rxnorm|723". What our tables do not know goes as words. */
static bool put_drug(struct building *b, struct str drug, struct error *err)
{
	struct hook_draft d = {.patient = patient_reference(b), .requester = b->wish->user, .status = "draft"};
	size_t bar = str_rfind_char(drug, '|');
	struct meaning m;
	char code[16];
	if (!b->knowledge && bar == STR_NONE)
		b->knowledge = app_knowledge(b->a, S(""), err);
	if (!b->knowledge && bar == STR_NONE)
		return false;
	d.text = drug;
	if (bar != STR_NONE) {
		struct str system = str_slice(drug, 0, bar);
		d.system = str_is(system, "rxnorm") ? S(RXNORM) : system;
		d.code = str_slice(drug, bar + 1, drug.n);
		d.text = STR_NULL;
	} else if (knowledge_phrase(b->knowledge, drug, false, &m) && m.kind == MEANS_INGREDIENTS && m.count == 1 &&
		   !m.product) {
		const struct ingredient *g = knowledge_ingredient(b->knowledge, m.ingredients[0]);
		snprintf(code, sizeof(code), "%u", (unsigned)g->rxcui);
		d.system = S(RXNORM);
		d.code = arena_str(b->a, str_from(code));
		d.display = g->name;
	} else {
		fprintf(stderr, "note: %.*s has no code in the drug knowledge; it is ordered in words\n",
			STR_ARG(str_slice(drug, 0, SHOWN)));
	}
	if (!begin_draft(b, S("MedicationRequest"), STR_NULL, &d.id, err))
		return false;
	hook_draft_write(b->w, &d);
	json_object_end(b->w);
	return true;
}

static bool put_drafts(struct building *b, struct error *err)
{
	const struct option_list *orders = b->wish->orders, *drugs = b->wish->drugs;
	json_key(b->w, S("draftOrders"));
	json_object_begin(b->w);
	json_put_member(b->w, S("resourceType"), S("Bundle"));
	json_put_member(b->w, S("type"), S("collection"));
	json_key(b->w, S("entry"));
	json_array_begin(b->w);
	for (size_t i = 0; i < orders->count; i++)
		if (!put_order(b, orders->items[i], err))
			return false;
	for (size_t i = 0; i < drugs->count; i++)
		if (!put_drug(b, drugs->items[i], err))
			return false;
	json_array_end(b->w);
	json_object_end(b->w);
	return true;
}

static void put_selections(struct building *b)
{
	const struct option_list *chosen = b->wish->selections;
	json_key(b->w, S("selections"));
	json_array_begin(b->w);
	for (size_t i = 0; i < chosen->count; i++)
		json_put_str(b->w, chosen->items[i]);
	for (size_t i = 0; !chosen->count && i < b->drafts; i++)
		json_put_str(b->w, b->references[i]);
	json_array_end(b->w);
}

/* ---- context ----------------------------------------------------------------------------------------------------- */

static bool put_field(struct building *b, const struct hook_field *field, struct error *err)
{
	const struct cds_wish *wish = b->wish;
	struct str name = str_from(field->name);
	if (str_is(name, "userId"))
		json_put_member(b->w, name, wish->user);
	else if (str_is(name, "patientId"))
		json_put_member(b->w, name, wish->patient);
	else if (str_is(name, "encounterId"))
		json_put_member(b->w, name, wish->encounter.n ? wish->encounter : STR_NULL);
	else if (str_is(name, "draftOrders") && wish->orders->count + wish->drugs->count)
		return put_drafts(b, err);
	return true;
}

static bool put_context(struct building *b, struct error *err)
{
	size_t count;
	const struct hook_field *fields = hook_fields(b->hook, &count);
	const struct json *more = b->wish->context.n ? read_json(b, b->wish->context, err) : NULL;
	if (b->wish->context.n && !json_is(more, JSON_OBJECT))
		return error_set(err, ERR_VALUE, "--context must be a file with a JSON object");
	json_key(b->w, S("context"));
	json_object_begin(b->w);
	for (size_t i = 0; i < count; i++)
		if (!json_get(more, str_from(fields[i].name)) && !put_field(b, &fields[i], err))
			return false;
	/* behind the drafts, whose references they are */
	if (hook_field(b->hook, S("selections")) && !json_get(more, S("selections")) && b->drafts)
		put_selections(b);
	struct json_iter it = json_iter(more);
	while (json_next(&it)) {
		json_key(b->w, it.key);
		json_put_value(b->w, it.value);
	}
	json_object_end(b->w);
	return true;
}

static void put_authorization(struct building *b)
{
	enum { EXPIRES_S = 300 };
	const struct cds_fhir *f = b->wish->fhir;
	if (!b->wish->share_token || !f->authorization.p)
		return;
	json_key(b->w, S("fhirAuthorization"));
	json_object_begin(b->w);
	json_put_member(b->w, S("access_token"), str_slice(f->authorization, 7, f->authorization.n));
	json_put_member(b->w, S("token_type"), S("Bearer"));
	json_key(b->w, S("expires_in"));
	json_put_i64(b->w, EXPIRES_S);
	json_put_member(b->w, S("scope"), f->scope.n ? f->scope : S(""));
	json_put_member(b->w, S("subject"), f->subject.n ? f->subject : S("firth"));
	json_object_end(b->w);
}

/* ---- prefetch ---------------------------------------------------------------------------------------------------- */

/* What --prefetch says of a key: a query or a file's name; STR_NULL: nothing. */
static struct str given_for(const struct building *b, struct str key)
{
	const struct option_list *list = b->wish->prefetch;
	for (size_t i = 0; i < list->count; i++) {
		struct str value = list->items[i], name = str_split(&value, '=');
		if (value.p && str_eq(name, key))
			return value;
	}
	return STR_NULL;
}

static bool put_value(struct building *b, struct str key, const struct json *value)
{
	json_key(b->w, key);
	if (value)
		json_put_value(b->w, value);
	else
		json_put_raw(b->w, S("null"));
	return true;
}

static void leave_out(struct str key, const char *why)
{
	fprintf(stderr, "note: %.*s is not sent along: %s\n", STR_ARG(str_slice(key, 0, SHOWN)), why);
}

/* One key by its template, or by what was given for it. Only files that cannot be read are errors. */
static bool put_key(struct building *b, const struct hook_request *r, struct str key, struct str template,
		    struct error *err)
{
	struct error why = {0};
	struct str query;
	const struct json *value;
	if (str_ends(template, S(".json"))) {
		value = read_json(b, template, err);
		return value && put_value(b, key, value);
	}
	if (!hook_template_fill(b->a, r, clock_now_ms(), template, &query, &why))
		leave_out(key, why.text);
	else if (!query.p)
		leave_out(key, "a token of its template has no value here");
	else if (!b->wish->fhir->base.p)
		leave_out(key, "there is no --fhir-server to ask");
	else if (!cds_fhir_get(b->wish->fhir, b->a, query, &value, &why))
		leave_out(key, why.text);
	else
		return put_value(b, key, value);
	return true;
}

static bool put_all_of_file(struct building *b, struct str path, struct error *err)
{
	const struct json *all = read_json(b, path, err);
	struct json_iter it = json_iter(all);
	if (!all || !json_is(all, JSON_OBJECT))
		return error_set(err, ERR_VALUE,
				 "%.*s: --prefetch takes KEY=QUERY, KEY=FILE.json or a file with an object",
				 STR_ARG(str_slice(path, 0, SHOWN)));
	while (json_next(&it))
		put_value(b, it.key, it.value);
	return true;
}

static bool put_prefetch(struct building *b, const struct hook_request *r, struct error *err)
{
	const struct json *templates = json_get(b->wish->service, S("prefetch"));
	const struct option_list *list = b->wish->prefetch;
	struct json_iter it = json_iter(templates);
	bool whole = false;
	for (size_t i = 0; i < list->count; i++)
		whole = whole || str_find_char(list->items[i], '=', 0) == STR_NONE;
	if (whole && list->count > 1)
		return error_set(err, ERR_USAGE, "a --prefetch FILE.json stands alone");
	json_object_begin(b->w);
	if (whole && !put_all_of_file(b, list->items[0], err))
		return false;
	while (!whole && json_next(&it)) {
		struct str given = given_for(b, it.key);
		if (!put_key(b, r, it.key, given.p ? given : json_str(it.value), err))
			return false;
	}
	for (size_t i = 0; !whole && i < list->count; i++) {
		struct str value = list->items[i], key = str_split(&value, '=');
		if (!json_get(templates, key) && !put_key(b, r, key, value, err))
			return false;
	}
	json_object_end(b->w);
	return true;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bool put_head(struct building *b, struct error *err)
{
	char uuid[UUID_SIZE];
	random_uuid(uuid);
	json_put_member(b->w, S("hookInstance"), str_make(uuid, UUID_SIZE));
	json_put_member(b->w, S("hook"), str_from(b->hook->name));
	json_put_member(b->w, S("fhirServer"), b->wish->fhir->base);
	put_authorization(b);
	return put_context(b, err);
}

/* The head must be a request by itself: then templates can be filled from it. */
static bool read_head(struct building *b, struct buf *head, struct hook_request *r, struct error *err)
{
	struct str text = arena_printf(b->a, "%.*s}", STR_ARG(buf_str(head)));
	const struct json *j = text.p ? json_parse(b->a, text, 0, err) : NULL;
	return j && hook_request_of(b->a, j, r, err);
}

bool cds_request_build(struct app *app, const struct cds_wish *wish, struct str *ret_body, struct error *err)
{
	struct building *b = ARENA_NEW(&app->arena, struct building);
	struct hook_request request;
	struct buf out;
	if (!b)
		return error_memory(err);
	*b = (struct building){.app = app, .a = &app->arena, .wish = wish, .hook = hook_named(wish->hook)};
	if (!b->hook)
		return error_set(err, ERR_USAGE, "%.*s is no hook that is known here; send a request FILE for it",
				 STR_ARG(str_slice(wish->hook, 0, SHOWN)));
	buf_init(&out, CDS_REQUEST_MAX);
	struct json_writer w = json_writer(&out);
	b->w = &w;
	json_object_begin(&w);
	bool ok = put_head(b, err) && read_head(b, &out, &request, err);
	size_t head = out.n;
	if (ok && !wish->no_prefetch) {
		json_key(&w, S("prefetch"));
		size_t empty = out.n + 2;
		ok = put_prefetch(b, &request, err);
		if (ok && out.n == empty)
			out.n = head; /* nothing was asked for */
	}
	json_object_end(&w);
	if (ok && !buf_ok(&out))
		ok = error_set(err, ERR_TOO_LARGE, "the request has more than %d MB", CDS_REQUEST_MAX >> 20);
	*ret_body = ok ? arena_str(b->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	knowledge_free(b->knowledge);
	return ok && (ret_body->p || error_memory(err));
}

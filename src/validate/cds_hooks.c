/* Requests and responses of CDS Hooks: their members by tables, and the FHIR resources in them by the walk. */
#include "validate/cds_hooks.h"

#include "validate/walk_priv.h"

#define TOOLS "http://hl7.org/fhir/tools/StructureDefinition/"

enum { SHOWN = 80 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

enum member_form { FORM_TEXT, FORM_ID, FORM_TYPE_ID, FORM_BOOL, FORM_NUMBER, FORM_OBJECT, FORM_RESOURCE, FORM_ANY };

struct member {
	const char *name;
	enum member_form form;
	bool required, list;
	const struct member *members; /* of an object; NULL: anything */
	const char *codes; /* of a text: " a b " */
};

/* ---- the tables ------------------------------------------------------------------------------------------------- */

#define END                                                                                                            \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define EXTENSION                                                                                                      \
	{                                                                                                              \
		"extension", FORM_OBJECT                                                                               \
	}

static const struct member authorization[] = {{"access_token", FORM_TEXT, true},
					      {"token_type", FORM_TEXT, true},
					      {"expires_in", FORM_NUMBER, true},
					      {"scope", FORM_TEXT, true},
					      {"subject", FORM_TEXT, true},
					      {"patient", FORM_ID},
					      EXTENSION,
					      END};
static const struct member request[] = {{"hook", FORM_TEXT, true},
					{"hookInstance", FORM_TEXT, true},
					{"fhirServer", FORM_TEXT},
					{"fhirAuthorization", FORM_OBJECT, .members = authorization},
					{"context", FORM_OBJECT, true},
					{"prefetch", FORM_OBJECT},
					EXTENSION,
					END};

static const struct member patient_view[] = {
	{"userId", FORM_TYPE_ID, true}, {"patientId", FORM_ID, true}, {"encounterId", FORM_ID}, EXTENSION, END};
static const struct member encounter[] = {
	{"userId", FORM_TYPE_ID, true}, {"patientId", FORM_ID, true}, {"encounterId", FORM_ID, true}, EXTENSION, END};
static const struct member order_select[] = {{"userId", FORM_TYPE_ID, true},
					     {"patientId", FORM_ID, true},
					     {"encounterId", FORM_ID},
					     {"selections", FORM_TYPE_ID, true, true},
					     {"draftOrders", FORM_RESOURCE, true},
					     EXTENSION,
					     END};
static const struct member order_sign[] = {{"userId", FORM_TYPE_ID, true},
					   {"patientId", FORM_ID, true},
					   {"encounterId", FORM_ID},
					   {"draftOrders", FORM_RESOURCE, true},
					   EXTENSION,
					   END};
static const struct member appointment[] = {{"userId", FORM_TYPE_ID, true},
					    {"patientId", FORM_ID, true},
					    {"encounterId", FORM_ID},
					    {"appointments", FORM_RESOURCE, true},
					    EXTENSION,
					    END};
static const struct {
	const char *hook;
	const struct member *context;
} hooks[] = {
	{"patient-view", patient_view}, {"encounter-start", encounter}, {"encounter-discharge", encounter},
	{"order-select", order_select}, {"order-sign", order_sign},	{"appointment-book", appointment},
};

static const struct member coding[] = {
	{"system", FORM_TEXT}, {"code", FORM_TEXT, true}, {"display", FORM_TEXT}, EXTENSION, END};
static const struct member source[] = {{"label", FORM_TEXT, true},
				       {"url", FORM_TEXT},
				       {"icon", FORM_TEXT},
				       {"topic", FORM_OBJECT, .members = coding},
				       EXTENSION,
				       END};
static const struct member action[] = {{"type", FORM_TEXT, true, .codes = " create update delete "},
				       {"description", FORM_TEXT, true},
				       {"resource", FORM_RESOURCE},
				       {"resourceId", FORM_ANY},
				       EXTENSION,
				       END};
static const struct member suggestion[] = {{"label", FORM_TEXT, true},
					   {"uuid", FORM_TEXT},
					   {"isRecommended", FORM_BOOL},
					   {"actions", FORM_OBJECT, .list = true, .members = action},
					   EXTENSION,
					   END};
static const struct member link[] = {{"label", FORM_TEXT, true},
				     {"url", FORM_TEXT, true},
				     {"type", FORM_TEXT, .codes = " absolute smart "},
				     {"appContext", FORM_TEXT},
				     {"autolaunchable", FORM_BOOL},
				     EXTENSION,
				     END};
static const struct member card[] = {{"uuid", FORM_TEXT},
				     {"summary", FORM_TEXT, true},
				     {"detail", FORM_TEXT},
				     {"indicator", FORM_TEXT, true, .codes = " info warning critical "},
				     {"source", FORM_OBJECT, true, .members = source},
				     {"suggestions", FORM_OBJECT, .list = true, .members = suggestion},
				     {"selectionBehavior", FORM_TEXT, .codes = " at-most-one any "},
				     {"overrideReasons", FORM_OBJECT, .list = true, .members = coding},
				     {"links", FORM_OBJECT, .list = true, .members = link},
				     EXTENSION,
				     END};
static const struct member response[] = {{"cards", FORM_OBJECT, true, true, card},
					 {"systemActions", FORM_OBJECT, .list = true, .members = action},
					 EXTENSION,
					 END};

/* ---- members ---------------------------------------------------------------------------------------------------- */

static void check_members(struct validation *v, const struct node *at, const struct member *members);

static bool has_code(const char *codes, struct str text)
{
	struct str rest = str_from(codes);
	while (rest.p) {
		struct str one = str_split(&rest, ' ');
		if (one.n && str_eq(one, text))
			return true;
	}
	return false;
}

static void check_resource(struct validation *v, struct node *at)
{
	static const struct overlays none = {0};
	struct profile_type type = {.code = S("Resource"), .type = definitions_type(v->definitions, S("Resource"))};
	walk_element(v, at, &type, &none);
}

static void check_text(struct validation *v, const struct node *at, const struct member *m)
{
	struct str text = json_str(at->value);
	struct reference r;
	if (!text.n) {
		find_error(v, at, ERR_STRUCTURE, "json-type", "Expected a text, found %s",
			   json_type_name(json_type(at->value)));
	} else if (m->form == FORM_ID && !fhir_id_valid(text)) {
		find_error(v, at, ERR_VALUE, "id", "\"%.*s\" is no id: it stands without type and slash", SHOW(text));
	} else if (m->form == FORM_TYPE_ID) {
		r = reference_parse(v->definitions, text);
		if (r.kind != REF_RELATIVE)
			find_error(v, at, ERR_VALUE, "reference-form", "\"%.*s\" must have the form Type/id",
				   SHOW(text));
	} else if (m->codes && !has_code(m->codes, text)) {
		find_error(v, at, ERR_VALUE, "code", "\"%.*s\" is none of the codes%s", SHOW(text), m->codes);
	}
}

static void check_value(struct validation *v, struct node *at, const struct member *m)
{
	enum json_type wanted = m->form == FORM_BOOL ? JSON_BOOL : m->form == FORM_NUMBER ? JSON_NUMBER : JSON_OBJECT;
	if (m->form <= FORM_TYPE_ID)
		check_text(v, at, m);
	else if (m->form == FORM_RESOURCE)
		check_resource(v, at);
	else if (m->form != FORM_ANY && json_type(at->value) != wanted)
		find_error(v, at, ERR_STRUCTURE, "json-type", "Expected %s, found %s", json_type_name(wanted),
			   json_type_name(json_type(at->value)));
	else if (m->form == FORM_OBJECT && !json_size(at->value) && m->required)
		find_error(v, at, ERR_INVARIANT, "ele-1", "An object must have some content");
	if (m->form == FORM_OBJECT && m->members)
		check_members(v, at, m->members);
}

static void check_member(struct validation *v, const struct node *parent, const struct member *m,
			 const struct json *value)
{
	struct str name = str_from(m->name);
	int64_t i = 0;
	if (m->list != json_is(value, JSON_ARRAY)) {
		find_error(v, parent, ERR_STRUCTURE, "json-type",
			   m->list ? "\"%s\" must be a list" : "\"%s\" must not be a list", m->name);
		return;
	}
	if (!m->list) {
		struct node at = node_child(parent, name, -1, value);
		check_value(v, &at, m);
		return;
	}
	for (struct json_iter it = json_iter(value); json_next(&it); i++) {
		struct node at = node_child(parent, name, i, it.value);
		check_value(v, &at, m);
	}
}

static void check_members(struct validation *v, const struct node *at, const struct member *members)
{
	for (const struct member *m = members; m->name; m++) {
		const struct json *value = json_get(at->value, str_from(m->name));
		if (value)
			check_member(v, at, m, value);
		else if (m->required)
			find_error(v, at, ERR_REQUIRED, "min", "\"%s\" is required", m->name);
	}
	for (struct json_iter it = json_iter(at->value); json_next(&it);) {
		const struct member *m = members;
		while (m->name && !str_is(it.key, m->name))
			m++;
		if (!m->name)
			find_error(v, at, ERR_STRUCTURE, "unknown", "The property \"%.*s\" does not exist here",
				   SHOW(it.key));
	}
}

/* ---- requests and responses ------------------------------------------------------------------------------------- */

static void check_request(struct validation *v, const struct node *root)
{
	struct str hook = json_get_str(root->value, S("hook"));
	struct node context = node_child(root, S("context"), -1, json_get(root->value, S("context")));
	int64_t i = 0;
	check_members(v, root, request);
	for (size_t k = 0; k < sizeof(hooks) / sizeof(hooks[0]) && context.value; k++)
		if (str_is(hook, hooks[k].hook))
			check_members(v, &context, hooks[k].context);
	for (struct json_iter it = json_iter(json_get(root->value, S("prefetch"))); json_next(&it); i++) {
		struct node prefetch = node_child(root, S("prefetch"), i, it.value);
		struct node value = node_child(&prefetch, S("value"), -1, it.value);
		if (!json_is(it.value, JSON_NULL)) /* what the client could not get */
			check_resource(v, &value);
	}
}

static void check_response(struct validation *v, const struct node *root)
{
	enum { MAX_SUMMARY = 140 };
	int64_t i = 0;
	check_members(v, root, response);
	for (struct json_iter it = json_iter(json_get(root->value, S("cards"))); json_next(&it); i++) {
		struct node at = node_child(root, S("cards"), i, it.value);
		if (json_size(json_get(it.value, S("suggestions"))) && !json_get(it.value, S("selectionBehavior")))
			find_error(v, &at, ERR_INVARIANT, "selection-behavior",
				   "A card with suggestions must have a selectionBehavior");
		if (json_get_str(it.value, S("summary")).n >= MAX_SUMMARY)
			find_warning(v, &at, ERR_VALUE, "summary", "The summary should have less than %d characters",
				     MAX_SUMMARY);
	}
}

bool cds_hooks_model(struct str canonical)
{
	struct str rest = canonical, url = str_split(&rest, '|');
	return str_is(url, TOOLS "CDSHooksRequest") || str_is(url, TOOLS "CDSHooksResponse");
}

bool cds_hooks_check(struct validation *v, const struct json *document)
{
	struct str model = STR_NULL;
	for (size_t i = 0; i < v->options->profile_count; i++)
		if (cds_hooks_model(v->options->profiles[i]))
			model = v->options->profiles[i];
	if (!model.p || canonicals_find(v->canonicals, S("StructureDefinition"), model, NULL))
		return false;
	bool is_request = str_starts(model, S(TOOLS "CDSHooksRequest"));
	struct node root = {
		.index = -1, .value = document, .name = is_request ? S("CDSHooksRequest") : S("CDSHooksResponse")};
	struct holder around = {.json = document, .node = &root};
	root.holder = &around;
	if (!json_is(document, JSON_OBJECT))
		find_error(v, &root, ERR_STRUCTURE, "json-type", "Expected an object, found %s",
			   json_type_name(json_type(document)));
	else if (is_request)
		check_request(v, &root);
	else
		check_response(v, &root);
	return true;
}

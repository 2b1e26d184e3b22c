/* What grants come to: scopes, the patient, rules of the policy, masks. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "fhir/resource.h"
#include "server/access/access.h"

struct fixture {
	char directory[64];
	struct arena arena;
	const struct definitions *definitions;
	struct store *store;
	struct extractor *extractor;
	struct access *access;
};

static const struct access_rule rules[] = {
	{.name = S("doctors"), .roles = S("doctor"), .interactions = S("read search update")},
	{.name = S("own patients"),
	 .roles = S("nurse"),
	 .types = S("Patient"),
	 .interactions = S("read search"),
	 .where = S("general-practitioner={fhirUser}")},
	{.name = S("own work"), .roles = S("nurse"), .types = S("Observation"), .within = S("fhirUser")},
	{.name = S("no secrets"), .effect = S("deny"), .where = S("_tag=secret")},
	{.name = S("never"), .effect = S("deny"), .types = S("Patient"), .where = S("_tag=sealed"), .absolute = true},
	{.name = S("no telephones"),
	 .effect = S("mask"),
	 .roles = S("clerk"),
	 .mask = S("Patient.telecom Observation.value")},
	{.name = S("clerks"), .roles = S("clerk"), .types = S("Patient Observation")},
};

static void put(struct fixture *f, const char *text)
{
	struct error err = {0};
	struct buf stored;
	const struct json *tree = json_parse(&f->arena, str_from(text), 0, &err);
	struct index_rows rows;
	struct store_change c = {.op = STORE_UPDATE,
				 .type = definitions_resource(f->definitions, json_get_str(tree, S("resourceType"))),
				 .id = json_get_str(tree, S("id"))};
	buf_init(&stored, 1 << 20);
	resource_write_stored(&stored, tree, c.id, NULL, &c.meta_at);
	c.stored = buf_str(&stored);
	assert_true(extract(f->extractor, &f->arena, tree, S("http://here/fhir"), &rows, &err));
	c.rows = rows.rows;
	c.row_count = rows.count;
	assert_true(store_commit(f->store, &(struct store_txn){.changes = &c, .change_count = 1}, &err));
	buf_done(&stored);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	snprintf(f->directory, sizeof(f->directory), "/tmp/firth-access-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	arena_init(&f->arena, (size_t)64 << 20);
	f->definitions = definitions_builtin();
	f->extractor = extractor_new(f->definitions, &err);
	f->store = store_open(str_from(f->directory), &(struct store_options){.definitions = f->definitions}, &err);
	f->access = access_open(&(struct access_options){.definitions = f->definitions,
							 .store = f->store,
							 .base = S("http://here/fhir"),
							 .rules = rules,
							 .rule_count = sizeof(rules) / sizeof(rules[0]),
							 .break_glass = S("doctor"),
							 .consent = S("user patient")},
				&err);
	if (!f->access)
		print_error("%s\n", err.text);
	assert_non_null(f->access);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"gender\":\"male\"}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"b\",\"gender\":\"female\"}");
	*state = f;
	return 0;
}

static void remove_directory(const char *path)
{
	char file[512];
	DIR *dir = opendir(path);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		unlink(file);
	}
	if (dir)
		closedir(dir);
	assert_int_equal(rmdir(path), 0);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	access_close(f->access);
	store_close(f->store);
	extractor_free(f->extractor);
	arena_done(&f->arena);
	remove_directory(f->directory);
	free(f);
	return 0;
}

static struct access_pass *enter(struct fixture *f, const char *scopes, struct grant grant, bool broken)
{
	struct error err = {0};
	struct scope_list list;
	assert_true(scope_list_read(&f->arena, f->definitions, str_from(scopes), &list, NULL, &err));
	grant.client_id = S("app");
	grant.scope_text = list.text;
	grant.scopes = list.scopes;
	grant.scope_count = list.count;
	struct access_pass *pass = access_enter(f->access, &grant, broken, &err);
	assert_non_null(pass);
	return pass;
}

static bool may(struct fixture *f, struct access_pass *pass, unsigned permission, const char *body)
{
	struct error err = {0};
	const struct json *tree = json_parse(&f->arena, str_from(body), 0, &err);
	struct access_subject subject = {
		.type = definitions_resource(f->definitions, json_get_str(tree, S("resourceType"))),
		.id = json_get_str(tree, S("id")),
		.body = str_from(body)};
	const struct access_judge judge = {&f->arena, f->extractor};
	bool meets = false;
	assert_non_null(subject.type);
	assert_true(
		access_meets(pass, &judge, access_criterion(pass, subject.type, permission), &subject, &meets, &err));
	return meets;
}

#define OBSERVATION(id, subject, more)                                                                                 \
	"{\"resourceType\":\"Observation\",\"id\":\"" id "\"" more ",\"subject\":{\"reference\":\"" subject "\"}}"
#define CATEGORY(code)                                                                                                 \
	",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\","      \
	"\"code\":\"" code "\"}]}]"
#define TAGGED(code)	  ",\"meta\":{\"tag\":[{\"code\":\"" code "\"}]}"
#define BINARY(context)	  "{\"resourceType\":\"Binary\",\"id\":\"1\",\"securityContext\":{\"reference\":\"" context "\"}}"
#define PATIENT(id, more) "{\"resourceType\":\"Patient\",\"id\":\"" id "\"" more "}"

static const struct {
	const char *scopes;
	struct grant grant;
	unsigned permission;
	const char *body;
	bool may;
} cases[] = {
	/* the compartment of the launch patient */
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "Patient/a", ""), true},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "Patient/b", ""), false},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "Patient/aa", ""), false},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "http://here/fhir/Patient/a", ""), true},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "http://there/fhir/Patient/a", ""), false},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "Group/a", ""), false},
	{"patient/*.rs",
	 {.patient = S("a")},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/b", ",\"performer\":[{\"reference\":\"Patient/a\"}]"),
	 true},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, PATIENT("a", ""), true},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, PATIENT("b", ""), false},
	{"patient/*.rs",
	 {.patient = S("a")},
	 SCOPE_R,
	 PATIENT("b", ",\"link\":[{\"other\":{\"reference\":\"Patient/a\"},\"type\":\"seealso\"}]"),
	 false},
	{"patient/*.rs",
	 {.patient = S("a")},
	 SCOPE_R,
	 "{\"resourceType\":\"Group\",\"id\":\"1\",\"member\":[{\"entity\":{\"reference\":\"Patient/a\"}}]}",
	 false},
	{"patient/*.rs",
	 {.patient = S("a")},
	 SCOPE_R,
	 "{\"resourceType\":\"Device\",\"id\":\"1\",\"patient\":{\"reference\":\"Patient/a\"}}",
	 true},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, "{\"resourceType\":\"Device\",\"id\":\"1\"}", false},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, "{\"resourceType\":\"Practitioner\",\"id\":\"1\"}", true},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, "{\"resourceType\":\"Binary\",\"id\":\"1\"}", false},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, BINARY("Patient/a"), true},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, BINARY("Patient/b"), false},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, BINARY("Patient/never"), false},
	{"patient/Binary.rs", {.patient = S("a")}, SCOPE_R, BINARY("Patient/a"), false},
	{"patient/*.cruds", {.patient = S("a")}, SCOPE_U, BINARY("Patient/a"), false},
	{"patient/*.rs", {.user = STR_NULL}, SCOPE_R, OBSERVATION("1", "Patient/a", ""), false},
	/* each letter by itself */
	{"patient/*.rs", {.patient = S("a")}, SCOPE_U, OBSERVATION("1", "Patient/a", ""), false},
	{"patient/Observation.u", {.patient = S("a")}, SCOPE_U, OBSERVATION("1", "Patient/a", ""), true},
	{"patient/Observation.u", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "Patient/a", ""), false},
	{"patient/Observation.c", {.patient = S("a")}, SCOPE_C, OBSERVATION("1", "Patient/b", ""), false},
	{"patient/*.cruds", {.patient = S("a")}, SCOPE_U, "{\"resourceType\":\"Practitioner\",\"id\":\"1\"}", false},
	{"patient/Condition.read", {.patient = S("a")}, SCOPE_R, OBSERVATION("1", "Patient/a", ""), false},
	/* filters, several of them, and chains */
	{"patient/Observation.rs?category=laboratory",
	 {.patient = S("a")},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/a", CATEGORY("laboratory")),
	 true},
	{"patient/Observation.rs?category=laboratory",
	 {.patient = S("a")},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/a", CATEGORY("vital-signs")),
	 false},
	{"patient/Observation.rs?category=laboratory",
	 {.patient = S("a")},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/b", CATEGORY("laboratory")),
	 false},
	{"patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs",
	 {.patient = S("a")},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/a", CATEGORY("vital-signs")),
	 true},
	{"system/Observation.rs?patient.gender=male",
	 {.user = STR_NULL},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/a", ""),
	 true},
	{"system/Observation.rs?patient.gender=male",
	 {.user = STR_NULL},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/b", ""),
	 false},
	/* the person */
	{"user/*.rs", {.fhir_user = S("Patient/a")}, SCOPE_R, OBSERVATION("1", "Patient/a", ""), true},
	{"user/*.rs", {.fhir_user = S("Patient/a")}, SCOPE_R, OBSERVATION("1", "Patient/b", ""), false},
	{"user/*.rs", {.fhir_user = S("RelatedPerson/a"), .roles = S("doctor")}, SCOPE_R, PATIENT("a", ""), false},
	/* the policy */
	{"user/*.cruds", {.fhir_user = S("Practitioner/7"), .roles = S("doctor")}, SCOPE_R, PATIENT("a", ""), true},
	{"user/*.cruds", {.fhir_user = S("Practitioner/7"), .roles = S("doctor")}, SCOPE_D, PATIENT("a", ""), false},
	{"user/*.cruds", {.fhir_user = S("Practitioner/7")}, SCOPE_R, PATIENT("a", ""), false},
	{"user/*.cruds", {.fhir_user = S("Practitioner/7"), .roles = S("nurse")}, SCOPE_R, PATIENT("a", ""), false},
	{"user/*.cruds",
	 {.fhir_user = S("Practitioner/7"), .roles = S("nurse")},
	 SCOPE_R,
	 PATIENT("a", ",\"generalPractitioner\":[{\"reference\":\"Practitioner/7\"}]"),
	 true},
	{"user/*.cruds",
	 {.fhir_user = S("Practitioner/8"), .roles = S("nurse")},
	 SCOPE_R,
	 PATIENT("a", ",\"generalPractitioner\":[{\"reference\":\"Practitioner/7\"}]"),
	 false},
	{"user/*.cruds",
	 {.fhir_user = S("Practitioner/7"), .roles = S("clerk nurse")},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/b", ",\"performer\":[{\"reference\":\"Practitioner/7\"}]"),
	 true},
	{"user/*.cruds",
	 {.fhir_user = S("Practitioner/7"), .roles = S("nurse")},
	 SCOPE_R,
	 OBSERVATION("1", "Patient/b", ""),
	 false},
	{"user/*.cruds",
	 {.fhir_user = S("Practitioner/7"), .roles = S("doctor")},
	 SCOPE_R,
	 PATIENT("a", TAGGED("secret")),
	 false},
	{"patient/*.rs", {.patient = S("a")}, SCOPE_R, PATIENT("a", TAGGED("secret")), false},
	{"system/*.rs", {.user = STR_NULL}, SCOPE_R, PATIENT("a", TAGGED("secret")), true},
};

static void test_cases(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct access_pass *pass = enter(f, cases[i].scopes, cases[i].grant, false);
		if (may(f, pass, cases[i].permission, cases[i].body) != cases[i].may)
			fail_msg("case %zu: %s, %s", i, cases[i].scopes, cases[i].body);
		access_leave(pass);
	}
}

/* ---- the table of types outside ------------------------------------------------------------------------------------
 */

static bool may_be_patient(const struct fhir_element *e)
{
	for (size_t i = 0; i < e->type_count; i++) {
		const struct fhir_element_type *t = &e->types[i];
		if (!str_is(t->type->name, "Reference"))
			continue;
		for (size_t k = 0; k < t->target_profile_count; k++)
			if (str_ends(t->target_profiles[k], S("/Patient")) ||
			    str_ends(t->target_profiles[k], S("/Resource")))
				return true;
		if (!t->target_profile_count)
			return true;
	}
	return false;
}

static bool refers_to_patients(const struct fhir_type *type, int depth)
{
	for (size_t i = 0; depth < 6 && i < type->element_count; i++) {
		const struct fhir_element *e = &type->elements[i];
		if (may_be_patient(e))
			return true;
		for (size_t k = 0; k < e->type_count; k++)
			if (e->types[k].type->kind == TYPE_BACKBONE && e->types[k].type != type &&
			    refers_to_patients(e->types[k].type, depth + 1))
				return true;
	}
	return false;
}

/* Answers of a questionnaire's definition and defaults of a map may be references, to examples. */
static bool is_excepted(struct str name)
{
	return str_is(name, "Questionnaire") || str_is(name, "StructureMap");
}

static void test_every_type_is_decided(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *type, *how;
	} outside[] = {
#define OUTSIDE(type, how, param) {type, #how},
#include "server/access/outside.def"
#undef OUTSIDE
	};
	const struct fhir_type *patient = definitions_resource(f->definitions, S("Patient"));
	const struct compartment *c = definitions_compartment(f->definitions, patient);
	for (size_t i = 0; i < definitions_resource_count(f->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(f->definitions, i);
		const struct compartment_member *m = compartment_member(c, type);
		size_t listed = 0;
		for (size_t k = 0; k < sizeof(outside) / sizeof(outside[0]); k++) {
			if (!str_is(type->name, outside[k].type))
				continue;
			listed++;
			if (strcmp(outside[k].how, "OPEN") == 0 && refers_to_patients(type, 0) &&
			    !is_excepted(type->name))
				fail_msg("%s is open, and may refer to a patient", outside[k].type);
		}
		bool member = (m && m->param_count) || type == patient;
		if (str_is(type->name, "Group"))
			assert_int_equal(listed, 1);
		else if (member ? listed : listed != 1)
			fail_msg("%.*s: %zu lines in the table", STR_ARG(type->name), listed);
	}
}

/* ---- the rest -------------------------------------------------------------------------------------------------------
 */

static void test_glass(void **state)
{
	struct fixture *f = *state;
	const struct grant doctor = {.fhir_user = S("Practitioner/7"), .roles = S("doctor")};
	const struct grant nurse = {.fhir_user = S("Practitioner/7"), .roles = S("nurse")};
	assert_true(access_may_break(f->access, &doctor));
	assert_false(access_may_break(f->access, &nurse));
	struct access_pass *pass = enter(f, "user/*.cruds", doctor, true);
	assert_true(may(f, pass, SCOPE_R, PATIENT("a", TAGGED("secret"))));
	assert_false(may(f, pass, SCOPE_U, PATIENT("a", TAGGED("secret"))));
	assert_false(may(f, pass, SCOPE_R, PATIENT("a", TAGGED("sealed"))));
	access_leave(pass);
	/* What scopes allow stays the limit. */
	pass = enter(f, "user/Observation.rs", doctor, true);
	assert_false(may(f, pass, SCOPE_R, PATIENT("a", "")));
	access_leave(pass);
}

static void test_masks(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct str shown;
	const struct fhir_type *patient = definitions_resource(f->definitions, S("Patient"));
	const struct fhir_type *observation = definitions_resource(f->definitions, S("Observation"));
	const struct grant clerk = {.fhir_user = S("Practitioner/7"), .roles = S("clerk")};
	struct access_pass *pass = enter(f, "user/*.cruds", clerk, false);
	struct str body =
		S("{\"resourceType\":\"Patient\",\"id\":\"a\",\"meta\":{\"versionId\":\"1\"},\"text\":{\"div\":"
		  "\"555\"},\"telecom\":[{\"value\":\"555\"}],\"_telecom\":[null],\"gender\":\"male\"}");
	assert_true(access_masks(pass, patient) && access_masks(pass, NULL));
	assert_true(access_mask(pass, &f->arena, patient, body, &shown, &err));
	assert_true(str_find(shown, S("555")) == STR_NONE && str_find(shown, S("elecom")) == STR_NONE);
	assert_true(str_find(shown, S("REDACTED")) != STR_NONE && str_find(shown, S("male")) != STR_NONE);
	assert_true(access_mask(
		pass, &f->arena, observation,
		S("{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":7},\"status\":\"final\"}"), &shown,
		&err));
	assert_true(str_find(shown, S("7")) == STR_NONE);
	static const struct {
		const char *type, *param;
		bool masked;
	} params[] = {{"Patient", "telecom", true},
		      {"Patient", "phone", true},
		      {"Patient", "email", true},
		      {"Patient", "gender", false},
		      {"Observation", "value-quantity", true},
		      {"Observation", "code-value-quantity", true},
		      {"Observation", "combo-value-quantity", true},
		      {"Observation", "code", false}};
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		const struct fhir_type *type = definitions_resource(f->definitions, str_from(params[i].type));
		const struct search_param *p = definitions_search_param(type, str_from(params[i].param));
		if (access_masks_param(pass, type, p) != params[i].masked)
			fail_msg("%s of %s", params[i].param, params[i].type);
	}
	/* Written back, what was hidden stays; what is brought is refused. */
	const struct json *current = json_parse(&f->arena, body, 0, &err);
	assert_true(access_mask(pass, &f->arena, patient, body, &shown, &err));
	const struct json *sent = json_parse(&f->arena, shown, 0, &err);
	const struct json *merged = access_unmask(pass, &f->arena, patient, sent, current, &err);
	assert_true(str_is(json_get_str(json_at(json_get(merged, S("telecom")), 0), S("value")), "555"));
	assert_null(json_get(json_get(merged, S("meta")), S("security")));
	assert_null(access_unmask(pass, &f->arena, patient, current, current, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
	access_leave(pass);
}

static void test_rules_are_checked(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct access_rule rule;
		const char *text;
	} wrong[] = {
		{{.name = S("x"), .effect = S("forbid")}, "effect"},
		{{.name = S("x"), .interactions = S("write")}, "interactions"},
		{{.name = S("x"), .contexts = S("people")}, "contexts"},
		{{.name = S("x"), .types = S("Pateint")}, "Pateint"},
		{{.name = S("x"), .types = S("Patient"), .where = S("colour=red")}, "colour"},
		{{.name = S("x"), .types = S("Patient"), .where = S("name={nobody}")}, "{fhirUser}"},
		{{.name = S("x"), .types = S("Patient"), .where = S("name=a&_sort=name")}, "choose"},
		{{.name = S("x"), .where = S("code=red")}, "code"},
		{{.name = S("x"), .within = S("ward")}, "ward"},
		{{.name = S("x"), .effect = S("mask")}, "mask"},
		{{.name = S("x"), .effect = S("mask"), .mask = S("Patient.contact.name")}, "contact.name"},
		{{.name = S("x"), .effect = S("mask"), .mask = S("Patient.id")}, "Patient.id"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct error err = {0};
		const struct access_options o = {
			.definitions = f->definitions, .store = f->store, .rules = &wrong[i].rule, .rule_count = 1};
		if (access_open(&o, &err) || err.code != ERR_CONFIG || !strstr(err.text, wrong[i].text))
			fail_msg("rule %zu: %s", i, err.text);
	}
}

static void test_filters_are_checked(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *filter;
		bool ok;
	} filters[] = {{"category=laboratory", true},
		       {"category=laboratory&date=ge2020", true},
		       {"patient.name=x", true},
		       {"_sort=date", false},
		       {"category=a&_count=0", true},
		       {"nonsense=1", false},
		       {"code:in=http://x", false},
		       {"_include=Observation:subject", false},
		       {"encounter.location:below=Location/1", false}};
	const struct fhir_type *type = definitions_resource(f->definitions, S("Observation"));
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct error err = {0};
		if (access_filter_check(f->access, &f->arena, type, str_from(filters[i].filter), &err) != filters[i].ok)
			fail_msg("%s: %s", filters[i].filter, err.text);
	}
}

#define CONSENT(provision)                                                                                             \
	"{\"resourceType\":\"Consent\",\"id\":\"one\",\"status\":\"active\",\"scope\":{\"coding\":[{\"code\":"         \
	"\"patient-privacy\"}]},\"patient\":{\"reference\":\"Patient/c\"},\"provision\":" provision "}"
#define CLASS(type) "\"class\":[{\"system\":\"http://hl7.org/fhir/resource-types\",\"code\":\"" type "\"}]"
#define ACTOR(who)  "\"actor\":[{\"role\":{},\"reference\":{\"reference\":\"" who "\"}}]"

/* Each Consent takes the place of the one before; passes follow at once. */
static void test_consents(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *consent, *scopes;
		struct grant grant;
		const char *body;
		bool may;
	} denied[] = {
#define DOCTOR {.fhir_user = S("Practitioner/7"), .roles = S("doctor")}
#define LAB    OBSERVATION("1", "Patient/c", "")
		{CONSENT("{\"type\":\"permit\"}"), "user/*.rs", DOCTOR, LAB, true},
		{CONSENT("{\"type\":\"deny\"}"), "user/*.rs", DOCTOR, LAB, false},
		{CONSENT("{\"type\":\"deny\"}"), "user/*.rs", DOCTOR, PATIENT("c", ""), false},
		{CONSENT("{\"type\":\"deny\"}"), "user/*.rs", DOCTOR, PATIENT("a", ""), true},
		{CONSENT("{\"type\":\"deny\"}"), "system/*.rs", {.user = STR_NULL}, LAB, true},
		{CONSENT("{\"type\":\"deny\"}"),
		 "patient/*.rs",
		 {.patient = S("c"), .fhir_user = S("Patient/c")},
		 LAB,
		 true},
		{CONSENT("{\"type\":\"deny\"}"),
		 "patient/*.rs",
		 {.patient = S("c"), .fhir_user = S("Practitioner/7"), .roles = S("doctor")},
		 LAB,
		 false},
		{CONSENT("{\"type\":\"deny\"," CLASS("Condition") "}"), "user/*.rs", DOCTOR, LAB, true},
		{CONSENT("{\"type\":\"deny\"," CLASS("Observation") "}"), "user/*.rs", DOCTOR, LAB, false},
		{CONSENT("{\"type\":\"deny\"," ACTOR("Practitioner/8") "}"), "user/*.rs", DOCTOR, LAB, true},
		{CONSENT("{\"type\":\"deny\"," ACTOR("Practitioner/7") "}"), "user/*.rs", DOCTOR, LAB, false},
		{CONSENT("{\"type\":\"deny\"," ACTOR("Organization/1") "}"), "user/*.rs", DOCTOR, LAB, false},
		{CONSENT("{\"type\":\"deny\",\"period\":{\"end\":\"2001-01-01\"}}"), "user/*.rs", DOCTOR, LAB, true},
		{CONSENT("{\"type\":\"deny\",\"period\":{\"start\":\"2001-01-01\"}}"), "user/*.rs", DOCTOR, LAB, false},
		{CONSENT("{\"type\":\"deny\",\"purpose\":[{\"code\":\"HRESCH\"}]}"), "user/*.rs", DOCTOR, LAB, false},
		{CONSENT("{\"type\":\"deny\",\"provision\":[{\"type\":\"permit\"," ACTOR("Practitioner/7") "}]}"),
		 "user/*.rs", DOCTOR, LAB, true},
		{CONSENT("{\"type\":\"deny\",\"provision\":[{\"type\":\"permit\"," ACTOR(
			 "Practitioner/7") ",\"purpose\":[{\"code\":\"TREAT\"}]}]}"),
		 "user/*.rs", DOCTOR, LAB, false},
		{CONSENT("{\"type\":\"permit\",\"provision\":[{\"type\":\"deny\"," CLASS("Observation") "}]}"),
		 "user/*.rs", DOCTOR, LAB, false},
	};
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		put(f, denied[i].consent);
		struct access_pass *pass = enter(f, denied[i].scopes, denied[i].grant, false);
		if (may(f, pass, SCOPE_R, denied[i].body) != denied[i].may)
			fail_msg("consent %zu: %s", i, denied[i].consent);
		access_leave(pass);
	}
	put(f, CONSENT("{\"type\":\"deny\"}"));
	struct access_pass *pass = enter(f, "user/*.cruds", (struct grant)DOCTOR, true);
	assert_true(may(f, pass, SCOPE_R, LAB));
	assert_false(may(f, pass, SCOPE_U, LAB));
	access_leave(pass);
}

static void test_passes_are_shared(void **state)
{
	struct fixture *f = *state;
	struct access_pass *one = enter(f, "patient/*.rs", (struct grant){.patient = S("a")}, false);
	struct access_pass *same = enter(f, "patient/*.rs", (struct grant){.patient = S("a")}, false);
	struct access_pass *other = enter(f, "patient/*.rs", (struct grant){.patient = S("b")}, false);
	struct access_pass *shifted = enter(f, "patient/*.rs", (struct grant){.user = S("a")}, false);
	assert_ptr_equal(one, same);
	assert_true(one != other && one != shifted);
	access_leave(one);
	access_leave(same);
	access_leave(other);
	access_leave(shifted);
}

/* Members of a resource by its bytes: at the top only, whatever texts hold. */
static void test_peek(void **state)
{
	static const struct {
		const char *body, *name, *reference; /* reference NULL: not found */
	} rows[] = {
		{"{\"subject\":{\"reference\":\"Patient/1\"}}", "subject", "Patient/1"},
		{"{\"a\":\"\\\"subject\",\"subject\":{\"reference\":\"Patient/2\"}}", "subject", "Patient/2"},
		{"{\"a\":\"\\\\\",\"subject\":{\"reference\":\"Patient/3\"}}", "subject", "Patient/3"},
		{"{\"a\":\"\\\\\\\"\",\"subject\":{\"display\":\"x\",\"reference\":\"P/4\"}}", "subject", "P/4"},
		{"{\"a\":\"{\\\"subject\\\":{\\\"reference\\\":\\\"Patient/5\\\"}}\"}", "subject", NULL},
		{"{\"a\":{\"subject\":{\"reference\":\"Patient/6\"}}}", "subject", NULL},
		{"{\"subject\":[{\"reference\":\"Patient/7\"}]}", "subject", NULL},
		{"{\"subject\":{\"identifier\":{\"reference\":\"Patient/8\"}}}", "subject", NULL},
		{"{\"a\":\"never ended", "subject", NULL},
		{"{\"a\":\"never ended\\", "subject", NULL},
		{"", "subject", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str object = access_peek_object(str_from(rows[i].body), str_from(rows[i].name));
		struct str text = object.p ? access_peek_text(object, S("reference")) : STR_NULL;
		if (!text.p != !rows[i].reference || (text.p && !str_is(text, rows[i].reference)))
			fail_msg("%s", rows[i].body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_every_type_is_decided),
		cmocka_unit_test(test_glass),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_rules_are_checked),
		cmocka_unit_test(test_filters_are_checked),
		cmocka_unit_test(test_consents),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_passes_are_shared),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

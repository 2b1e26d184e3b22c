/* The set of canonical resources: what the binary carries, and which of several a canonical finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhir/canonicals.h"

static struct canonicals *set_new(void)
{
	struct error err = {0};
	struct canonicals *c = canonicals_new(&err);
	assert_non_null(c);
	return c;
}

static const struct json *find_json(const struct canonicals *c, struct str type, struct str url)
{
	struct error err = {0};
	const struct canonical *found = canonicals_find(c, type, url, NULL);
	assert_non_null(found);
	const struct json *json = canonical_json(c, found, &err);
	assert_non_null(json);
	return json;
}

static void built_in(void **state)
{
	(void)state;
	struct canonicals *c = set_new();
	const struct json *patient =
		find_json(c, S("StructureDefinition"), S("http://hl7.org/fhir/StructureDefinition/Patient"));
	assert_true(str_is(json_get_str(patient, S("type")), "Patient"));
	assert_true(json_size(json_get(json_get(patient, S("snapshot")), S("element"))) > 30);
	assert_null(json_get(patient, S("text")));
	const struct json *codes = find_json(c, S("CodeSystem"), S("http://hl7.org/fhir/administrative-gender|4.0.1"));
	assert_int_equal(json_size(json_get(codes, S("concept"))), 4);
	const struct canonical *type = canonicals_find_type(c, S("HumanName"));
	assert_non_null(type);
	assert_true(str_is(type->kind, "complex-type"));
	assert_true(str_is(canonical_package_name(type->package), "hl7.fhir.r4.core"));
	assert_null(canonicals_find_type(c, S("Nothing")));
	assert_null(canonicals_find(c, STR_NULL, S("http://example.org/nothing"), NULL));
	assert_null(canonicals_find(c, STR_NULL, S("http://hl7.org/fhir/StructureDefinition/Patient|3.0.2"), NULL));
	assert_non_null(canonicals_find(c, STR_NULL, S("http://hl7.org/fhir/StructureDefinition/Patient|4.0"), NULL));
	canonicals_free(c);
}

/* Every resource of the archive can be read and is what its index says. */
static void whole_archive(void **state)
{
	(void)state;
	struct canonicals *c = set_new();
	const struct canonical *e;
	size_t at = 0, count = 0;
	while ((e = canonicals_next(c, STR_NULL, &at))) {
		struct error err = {0};
		const struct json *json = canonical_json(c, e, &err);
		assert_non_null(json);
		assert_true(str_eq(json_get_str(json, S("resourceType")), e->type));
		if (!str_is(e->type, "NamingSystem"))
			assert_true(str_eq(json_get_str(json, S("url")), e->url));
		count++;
	}
	assert_true(count > 7000);
	canonicals_free(c);
}

static const struct json *value_set(struct canonicals *c, const char *version, const char *mark)
{
	struct error err = {0};
	struct str text = arena_printf(canonicals_arena(c),
				       "{\"resourceType\":\"ValueSet\",\"url\":\"http://example.org/vs\","
				       "\"version\":\"%s\",\"name\":\"%s\"}",
				       version, mark);
	const struct json *json = json_parse(canonicals_arena(c), text, 0, &err);
	assert_non_null(json);
	return json;
}

static struct canonical_package *package(struct canonicals *c, struct str name, struct str version,
					 struct canonical_dependency on)
{
	struct error err = {0};
	bool known = true;
	struct canonical_package *p = canonicals_add_package(c, name, version, &on, on.name.n ? 1 : 0, &known, &err);
	assert_non_null(p);
	assert_false(known);
	return p;
}

static void add(struct canonicals *c, struct canonical_package *p, const char *version, const char *mark)
{
	struct error err = {0};
	assert_true(canonicals_add(c, p, value_set(c, version, mark), &err));
}

static void assert_found(struct canonicals *c, struct str canonical, const struct canonical *from, const char *mark)
{
	const struct canonical *found = canonicals_find(c, S("ValueSet"), canonical, from);
	assert_non_null(found);
	assert_true(str_is(found->name, mark));
}

static void several_versions(void **state)
{
	(void)state;
	struct canonicals *c = set_new();
	struct canonical_dependency none = {STR_NULL, STR_NULL};
	struct canonical_package *old = package(c, S("a"), S("2.0.0"), none);
	struct canonical_package *new = package(c, S("a"), S("10.0.0"), none);
	struct canonical_package *user =
		package(c, S("b"), S("1.0.0"), (struct canonical_dependency){S("a"), S("2.0.x")});
	add(c, new, "10.0.0", "new");
	add(c, old, "2.0.0", "old");
	struct canonical from_old = {.package = old}, from_user = {.package = user};
	struct str url = S("http://example.org/vs");
	assert_found(c, url, NULL, "new"); /* 10 is more than 2 */
	assert_found(c, url, &from_old, "old"); /* the own package first */
	assert_found(c, url, &from_user, "old"); /* then what it depends on */
	assert_found(c, S("http://example.org/vs|10.0"), &from_old, "new"); /* a version that is named is what counts */
	assert_null(canonicals_find(c, S("ValueSet"), S("http://example.org/vs|1"), NULL));
	assert_null(canonicals_find(c, S("CodeSystem"), url, NULL));
	add(c, NULL, "0.1", "loose");
	assert_found(c, url, &from_old, "loose"); /* what the user gave by hand wins */
	bool known = false;
	struct error err = {0};
	assert_ptr_equal(canonicals_add_package(c, S("a"), S("2.0.0"), NULL, 0, &known, &err), old);
	assert_true(known);
	canonicals_free(c);
}

static const struct json *read_text(void *ctx, struct arena *a, struct error *err)
{
	const char *text = ctx;
	if (text)
		return json_parse(a, str_from(text), 0, err);
	error_set(err, ERR_IO, "cannot read");
	return NULL;
}

static void lazy(void **state)
{
	(void)state;
	struct canonicals *c = set_new();
	struct error err = {0};
	char text[] = "{\"resourceType\":\"ValueSet\",\"url\":\"http://example.org/lazy\"}";
	struct canonical facts = {.type = S("ValueSet"), .url = S("http://example.org/lazy")};
	struct canonical_source good = {read_text, text}, bad = {read_text, NULL};
	assert_true(canonicals_add_lazy(c, NULL, &facts, &good, &err));
	facts.url = S("http://example.org/broken");
	assert_true(canonicals_add_lazy(c, NULL, &facts, &bad, &err));
	const struct json *once = find_json(c, S("ValueSet"), S("http://example.org/lazy"));
	assert_ptr_equal(once, find_json(c, S("ValueSet"), S("http://example.org/lazy")));
	assert_null(canonical_json(c, canonicals_find(c, STR_NULL, S("http://example.org/broken"), NULL), &err));
	assert_int_equal(err.code, ERR_IO);
	canonicals_free(c);
}

static void versions_in_order(void **state)
{
	(void)state;
	static const char *const rising[] = {"",      "0.9",	       "1.0.0-ballot", "1.0.0-ballot2", "1.0.0",
					     "1.0.1", "1.10.0-ballot", "1.10.0",       "2.0.0",		"10.0.0"};
	size_t count = sizeof(rising) / sizeof(rising[0]);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++) {
			int order = canonical_version_cmp(str_from(rising[i]), str_from(rising[j]));
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	assert_true(canonical_version_fits(S("4.0.1"), S("4.0.x")));
	assert_true(canonical_version_fits(S("4.0.1"), S("4.0")));
	assert_false(canonical_version_fits(S("4.01"), S("4.0")));
	assert_false(canonical_version_fits(S("4.0"), S("4.0.1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in), cmocka_unit_test(whole_archive),	 cmocka_unit_test(several_versions),
		cmocka_unit_test(lazy),	    cmocka_unit_test(versions_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

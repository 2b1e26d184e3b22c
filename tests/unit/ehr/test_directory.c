/* Directories of endpoints: both vendors' forms, and finding by words as people say them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "ehr/directory.h"

static struct arena arena;
static struct ehr_places places;

static void read_file(const char *path)
{
	struct str text;
	struct error err = {0};
	if (!file_read(&arena, str_from(path), 1 << 20, &text, &err))
		fail_msg("%s", err.text);
	const struct json *j = json_parse(&arena, text, 0, &err);
	assert_non_null(j);
	if (!ehr_directory_read(&arena, j, &places, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	places = (struct ehr_places){0};
	read_file(FIRTH_DIRECTORIES "/epic.json");
	read_file(FIRTH_DIRECTORIES "/oracle.json");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static size_t find(const char *text, struct ehr_place **ret_found)
{
	struct error err = {0};
	size_t count = 0;
	if (!ehr_directory_find(&arena, &places, str_from(text), 10, ret_found, &count, &err))
		fail_msg("%s", err.text);
	return count;
}

static void both_forms_are_read(void **state)
{
	(void)state;
	struct ehr_place *found;
	assert_int_equal(places.count, 11);
	assert_int_equal(find("waco", &found), 1);
	assert_true(found->vendor == EHR_EPIC && str_is(found->base_url, "https://haiku.wacofhc.org/FHIR/api/FHIR/R4"));
	assert_int_equal(find("crawford", &found), 1);
	assert_int_equal(found->vendor, EHR_CERNER);
	assert_true(str_is(found->place, "Denison, IA 51442"));
	assert_true(str_is(found->base_url, "https://fhir-ehr.cerner.com/r4/01ac1fad-f809-4c54-8fbc-c098bfca6c66"));
}

static void words_are_found_as_people_say_them(void **state)
{
	(void)state;
	static const struct {
		const char *text, *first; /* NULL: nobody */
	} cases[] = {
		{"lurie childrens", "Ann & Robert H. Lurie Children's Hospital of Chicago"},
		{"Children\xe2\x80\x99s hosp chicago", "Ann & Robert H. Lurie Children's Hospital of Chicago"},
		{"univ pittsburg med ctr", "University of Pittsburgh Medical Center (UPMC)"},
		{"upmc children", "UPMC Children's Hospital"},
		{"mem hosp denison iowa", "Crawford County Memorial Hospital"},
		{"saint anthony florida", "St. Anthony's Primary Care"},
		{"st anthonys FL", "St. Anthony's Primary Care"},
		{"ALASKA n\xc3\xa1tive", "ALASKA NATIVE MEDICAL CENTER"},
		{"wacko family", "Waco Family Medicine (Heart of Texas Community Health Center)"},
		{"georgia kaiser", "Kaiser Permanente \xe2\x80\x93 Georgia"},
		{"washington uw", "UW Medicine (Washington)"},
		{"hospital of mars", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ehr_place *found;
		size_t count = find(cases[i].text, &found);
		bool good = cases[i].first ? count && str_is(found->name, cases[i].first) : !count;
		if (!good)
			fail_msg("%s: %.*s", cases[i].text, STR_ARG(count ? found->name : S("nobody")));
	}
}

static void what_is_kept_reads_the_same(void **state)
{
	(void)state;
	struct buf out;
	struct error err = {0};
	struct ehr_places again = {0};
	buf_init(&out, 1 << 20);
	assert_true(ehr_directory_write(&places, &out, &err));
	const struct json *j = json_parse(&arena, buf_str(&out), 0, &err);
	assert_true(ehr_directory_read(&arena, j, &again, &err));
	assert_int_equal(again.count, places.count);
	for (size_t i = 0; i < again.count; i++)
		assert_true(str_eq(again.items[i].words, places.items[i].words) &&
			    again.items[i].vendor == places.items[i].vendor);
	buf_done(&out);
}

static void bad_entries_are_left_out_and_counted(void **state)
{
	(void)state;
	struct ehr_places some = {0};
	struct error err = {0};
	static const char text[] =
		"{\"resourceType\":\"Bundle\",\"entry\":[{},7,{\"resource\":{\"resourceType\":\"Endpoint\",\"name\":"
		"\"a\"}},"
		"{\"resource\":{\"resourceType\":\"Endpoint\",\"name\":\"b\",\"address\":\"javascript:x\"}},"
		"{\"resource\":{\"resourceType\":\"Endpoint\",\"name\":\"c\",\"status\":\"off\",\"address\":\"https://"
		"c.example\"}},"
		"{\"resource\":{\"resourceType\":\"Endpoint\",\"address\":\"https://d.example\"}},"
		"{\"resource\":{\"resourceType\":\"Endpoint\",\"name\":\"e\",\"address\":\"https://e.example/r4/\"}}]}";
	assert_true(ehr_directory_read(&arena, json_parse(&arena, str_from(text), 0, &err), &some, &err));
	assert_true(some.count == 1 && some.skipped == 4 && some.items[0].vendor == EHR_GENERIC);
	assert_false(ehr_directory_read(&arena, json_parse(&arena, S("{\"resourceType\":\"Patient\"}"), 0, &err), &some,
					&err));
	assert_int_equal(err.code, ERR_VALUE);
}

#define ENTRY(full_url, resource) "{\"fullUrl\":\"" full_url "\",\"resource\":" resource "}"
#define ENDPOINT(id, rest)	  "{\"resourceType\":\"Endpoint\",\"id\":\"" id "\",\"status\":\"active\"," rest "}"
#define ADDRESS(path)		  "\"address\":\"https://ehr.example/" path "\""
#define VERSION(code)                                                                                                  \
	"\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"                                           \
	"endpoint-fhir-version\",\"valueCode\":\"" code "\"}],"

/* Who is where can be said in several ways; other releases of FHIR are left out. */
static void other_directories_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *entries, *name, *url; /* the first place; NULL: none */
		size_t count, skipped;
	} cases[] = {
		{ENTRY("urn:uuid:1",
		       ENDPOINT("1", ADDRESS("r4"))) ","
						     "{\"resource\":{\"resourceType\":\"Organization\",\"name\":"
						     "\"Brand\",\"endpoint\":[{\"reference\":"
						     "\"urn:uuid:1\"}]}},{\"resource\":{\"resourceType\":"
						     "\"Organization\",\"name\":\"Clinic\",\"endpoint\":[{"
						     "\"reference\":\"urn:uuid:1\"}]}}",
		 "Brand", "https://ehr.example/r4", 2, 0},
		{ENTRY("https://d.example/Endpoint/1",
		       ENDPOINT("1", ADDRESS("r4"))) ","
						     "{\"resource\":{\"resourceType\":\"Organization\",\"name\":"
						     "\"Brand\",\"endpoint\":[{\"reference\":"
						     "\"https://other.example/Endpoint/1\"}]}}",
		 "Brand", "https://ehr.example/r4", 1, 0},
		{ENTRY("", ENDPOINT("1", "\"managingOrganization\":{\"reference\":\"Organization/o\"}," ADDRESS(
						 "r4/"))) "," ENTRY("", "{\"resourceType\":\"Organization\",\"id\":"
									"\"o\",\"name\":\"Manager\"}"),
		 "Manager", "https://ehr.example/r4", 1, 0},
		{ENTRY("",
		       ENDPOINT("1", "\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"a\",\"name\":\"A\"},{"
				     "\"resourceType\":\"Organization\",\"id\":\"b\",\"name\":\"B\"}],"
				     "\"managingOrganization\":{\"reference\":\"#b\"}," ADDRESS("api/FHIR/R4/"))),
		 "B", "https://ehr.example/api/FHIR/R4", 1, 0},
		{ENTRY("", ENDPOINT("1", "\"name\":\"old\"," ADDRESS("api/FHIR/DSTU2/"))) "," ENTRY(
			 "",
			 ENDPOINT(
				 "2",
				 "\"name\":\"older\"," ADDRESS(
					 "dstu2/t"))) "," ENTRY("",
								ENDPOINT(
									"3",
									VERSION("1.0.2") "\"name\":\"oldest\"," ADDRESS(
										"fhir"))) "," ENTRY("",
												    ENDPOINT(
													    "4",
													    VERSION("4."
														    "0."
														    "1") "\"name\":\"now\"," ADDRESS("fh"
																		     "i"
																		     "r"))),
		 "now", "https://ehr.example/fhir", 1, 3},
		{"", NULL, NULL, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ehr_places some = {0};
		struct error err = {0};
		struct str text =
			arena_printf(&arena, "{\"resourceType\":\"Bundle\",\"entry\":[%s]}", cases[i].entries);
		assert_true(ehr_directory_read(&arena, json_parse(&arena, text, 0, &err), &some, &err));
		assert_int_equal(some.count, cases[i].count);
		assert_int_equal(some.skipped, cases[i].skipped);
		if (cases[i].name)
			assert_true(str_is(some.items[0].name, cases[i].name) &&
				    str_is(some.items[0].base_url, cases[i].url));
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_forms_are_read),		T(words_are_found_as_people_say_them),
		T(what_is_kept_reads_the_same), T(bad_entries_are_left_out_and_counted),
		T(other_directories_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

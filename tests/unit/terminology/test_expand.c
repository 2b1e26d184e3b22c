/* Expansions: order, nesting, pages, filters, languages, what is left out, what is refused. */
#include "world.h"

static const char *const resources[] = {
	"{'resourceType':'CodeSystem','url':'http://x/cs','version':'1','content':'complete','property':["
	"{'code':'none','uri':'http://hl7.org/fhir/concept-properties#notSelectable','type':'boolean'},"
	"{'code':'status','type':'code'}],'concept':[{'code':'a','display':'\xC3\x84pfel, gr\xC3\xBCn','concept':["
	"{'code':'b','display':'Boskop','designation':[{'language':'en-GB','value':'Boskoop apple'}]},"
	"{'code':'n','display':'Sorts','property':[{'code':'none','valueBoolean':true}],'concept':["
	"{'code':'m','display':'Melrose'}]}]},"
	"{'code':'r','display':'Retired','property':[{'code':'status','valueCode':'retired'}]},"
	"{'code':'d','display':'Deprecated','property':[{'code':'status','valueCode':'deprecated'}]},"
	"{'code':'z','display':'Zebra'}]}",
	"{'resourceType':'CodeSystem','url':'http://x/example','content':'example','concept':[{'code':'e'}]}",
	"{'resourceType':'ValueSet','url':'http://x/all','version':'7','status':'draft','compose':{'include':["
	"{'system':'http://x/cs'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/twice','compose':{'include':[{'system':'http://x/"
	"cs','concept':[{'code':'z','display':'Stripes'},{'code':'d'}]},{'system':'http://x/cs'},{'valueSet':["
	"'http://x/all']}]}}",
	"{'resourceType':'ValueSet','url':'http://x/less','compose':{'include':[{'valueSet':['http://x/all']}],"
	"'exclude':[{'valueSet':['http://x/list']}]}}",
	"{'resourceType':'ValueSet','url':'http://x/list','compose':{'include':[{'system':'http://x/cs','concept':["
	"{'code':'z'},{'code':'n'},{'code':'gone'}]}]}}",
	"{'resourceType':'ValueSet','url':'http://x/both','compose':{'include':[{'valueSet':['http://x/away',"
	"'http://x/list']}]}}",
	"{'resourceType':'ValueSet','url':'http://x/away','compose':{'include':[{'system':'http://x/cs'},"
	"{'system':'http://nowhere'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/active','compose':{'inactive':false,'include':[{'system':'http://"
	"x/cs'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/inactive','compose':{'inactive':true,'include':[{'system':'http://"
	"x/cs'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/example','compose':{'include':[{'system':'http://x/example'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/languages','compose':{'include':[{'system':'urn:ietf:bcp:47'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/stored','expansion':{'contains':[{'system':'http://y','code':'2'},"
	"{'system':'http://z','code':'1'},{'system':'http://y','code':'1'}]}}",
};

static int open_world(void **state)
{
	static struct world w;
	world_open(&w, resources, sizeof(resources) / sizeof(resources[0]));
	*state = &w;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

static const struct {
	const char *value_set, *codes;
	struct expand_options o;
	size_t total;
} lists[] = {
	{"all", "a b m r z", {.flat = true}, 5},
	{"all", "a b n m r z", {.flat = false}, 6},
	{"all", "a b m z", {.flat = true, .active_only = true}, 4},
	{"all", "b m", {.paged = true, .offset = 1, .count = 2}, 5},
	{"all", "", {.paged = true, .offset = 9, .count = 2}, 5},
	{"all", "", {.paged = true, .count = 0}, 5},
	{"all", "a", {.flat = true, .filter = {"APFEL grun", 10}}, 1},
	{"all", "b", {.flat = true, .filter = {"apple", 5}}, 1},
	{"all", "z", {.flat = true, .filter = {"z", 1}}, 1},
	{"all", "a b m r z", {.flat = true, .limit = 5}, 5},
	{"twice", "z d a b m r", {.flat = true}, 6},
	{"less", "a b m r", {.flat = true}, 4},
	{"list", "z n gone", {.flat = true}, 3},
	{"both", "z n", {.flat = true}, 2},
	{"active", "a b m z", {.flat = true}, 4},
	{"inactive", "a b m r d z", {.flat = true}, 6},
	{"example", "e", {.flat = true}, 1},
	{"stored", "2 1 1", {.flat = true}, 3},
};

static void lists_of_codes(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct error err = {0};
		struct buf got;
		struct str url = arena_printf(&w->arena, "http://x/%s", lists[i].value_set);
		const struct expansion *e = terminology_expand(w->terminology, &w->arena, url, NULL, &lists[i].o, &err);
		if (!e)
			fail_msg("%s: %s", lists[i].value_set, err.text);
		buf_init(&got, 4096);
		for (size_t k = 0; k < e->count; k++)
			buf_printf(&got, "%s%.*s", k ? " " : "", STR_ARG(e->codes[k].code));
		if (!str_is(buf_str(&got), lists[i].codes) || e->total != lists[i].total)
			fail_msg("%zu %s: %.*s, %zu in all", i, lists[i].value_set, STR_ARG(buf_str(&got)), e->total);
		assert_int_equal(e->unclosed, strcmp(lists[i].value_set, "example") == 0);
		buf_done(&got);
	}
}

static const struct {
	const char *value_set, *text;
	enum error_code code;
	size_t limit;
} refusals[] = {
	{"missing", "not at hand", ERR_NOT_FOUND, 0},
	{"away", "http://nowhere", ERR_NOT_SUPPORTED, 0},
	{"languages", "rules", ERR_NOT_SUPPORTED, 0},
	{"all", "more than 4 codes", ERR_LIMIT, 4},
};

static void refused(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct error err = {0};
		struct expand_options o = {.flat = true, .limit = refusals[i].limit};
		struct str url = arena_printf(&w->arena, "http://x/%s", refusals[i].value_set);
		assert_null(terminology_expand(w->terminology, &w->arena, url, NULL, &o, &err));
		assert_int_equal(err.code, refusals[i].code);
		if (!strstr(err.text, refusals[i].text))
			fail_msg("%s: %s", refusals[i].value_set, err.text);
	}
}

static struct str write(struct world *w, const char *url, const struct expand_options *o, bool designations,
			struct buf *out)
{
	struct error err = {0};
	struct expansion_style style = {.timestamp = S("2020-01-01T00:00:00Z"), .designations = designations};
	const struct expansion *e = terminology_expand(w->terminology, &w->arena, str_from(url), NULL, o, &err);
	assert_non_null(e);
	buf_init(out, 1 << 20);
	expansion_write(out, e, o, &style);
	assert_true(buf_ok(out));
	return buf_str(out);
}

static void as_resource(void **state)
{
	struct world *w = *state;
	struct buf out;
	struct expand_options nested = {.language = S("en")};
	struct str got = write(w, "http://x/all", &nested, true, &out);
	static const char wanted[] =
		"{\"resourceType\":\"ValueSet\",\"url\":\"http://x/all\",\"version\":\"7\",\"status\":\"draft\","
		"\"expansion\":{\"timestamp\":\"2020-01-01T00:00:00Z\",\"total\":6,\"parameter\":["
		"{\"name\":\"includeDesignations\",\"valueBoolean\":true},"
		"{\"name\":\"displayLanguage\",\"valueCode\":\"en\"},"
		"{\"name\":\"version\",\"valueUri\":\"http://x/cs|1\"}],\"contains\":["
		"{\"system\":\"http://x/cs\",\"code\":\"a\",\"display\":\"\xC3\x84pfel, gr\xC3\xBCn\",\"contains\":["
		"{\"system\":\"http://x/cs\",\"code\":\"b\",\"display\":\"Boskoop apple\",\"designation\":["
		"{\"language\":\"en-GB\",\"value\":\"Boskoop apple\"}]},"
		"{\"system\":\"http://x/cs\",\"abstract\":true,\"code\":\"n\",\"display\":\"Sorts\",\"contains\":["
		"{\"system\":\"http://x/cs\",\"code\":\"m\",\"display\":\"Melrose\"}]}]},"
		"{\"system\":\"http://x/cs\",\"inactive\":true,\"code\":\"r\",\"display\":\"Retired\"},"
		"{\"system\":\"http://x/cs\",\"code\":\"z\",\"display\":\"Zebra\"}]}}";
	if (!str_is(got, wanted))
		fail_msg("%.*s", STR_ARG(got));
	buf_done(&out);
	struct expand_options page = {.paged = true, .offset = 4, .count = 1, .flat = true};
	got = write(w, "http://x/all", &page, false, &out);
	assert_true(str_find(got, S("\"total\":5,\"offset\":4")) != STR_NONE);
	assert_true(str_find(got, S("\"contains\":[{\"system\":\"http://x/cs\",\"code\":\"z\"")) != STR_NONE);
	buf_done(&out);
	struct expand_options flat = {.flat = true};
	got = write(w, "http://x/example", &flat, false, &out);
	assert_true(str_find(got, S("valueset-unclosed")) != STR_NONE);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_codes),
		cmocka_unit_test(refused),
		cmocka_unit_test(as_resource),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}

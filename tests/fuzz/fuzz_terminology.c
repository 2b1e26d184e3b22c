/*
 * Code systems, value sets, concept maps and releases from anywhere. The first byte of the input says what follows: J a
 * JSON array of resources, E an expression constraint, L S R a table of LOINC, SNOMED CT or RxNorm. Beyond not
 * crashing: every code of an expansion must be a member of its value set, and an image must be one that can be opened.
 */
#include <assert.h>

#include "fuzz.h"
#include "terminology/release.h"
#include "terminology/terminology.h"

struct world {
	struct arena *a;
	struct canonicals *canonicals;
	struct terminology *terminology;
};

static void check_expansion(struct world *w, struct str url)
{
	struct error err = {0};
	struct expand_options o = {.limit = 2000};
	const struct expansion *e = terminology_expand(w->terminology, w->a, url, NULL, &o, &err);
	assert(e || err.code != ERR_NONE);
	for (size_t i = 0; e && i < e->count && i < 50; i++) {
		const struct expanded *x = &e->codes[i];
		struct coding coding = {.system = x->system, .code = x->code};
		struct code_verdict v = terminology_validate_in(w->terminology, w->a, url, NULL, &coding, false);
		assert(v.answer == CODE_IN || v.reason == CODE_ABSTRACT);
	}
	struct buf out;
	struct expansion_style style = {.timestamp = S("2020-01-01T00:00:00Z"), .designations = true};
	buf_init(&out, 8 << 20);
	if (e)
		expansion_write(&out, e, &o, &style);
	assert(!e || !buf_ok(&out) || json_parse(w->a, buf_str(&out), 0, &err));
	buf_done(&out);
}

static void check_code(struct world *w, const struct coding *coding)
{
	struct error err = {0};
	struct lookup_options all = {0};
	struct translate_options any = {0};
	struct buf out;
	buf_init(&out, 8 << 20);
	bool found = terminology_lookup(w->terminology, w->a, coding, &all, &out, &err);
	assert(found || err.code != ERR_NONE);
	buf_reset(&out);
	terminology_validate_code(w->terminology, w->a, STR_NULL, coding, false, &out);
	buf_reset(&out);
	err = (struct error){0};
	bool translated = terminology_translate(w->terminology, w->a, coding, &any, &out, &err);
	assert(translated || err.code != ERR_NONE);
	buf_done(&out);
}

static bool add_all(struct world *w, const struct json *list)
{
	struct error err = {0};
	struct json_iter it = json_iter(list);
	while (json_next(&it))
		if (!canonicals_add(w->canonicals, NULL, it.value, &err))
			return false;
	return true;
}

static void ask_all(struct world *w, const struct json *list)
{
	struct json_iter it = json_iter(list);
	while (json_next(&it)) {
		struct str type = json_get_str(it.value, S("resourceType")), url = json_get_str(it.value, S("url"));
		if (url.n && str_is(type, "ValueSet"))
			check_expansion(w, url);
		struct json_iter concepts = json_iter(json_get(it.value, S("concept")));
		while (url.n && json_next(&concepts)) {
			struct coding coding = {.system = url, .code = json_get_str(concepts.value, S("code"))};
			if (coding.code.p)
				check_code(w, &coding);
		}
	}
}

static void fuzz_resources(struct world *w, struct str text)
{
	struct error err = {0};
	struct str copy = arena_str(canonicals_arena(w->canonicals), text);
	const struct json *list = json_parse(canonicals_arena(w->canonicals), copy, 0, &err);
	if (!list || !add_all(w, list))
		return;
	w->terminology = terminology_new(w->canonicals, &err);
	assert(w->terminology);
	ask_all(w, list);
	terminology_free(w->terminology);
}

static void fuzz_release(struct world *w, enum release_kind kind, struct str text, struct str url)
{
	struct error err = {0};
	struct buf image;
	struct release_report report;
	struct release_file file = {kind == RELEASE_RXNORM ? S("RXNCONSO.RRF") : S("table"), text, false};
	buf_init(&image, 16 << 20);
	w->terminology = terminology_new(w->canonicals, &err);
	assert(w->terminology);
	bool made = release_make(kind, &file, 1, STR_NULL, w->a, &image, &report, &err);
	assert(made || err.code != ERR_NONE);
	if (made) {
		bool taken = terminology_add_release(w->terminology, buf_str(&image), &err);
		assert(taken);
		check_expansion(w, url);
	}
	terminology_free(w->terminology);
	buf_done(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	struct str text = str_make((const char *)data + 1, size ? size - 1 : 0);
	if (size < 2)
		return 0;
	arena_init(&a, 64 << 20);
	struct world w = {.a = &a, .canonicals = canonicals_new(&err)};
	assert(w.canonicals);
	if (*data == 'J') {
		fuzz_resources(&w, text);
	} else if (*data == 'E') {
		w.terminology = terminology_new(w.canonicals, &err);
		assert(w.terminology);
		check_expansion(&w, arena_printf(&a, "http://snomed.info/sct?fhir_vs=ecl/%.*s", STR_ARG(text)));
		terminology_free(w.terminology);
	} else if (*data == 'L') {
		fuzz_release(&w, RELEASE_LOINC, text, S("http://loinc.org/vs"));
	} else if (*data == 'S') {
		fuzz_release(&w, RELEASE_SNOMED, text, S("http://snomed.info/sct?fhir_vs"));
	} else if (*data == 'R') {
		fuzz_release(&w, RELEASE_RXNORM, text, S("http://www.nlm.nih.gov/research/umls/rxnorm?fhir_vs"));
	}
	canonicals_free(w.canonicals);
	arena_done(&a);
	return 0;
}

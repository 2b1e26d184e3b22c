/*
 * Runs the services of examples/cds/opioid over the published requests of the CDC opioid guideline's repository
 * (cqframework/opioid-cds-r4): DIRECTORY/requests/OpioidCDSRECnn/request-NAME.json with the answer beside it in
 * DIRECTORY/responses/.../response-NAME.json. An answer is right when it has as many cards, each with the indicator
 * that the published one has, and says what that one says: the words in which its facts are (drugs, risks, periods),
 * and every name of the request that it repeats. Requests without a published answer must be answered, or refused with
 * a reason that is one. The value sets are those of DIRECTORY/vocabulary/valueset when they are there. It is as late as
 * the request's own data say. A line per failing case, then "N passed, N failed".
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "app/cds_rules.h"
#include "base/file.h"
#include "fhir/resource.h"
#include "hooks/answer.h"

enum { FILES_MAX = 1000, FILE_MAX = 16 << 20 };

struct suite {
	struct arena arena, work;
	struct cds_rules rules;
	const char *directory;
	size_t passed, failed;
};

/* Facts of the guideline as they are worded; each word of the published answer must be in ours. */
static const char *const words[] = {"nonpharmacologic",
				    "nonopioid",
				    "opioid",
				    "treatment plan",
				    "immediate-release",
				    "naloxone",
				    "risk factor",
				    "overdose",
				    "benzodiazepine",
				    "concurrent",
				    " mme ",
				    "alcohol",
				    "drug",
				    "illicit",
				    "urine",
				    "screening",
				    "12 months",
				    "unprescribed",
				    "prescribed opioids",
				    "avoid",
				    NULL};

static bool fail(struct str name, const char *why, struct str more)
{
	printf("FAILED %.*s: %s%.*s\n", STR_ARG(name), why, STR_ARG(more));
	return false;
}

/* ---- texts ---------------------------------------------------------------------------------------------------------
 */

static struct str lower(struct arena *a, struct str text)
{
	struct str copy = arena_str(a, text);
	for (char *p = (char *)(uintptr_t)copy.p; p && p < copy.p + copy.n; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	return copy;
}

/* Summary and detail in small letters, without what keeps Markdown from being markup. */
static struct str words_of(struct suite *s, const struct json *card)
{
	struct str text = arena_printf(&s->work, "%.*s %.*s", STR_ARG(json_get_str(card, S("summary"))),
				       STR_ARG(json_get_str(card, S("detail"))));
	struct str small = lower(&s->work, text);
	size_t n = 0;
	for (size_t i = 0; i < small.n; i++)
		if (small.p[i] != '\\')
			((char *)(uintptr_t)small.p)[n++] = small.p[i];
	return str_make(small.p, n);
}

static bool has(struct str text, struct str word)
{
	return str_find(text, word) != STR_NONE;
}

/* Every display of the request that the published card repeats. */
static bool same_names(struct suite *s, const struct json *request, struct str wanted, struct str got,
		       struct str *ret_lost)
{
	struct str display = json_is(request, JSON_OBJECT) ? json_get_str(request, S("display")) : STR_NULL;
	struct str small = display.n > 3 ? lower(&s->work, display) : STR_NULL;
	if (small.p && has(wanted, small) && !has(got, small)) {
		*ret_lost = display;
		return false;
	}
	for (struct json_iter it = json_iter(request); json_next(&it);)
		if (!same_names(s, it.value, wanted, got, ret_lost))
			return false;
	return true;
}

/* "60 mme a day", where the wanted card has such a figure. */
static bool same_dose(struct str wanted, struct str got)
{
	size_t end = str_find(wanted, S(" mme a day")), start = end;
	if (end == STR_NONE)
		return true;
	while (start && wanted.p[start - 1] >= '0' && wanted.p[start - 1] <= '9')
		start--;
	return has(got, str_slice(wanted, start, end + 10));
}

static bool same_card(struct suite *s, struct str name, const struct json *request, const struct json *wanted,
		      const struct json *got)
{
	struct str w = words_of(s, wanted), g = words_of(s, got), lost = STR_NULL;
	if (!str_eq(json_get_str(wanted, S("indicator")), json_get_str(got, S("indicator"))))
		return fail(name, "the indicator differs: ", json_get_str(got, S("indicator")));
	for (size_t i = 0; words[i]; i++)
		if (has(w, str_from(words[i])) && !has(g, str_from(words[i])))
			return fail(name, "the card does not speak of: ", str_from(words[i]));
	if (!same_dose(w, g))
		return fail(name, "the dose differs: ", g);
	return same_names(s, request, w, g, &lost) || fail(name, "the card does not name: ", lost);
}

/* ---- cases ---------------------------------------------------------------------------------------------------------
 */

/* The day for which the data were made: that of the extension which moves their dates. */
static struct str day_of(const struct json *value)
{
	struct str day = STR_NULL;
	if (str_is(json_get_str(value, S("url")), "dateLastUpdated"))
		return json_get_str(value, S("valueDateTime"));
	for (struct json_iter it = json_iter(value); !day.p && json_next(&it);)
		day = day_of(it.value);
	return day;
}

static const struct json *read(struct suite *s, struct str path, struct error *err)
{
	struct str text;
	return file_read(&s->work, path, FILE_MAX, &text, err) ? json_parse(&s->work, text, 0, err) : NULL;
}

/* OpioidCDSREC08OrderSign: service opioid-08, or that of the request's hook; OpioidCDSREC03PatientView:
 * opioid-03-patient-view. */
static const struct rule_service *service_for(struct suite *s, struct str directory, const struct json *request)
{
	struct str plain = arena_printf(&s->work, "opioid-%.*s", STR_ARG(str_slice(directory, 12, 14)));
	struct str hook = json_get_str(request, S("hook"));
	const struct rule_service *any = NULL;
	for (size_t i = 0; i < s->rules.count; i++) {
		const struct rule_service *service = s->rules.services[i];
		if (!str_eq(service->id, plain) && !(str_starts(service->id, plain) && service->id.p[plain.n] == '-'))
			continue;
		if (str_eq(service->hook, hook))
			return service;
		any = any ? any : service;
	}
	return any;
}

static const struct json *answer(struct suite *s, struct str name, const struct rule_result *result)
{
	struct buf out;
	struct error err = {0};
	struct judgement judgement = {.a = &s->work};
	if (result->failure_count) {
		fail(name, "a rule could not be told: ", str_from(result->failures[0].error.text));
		return NULL;
	}
	/* The service gives them before it answers. */
	for (size_t i = 0; i < result->answer.count; i++)
		result->answer.cards[i].uuid = arena_printf(&s->work, "00000000-0000-4000-8000-%012zu", i);
	buf_init(&out, FILE_MAX);
	const struct json *body =
		hook_answer_write(&result->answer, &out, &err) ? json_parse(&s->work, buf_str(&out), 0, &err) : NULL;
	buf_done(&out);
	judge_answer_body(&judgement, body);
	for (size_t i = 0; i < judgement.count; i++)
		if (judgement.findings[i].error) {
			fail(name, "against the specification: ", judgement.findings[i].what);
			return NULL;
		}
	return body;
}

/* Shapes that the specification does not allow are refused, and so is a hook that the service is not for. */
static bool is_refusal(const struct error *err)
{
	return err->code == ERR_VALUE || err->code == ERR_REQUIRED;
}

static bool compare(struct suite *s, struct str name, const struct json *request, const struct json *wanted,
		    const struct json *got)
{
	const struct json *w = json_get(wanted, S("cards")), *g = json_get(got, S("cards"));
	if (json_size(w) != json_size(g))
		return fail(name, "the number of cards differs: ",
			    arena_printf(&s->work, "%zu for %zu", json_size(g), json_size(w)));
	for (size_t i = 0; i < json_size(w); i++)
		if (!same_card(s, name, request, json_at(w, i), json_at(g, i)))
			return false;
	return true;
}

static bool run_case(struct suite *s, struct str directory, struct str file)
{
	struct error err = {0}, none = {0};
	struct rule_result result;
	int64_t now, high;
	struct str rest = str_starts(file, S("request-")) ? str_slice(file, 8, file.n) : file;
	const struct json *request = read(
		s, arena_printf(&s->work, "%s/requests/%.*s/%.*s", s->directory, STR_ARG(directory), STR_ARG(file)),
		&err);
	const struct json *wanted = read(s,
					 arena_printf(&s->work, "%s/responses/%.*s/response-%.*s", s->directory,
						      STR_ARG(directory), STR_ARG(rest)),
					 &none);
	const struct rule_service *service = service_for(s, directory, request);
	if (!request)
		return fail(file, "the request cannot be read: ", str_from(err.text));
	if (!service) {
		printf("skipped %.*s: no service is for %.*s\n", STR_ARG(file), STR_ARG(directory));
		return true;
	}
	if (!date_range(day_of(request), &now, &high))
		return fail(file, "its data have no date", S(""));
	if (!cds_rules_try(service, &s->work, request, (now + high) / 2, &result, &err))
		return (!wanted && is_refusal(&err)) || fail(file, "refused: ", str_from(err.text));
	const struct json *got = answer(s, file, &result);
	return got && (!wanted || compare(s, file, request, wanted, got));
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

static int compare_names(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static size_t list(struct suite *s, struct str path, struct str prefix, struct str suffix, struct str *names)
{
	DIR *d = opendir(path.p);
	size_t count = 0;
	for (struct dirent *e; d && count < FILES_MAX && (e = readdir(d));)
		if (str_starts(str_from(e->d_name), prefix) && str_ends(str_from(e->d_name), suffix) &&
		    e->d_name[0] != '.')
			names[count++] = arena_str(&s->arena, str_from(e->d_name));
	if (d)
		closedir(d);
	if (count)
		qsort(names, count, sizeof(*names), compare_names);
	return count;
}

static void run_directory(struct suite *s, struct str directory)
{
	struct str names[FILES_MAX];
	size_t count = list(s, arena_printf(&s->arena, "%s/requests/%.*s", s->directory, STR_ARG(directory)), S(""),
			    S(".json"), names);
	for (size_t i = 0; i < count; i++) {
		*(run_case(s, directory, names[i]) ? &s->passed : &s->failed) += 1;
		arena_reset(&s->work);
	}
}

int main(int argc, char **argv)
{
	static struct suite s;
	static struct str names[FILES_MAX];
	struct error err = {0};
	struct stat found;
	if (argc != 2) {
		fprintf(stderr, "usage: cds_opioid_suite DIRECTORY\n");
		return 2;
	}
	s.directory = argv[1];
	arena_init(&s.arena, 64 << 20);
	arena_init(&s.work, 256 << 20);
	cds_rules_init(&s.rules, NULL, NULL);
	struct str vocabulary = arena_printf(&s.arena, "%s/vocabulary/valueset", argv[1]);
	if (stat(vocabulary.p, &found) == 0)
		s.rules.vocabulary = vocabulary;
	if (!cds_rules_directory(&s.rules, S(EXAMPLES_DIR "/cds/opioid"), &err)) {
		printf("FAILED to read the services: %s\n", err.text);
		return 1;
	}
	size_t count = list(&s, arena_printf(&s.arena, "%s/requests", argv[1]), S("OpioidCDSREC"), S(""), names);
	for (size_t i = 0; i < count; i++)
		run_directory(&s, names[i]);
	printf("%zu passed, %zu failed\n", s.passed, s.failed);
	cds_rules_done(&s.rules);
	arena_done(&s.work);
	arena_done(&s.arena);
	return s.failed || !s.passed;
}

/*
 * Runs the R4 cases of the HL7 validator's test suite (validator/manifest.json of the FHIR test cases and the files
 * beside it). Usage: validator_suite DIRECTORY [--all] [--verbose] [CASE...].
 *
 * What is run: cases of version 4.0 that are not disabled ("use-test": false). When the directory has a cases.json that
 * says of each case whether it can be decided offline, only those are run, unless --all or names are given. A case has
 * up to three steps: base (the file against R4), profile (also against profile.source), logical (the file as an
 * instance of a logical model). Before a step the packages, profiles and supporting files that the manifest names are
 * loaded; a package is a file or directory of the suite, or one installed on this machine. A step whose package is not
 * there is skipped and counted as such.
 *
 * What is expected: the outcome of the reference implementation ("java"): an OperationOutcome in outcomes/, one within
 * the manifest, lines of text, or counts. The verdict of a step is "valid" when there is no issue of severity error or
 * fatal, in the outcome as in ours; cases.json, where there is one, must agree with it or wins. For steps that both
 * call invalid, the location of our first error is compared with the locations of all expected errors, after both were
 * brought into one form: comments, [0], predicates and namespace prefixes taken out. Expected errors without location
 * fit any.
 *
 * Output: a line per failing step, a line per path that differs, totals of verdicts and paths, and at the end
 * "N passed, N failed" in cases: a case passes when the verdicts of all its steps do. Cases in known/validator.txt are
 * expected to fail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "known.h"
#include "package/package.h"
#include "validate/cds_hooks.h"
#include "validate/document.h"

enum { MAX_PROFILES = 8 };

struct suite {
	const char *directory;
	struct arena arena;
	const struct json *cases, *manifest;
	struct known known;
	char **only;
	int only_count;
	bool all, verbose;
	size_t passed, failed, skipped;
	size_t verdicts, verdicts_right, invalids, paths_right, paths_first;
};

enum verdict { VERDICT_NONE, VERDICT_VALID, VERDICT_INVALID, VERDICT_SKIPPED };

/* One step: what to load, what is expected. */
struct step {
	const char *name;
	const struct json *test, *own; /* own: test["profile"], test["logical"]; for base the test itself */
	enum verdict expected;
	const struct json *issues; /* expected, NULL when only the verdict is known */
	const struct json *lines; /* the same as texts "SEVERITY: path: text" */
};

/* Everything that lives for one step. */
struct world {
	struct arena arena;
	struct canonicals *canonicals;
	struct terminology *terminology;
	struct validator *validator;
	struct str profiles[MAX_PROFILES];
	size_t profile_count;
	struct suite *suite;
};

static bool read_text(struct suite *s, struct arena *a, struct str name, struct str *ret_text, struct error *err)
{
	struct str path = arena_printf(a, "%s/%.*s", s->directory, STR_ARG(name));
	return path.p && file_read(a, path, 256 << 20, ret_text, err);
}

static const struct json *read_json(struct suite *s, struct arena *a, struct str name, struct error *err)
{
	struct str text;
	return read_text(s, a, name, &text, err) ? json_parse(a, text, 0, err) : NULL;
}

/* ---- the expected ----------------------------------------------------------------------------------------------- */

static bool is_error(struct str severity)
{
	return str_is(severity, "error") || str_is(severity, "fatal");
}

static enum verdict verdict_of_issues(const struct json *issues)
{
	for (struct json_iter it = json_iter(issues); json_next(&it);)
		if (is_error(json_get_str(it.value, S("severity"))))
			return VERDICT_INVALID;
	return VERDICT_VALID;
}

static enum verdict verdict_of_lines(const struct json *lines)
{
	for (struct json_iter it = json_iter(lines); json_next(&it);)
		if (str_starts(json_str(it.value), S("ERROR")) || str_starts(json_str(it.value), S("FATAL")))
			return VERDICT_INVALID;
	return VERDICT_VALID;
}

static void expect_outcome(struct step *step, const struct json *outcome)
{
	step->issues = json_get(outcome, S("issue"));
	step->expected = verdict_of_issues(step->issues);
}

static void read_expected(struct suite *s, struct step *step)
{
	const struct json *java = json_get(step->own, S("java")), *output = json_get(java, S("output"));
	struct str file = json_str(java).p ? json_str(java) : json_str(output);
	struct error err = {0};
	if (file.p) {
		struct str name = arena_printf(&s->arena, "outcomes/%.*s", STR_ARG(file));
		const struct json *outcome = read_json(s, &s->arena, name, &err);
		if (!outcome)
			printf("%s: %s\n", name.p, err.text);
		else
			expect_outcome(step, outcome);
	} else if (json_get(java, S("outcome"))) {
		expect_outcome(step, json_get(java, S("outcome")));
	} else if (json_get(java, S("errorCount"))) {
		step->lines = output;
		step->expected =
			str_is(json_number(json_get(java, S("errorCount"))), "0") ? VERDICT_VALID : VERDICT_INVALID;
	} else if (output) {
		step->lines = output;
		step->expected = verdict_of_lines(output);
	}
}

static enum verdict verdict_named(struct str name)
{
	return str_is(name, "valid") ? VERDICT_VALID : str_is(name, "invalid") ? VERDICT_INVALID : VERDICT_NONE;
}

/* ---- the world of a step ---------------------------------------------------------------------------------------- */

static bool load_file(struct suite *s, struct world *w, struct str name, struct str *ret_url, struct error *err)
{
	struct str text;
	struct document document;
	struct issues findings;
	struct arena *a = canonicals_arena(w->canonicals);
	issues_init(&findings, a);
	if (!read_text(s, a, name, &text, err) ||
	    !document_read(a, definitions_builtin(), text, NULL, &findings, &document, err))
		return false;
	if (!document.tree)
		return error_set(err, ERR_STRUCTURE, "%.*s cannot be read", STR_ARG(name));
	if (ret_url)
		*ret_url = json_get_str(document.tree, S("url"));
	if (!str_is(json_get_str(document.tree, S("resourceType")), "Bundle"))
		return canonicals_add(w->canonicals, NULL, document.tree, err);
	for (struct json_iter it = json_iter(json_get(document.tree, S("entry"))); json_next(&it);)
		if (json_get(it.value, S("resource")) &&
		    !canonicals_add(w->canonicals, NULL, json_get(it.value, S("resource")), err))
			return false;
	return true;
}

static bool load_files(struct suite *s, struct world *w, const struct json *names, struct error *err)
{
	for (struct json_iter it = json_iter(names); json_next(&it);)
		if (!load_file(s, w, json_str(it.value), NULL, err))
			return false;
	return true;
}

/* A package as the suite has it: a file named by its path, or packages/NAME#VERSION.tgz. Otherwise the spec itself, for
 * the packages of this machine. */
static struct str find_package(struct suite *s, struct arena *a, struct str spec)
{
	static const char *const before[] = {"", "packages/", "packages/"}, *const after[] = {"", ".tgz", ""};
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s%.*s%s", s->directory, before[i], STR_ARG(spec), after[i]);
		FILE *f = fopen(path, "rb");
		if (!f)
			continue;
		fclose(f);
		return arena_str(a, str_from(path));
	}
	return spec;
}

static bool load_packages(struct suite *s, struct world *w, const struct json *specs, struct error *err)
{
	const char *home = getenv("HOME");
	struct package_load_options options = {.cache =
						       arena_printf(&w->arena, "%s/.fhir/packages", home ? home : ".")};
	for (struct json_iter it = json_iter(specs); json_next(&it);) {
		struct package_load_result result = {.notes.arena = &w->arena};
		struct str spec = find_package(s, &w->arena, json_str(it.value));
		if (!package_load(w->canonicals, &spec, 1, &options, &result, err))
			return false;
	}
	return true;
}

static bool world_load(struct suite *s, struct world *w, const struct step *step, struct error *err)
{
	const struct json *test = step->test, *own = step->own;
	struct str source = json_get_str(own, S("source")), format = json_get_str(own, S("format"));
	if (!load_packages(s, w, json_get(test, S("packages")), err) ||
	    !load_files(s, w, json_get(test, S("profiles")), err) ||
	    !load_files(s, w, json_get(test, S("supporting")), err))
		return false;
	bool built_in = cds_hooks_model(format); /* whose package need not be there */
	if (own != test && ((!built_in && !load_packages(s, w, json_get(own, S("packages")), err)) ||
			    !load_files(s, w, json_get(own, S("profiles")), err) ||
			    !load_files(s, w, json_get(own, S("supporting")), err)))
		return false;
	if (own == test)
		return true;
	if (format.p)
		w->profiles[w->profile_count++] = format;
	else if (str_starts(source, S("http")))
		w->profiles[w->profile_count++] = source;
	else if (source.p && !load_file(s, w, source, &w->profiles[w->profile_count++], err))
		return false;
	return true;
}

static bool world_init(struct suite *s, struct world *w, const struct step *step, struct error *err)
{
	*w = (struct world){.suite = s};
	arena_init(&w->arena, (size_t)1 << 30);
	w->canonicals = canonicals_new(err);
	if (!w->canonicals || !world_load(s, w, step, err))
		return false;
	w->terminology = terminology_new(w->canonicals, err);
	w->validator = w->terminology ? validator_new(definitions_builtin(), w->canonicals, w->terminology, err) : NULL;
	return w->validator != NULL;
}

static void world_done(struct world *w)
{
	validator_free(w->validator);
	terminology_free(w->terminology);
	canonicals_free(w->canonicals);
	arena_done(&w->arena);
}

/* ---- locations -------------------------------------------------------------------------------------------------- */

static size_t skip_bracket(struct str path, size_t at)
{
	size_t close = str_find_char(path, ']', at);
	struct str inside = close == STR_NONE ? STR_NULL : str_slice(path, at + 1, close);
	uint64_t index;
	bool number = str_to_u64(inside, &index);
	return close != STR_NONE && (!number || index == 0) ? close + 1 : at;
}

/* One form for all: "/f:Bundle/f:entry[1]", "Bundle.entry[0].resource/<comment>/.id", "$". */
static struct str plain_location(struct arena *a, struct str path)
{
	char *out = arena_alloc(a, path.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < path.n;) {
		struct str rest = str_slice(path, i, path.n);
		size_t end = str_starts(rest, S("/*")) ? str_find(rest, S("*/")) : STR_NONE;
		if (end != STR_NONE) {
			i += end + 2;
		} else if (rest.p[0] == '[' && skip_bracket(path, i) > i) {
			i = skip_bracket(path, i);
		} else if (str_starts(rest, S("f:"))) {
			i += 2;
		} else if (rest.p[0] == '/' || rest.p[0] == '.') {
			if (n && out[n - 1] != '.')
				out[n++] = '.';
			i++;
		} else {
			out[n++] = path.p[i++];
		}
	}
	while (n && out[n - 1] == '.')
		n--;
	struct str plain = str_make(out, n);
	return str_is(plain, "$") ? S("") : plain;
}

static struct str issue_location(const struct json *issue)
{
	struct str path = json_str(json_at(json_get(issue, S("expression")), 0));
	return path.p ? path : json_str(json_at(json_get(issue, S("location")), 0));
}

enum fit { FIT_NONE, FIT_SOME, FIT_FIRST };

/* How our location fits those of the expected errors. */
static enum fit location_fits(struct arena *a, const struct step *step, struct str ours)
{
	bool first = true;
	struct str mine = plain_location(a, ours);
	for (struct json_iter it = json_iter(step->issues); json_next(&it);) {
		if (!is_error(json_get_str(it.value, S("severity"))))
			continue;
		struct str path = issue_location(it.value);
		if (!path.p || str_eq(plain_location(a, path), mine))
			return first ? FIT_FIRST : FIT_SOME;
		first = false;
	}
	return step->issues ? FIT_NONE : FIT_FIRST;
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static const struct issue *first_error(const struct issues *findings)
{
	for (const struct issue *i = findings->first; i; i = i->next)
		if (i->severity <= ISSUE_ERROR)
			return i;
	return NULL;
}

/* The target of "Type/id" when the suite has a file id.xml or id.json with such a resource. */
static const struct json *find_target(void *ctx, struct str reference)
{
	struct world *w = ctx;
	struct reference r = reference_parse(definitions_builtin(), reference);
	static const char *const forms[] = {"xml", "json"};
	for (size_t i = 0; r.kind == REF_RELATIVE && i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct str text, name = arena_printf(&w->arena, "%.*s.%s", STR_ARG(r.id), forms[i]);
		struct document document;
		struct issues findings;
		struct error err = {0};
		issues_init(&findings, &w->arena);
		if (!name.p || !read_text(w->suite, &w->arena, name, &text, &err) ||
		    !document_read(&w->arena, definitions_builtin(), text, NULL, &findings, &document, &err))
			continue;
		if (str_eq(json_get_str(document.tree, S("resourceType")), r.type))
			return document.tree;
	}
	return NULL;
}

/* As the reference implementation is set up for the suite: what it cannot find or match is an error there. */
static struct validation_options options_of(struct world *w, const struct step *step)
{
	const struct json *own = step->own, *test = step->test;
	struct str references = json_get_str(test, S("validateReference"));
	bool rest = json_bool(json_get(test, S("assumeValidRestReferences"))) ||
		    json_bool(json_get(own, S("assumeValidRestReferences")));
	return (struct validation_options){
		.profiles = w->profiles,
		.profile_count = w->profile_count,
		.displays_must_match = !str_is(json_get_str(test, S("wrong-displays")), "warning"),
		.extensions_must_be_known = true,
		.unresolved_unchecked = !references.p && !rest,
		.skip_contained = str_is(json_get_str(test, S("validateContains")), "IGNORE"),
		.no_markup = json_bool(json_get(test, S("security-checks"))),
		.now_ms = clock_now_ms(),
		.references_must_resolve = str_starts(references, S("CHECK_EXISTS")),
		.rest_references = rest,
		.resolve = find_target,
		.resolve_ctx = w,
	};
}

static bool validate_file(struct suite *s, struct world *w, const struct step *step, struct issues *findings,
			  struct error *err)
{
	struct str text, name = json_get_str(step->test, S("file"));
	struct document_options form = {.allow_comments = json_bool(json_get(step->test, S("allow-comments")))};
	struct validation_options options = options_of(w, step);
	if (!read_text(s, &w->arena, name, &text, err))
		return false;
	if (!str_ends(name, S(".ndjson")))
		return validate_text(w->validator, definitions_builtin(), &w->arena, text, &form, &options, findings,
				     err);
	while (text.p) {
		struct str line = str_split(&text, '\n');
		if (str_trim(line).n && !validate_text(w->validator, definitions_builtin(), &w->arena, line, &form,
						       &options, findings, err))
			return false;
	}
	return true;
}

static const char *const verdict_names[] = {"unknown", "valid", "invalid", "skipped"};

static void print_findings(const struct issues *findings)
{
	for (const struct issue *i = findings->first; i; i = i->next)
		printf("    ours: %zu:%zu %s %.*s: %.*s [%.*s]\n", i->line, i->column, issue_severity_name(i->severity),
		       STR_ARG(i->path), STR_ARG(i->text), STR_ARG(i->rule));
}

static void print_expected(const struct step *step)
{
	for (struct json_iter it = json_iter(step->issues); json_next(&it);) {
		struct str text = json_get_str(json_get(it.value, S("details")), S("text"));
		printf("    expected: %.*s %.*s: %.*s\n", STR_ARG(json_get_str(it.value, S("severity"))),
		       STR_ARG(issue_location(it.value)),
		       STR_ARG(text.p ? text : json_get_str(it.value, S("diagnostics"))));
	}
	for (struct json_iter it = json_iter(step->lines); json_next(&it);)
		printf("    expected: %.*s\n", STR_ARG(json_str(it.value)));
}

/* Compares, counts and prints. Returns whether the verdict is right. */
static bool judge(struct suite *s, struct world *w, const struct step *step, const struct issues *findings)
{
	struct str name = json_get_str(step->test, S("name"));
	const struct issue *error = first_error(findings);
	enum verdict ours = findings->errors ? VERDICT_INVALID : VERDICT_VALID;
	bool right = ours == step->expected;
	s->verdicts++;
	s->verdicts_right += right;
	if (!right)
		printf("FAILED %.*s %s: %s, expected %s%s%.*s%s%.*s\n", STR_ARG(name), step->name, verdict_names[ours],
		       verdict_names[step->expected], error ? ": " : "", STR_ARG(error ? error->path : S("")),
		       error ? ": " : "", STR_ARG(error ? error->text : S("")));
	if (step->expected == VERDICT_INVALID) {
		enum fit fit = error ? location_fits(&w->arena, step, error->path) : FIT_NONE;
		s->invalids++;
		s->paths_right += fit != FIT_NONE;
		s->paths_first += fit == FIT_FIRST;
		if (right && fit == FIT_NONE)
			printf("path %.*s %s: %.*s: %.*s\n", STR_ARG(name), step->name, STR_ARG(error->path),
			       STR_ARG(error->text));
	}
	if (s->verbose) {
		print_expected(step);
		print_findings(findings);
	}
	return right;
}

static enum verdict run_step(struct suite *s, const struct step *step, bool *ret_right)
{
	struct world w;
	struct issues findings;
	struct error err = {0};
	enum verdict done = VERDICT_NONE;
	struct str name = json_get_str(step->test, S("name"));
	bool ok = world_init(s, &w, step, &err);
	issues_init(&findings, &w.arena);
	findings.max = 10000;
	if (ok && validate_file(s, &w, step, &findings, &err)) {
		*ret_right = judge(s, &w, step, &findings) && *ret_right;
	} else if (err.code == ERR_NOT_FOUND) {
		done = VERDICT_SKIPPED;
		printf("skipped %.*s %s: %s\n", STR_ARG(name), step->name, err.text);
	} else {
		*ret_right = false;
		s->verdicts++;
		printf("FAILED %.*s %s: %s\n", STR_ARG(name), step->name, err.text);
	}
	world_done(&w);
	return done;
}

/* The name in the list of known failures: "name", "name (2)" for a second case of that name. */
static struct str case_label(struct suite *s, const struct json *tests, size_t index)
{
	size_t before = 1;
	struct str name = json_get_str(json_at(tests, index), S("name"));
	for (size_t i = 0; i < index; i++)
		before += str_eq(json_get_str(json_at(tests, i), S("name")), name);
	return before == 1 ? name : arena_printf(&s->arena, "%.*s (%zu)", STR_ARG(name), before);
}

static void run_case(struct suite *s, const struct json *test, const struct json *summary, struct str name)
{
	static const char *const steps[] = {"base", "profile", "logical"};
	bool right = true, ran = false, known;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct step step = {.name = steps[i], .test = test};
		step.own = i ? json_get(test, str_from(steps[i])) : test;
		if (!step.own)
			continue;
		read_expected(s, &step);
		enum verdict told = verdict_named(json_get_str(summary, str_from(steps[i])));
		if (told != step.expected && summary) {
			step.expected = told;
			step.issues = step.lines = NULL;
		}
		if (step.expected == VERDICT_NONE)
			continue;
		ran = run_step(s, &step, &right) != VERDICT_SKIPPED || ran;
	}
	if (!ran) {
		s->skipped++;
		return;
	}
	known = known_has(&s->known, name);
	if (known && right)
		printf("FAILED %.*s: passes, but is in the list of known failures\n", STR_ARG(name));
	s->passed += right != known;
	s->failed += right == known;
}

static bool is_wanted(const struct suite *s, const struct json *test, const struct json *summary)
{
	const struct json *use = json_get(test, S("use-test"));
	struct str name = json_get_str(test, S("name"));
	for (int i = 0; i < s->only_count; i++)
		if (str_is(name, s->only[i]))
			return true;
	if (s->only_count || !str_starts(json_get_str(test, S("version")), S("4.0")))
		return false;
	if (use && !json_bool(use))
		return false;
	return s->all || !summary || str_is(json_get_str(summary, S("use")), "offline");
}

/* The summary of the nth case of that name. */
static const struct json *summary_of(const struct suite *s, const struct json *tests, size_t index)
{
	size_t before = 0;
	struct str name = json_get_str(json_at(tests, index), S("name"));
	for (size_t i = 0; i < index; i++)
		before += str_eq(json_get_str(json_at(tests, i), S("name")), name);
	for (struct json_iter it = json_iter(s->cases); json_next(&it);)
		if (str_eq(json_get_str(it.value, S("name")), name) && before-- == 0)
			return it.value;
	return NULL;
}

static bool run(struct suite *s, struct error *err)
{
	struct error absent = {0};
	s->cases = read_json(s, &s->arena, S("cases.json"), &absent);
	s->manifest = read_json(s, &s->arena, S("manifest.json"), err);
	if (!s->manifest || !known_read(&s->known, &s->arena, "validator", err))
		return false;
	const struct json *tests = json_get(s->manifest, S("test-cases"));
	size_t i = 0;
	for (struct json_iter it = json_iter(tests); json_next(&it); i++) {
		const struct json *summary = summary_of(s, tests, i);
		if (is_wanted(s, it.value, summary))
			run_case(s, it.value, summary, case_label(s, tests, i));
		fflush(stdout);
	}
	return true;
}

static double percent(size_t part, size_t all)
{
	return all ? 100.0 * (double)part / (double)all : 100.0;
}

int main(int argc, char **argv)
{
	static struct suite s;
	struct error err = {0};
	s.only = argv;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--all") == 0)
			s.all = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			s.verbose = true;
		else if (!s.directory)
			s.directory = argv[i];
		else
			s.only[s.only_count++] = argv[i];
	}
	if (!s.directory) {
		fprintf(stderr, "usage: validator_suite DIRECTORY [--all] [--verbose] [CASE...]\n");
		return 2;
	}
	arena_init(&s.arena, (size_t)1 << 30);
	/* cases.json or manifest.json stand for the directory they are in. */
	struct str path = str_from(s.directory);
	size_t slash = str_rfind_char(path, '/');
	if (str_ends(path, S(".json")))
		s.directory = slash == STR_NONE ? "." : arena_str(&s.arena, str_slice(path, 0, slash)).p;
	bool ok = s.directory && run(&s, &err);
	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	printf("verdicts: %zu of %zu steps (%.1f %%); paths: %zu of %zu invalid steps (%.1f %%), the first expected: "
	       "%zu; %zu cases skipped\n",
	       s.verdicts_right, s.verdicts, percent(s.verdicts_right, s.verdicts), s.paths_right, s.invalids,
	       percent(s.paths_right, s.invalids), s.paths_first, s.skipped);
	printf("%zu passed, %zu failed\n", s.passed, s.failed);
	arena_done(&s.arena);
	return s.failed || !s.passed || !ok ? 1 : 0;
}

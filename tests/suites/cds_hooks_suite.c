/*
 * Published examples of CDS Hooks: the JSON files of DIRECTORY, from the specification and its hooks, or from the CRD
 * reference implementation. Requests must be read, or refused for a member that is not there or is no such thing; an
 * example of a hook's context alone is read as a request of the hook that the file is named after, and hooks that are
 * not among the seven of 2.0 must be refused by name. Discovery documents, answers and single cards are held to the
 * specification; those that break it themselves are on the list of known ones. A line per failing case, then "N passed,
 * N failed".
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "hooks/answer.h"
#include "hooks/request.h"
#include "known.h"

enum { FILES_MAX = 2000, FILE_MAX = 16 << 20 };

struct suite {
	struct arena a; /* of a file */
	struct known known;
	size_t passed, failed;
};

static bool fail(struct str name, struct str what)
{
	printf("FAILED %.*s: %.*s\n", STR_ARG(name), STR_ARG(what));
	return false;
}

/* ---- requests ------------------------------------------------------------------------------------------------------
 */

/* The member at "context.selections[1]", NULL when it is not there. */
static const struct json *member(const struct json *document, struct str path)
{
	const struct json *at = document;
	for (struct str rest = path; rest.p;) {
		struct str part = str_split(&rest, '.'), index = part, name = str_split(&index, '[');
		uint64_t i;
		at = json_get(at, name);
		if (index.p && str_to_u64(str_slice(index, 0, index.n - 1), &i))
			at = json_at(at, i);
	}
	return at;
}

static bool check_request(struct suite *s, struct str name, const struct json *document)
{
	struct error err = {0};
	struct hook_request r;
	struct str hook = json_get_str(document, S("hook"));
	bool ok = hook_request_of(&s->a, document, &r, &err);
	struct str path = str_from(err.path);
	if (ok)
		return str_eq(json_get_str(document, S("hook")), str_from(r.hook->name)) ||
		       fail(name, S("another hook"));
	if (!hook_named(hook))
		return str_is(path, "hook") || fail(name, str_from(err.text));
	/* A refusal says what is missing, and that is so. */
	const struct json *there = member(document, path);
	if (err.code == ERR_REQUIRED && path.n && (!there || json_is(there, JSON_NULL)))
		return true;
	return fail(name, str_from(err.text));
}

/* "old-docs_hooks_order-sign_00.json": order-sign */
static struct str hook_of(struct str name)
{
	struct str stem = str_slice(name, 0, str_rfind_char(name, '_'));
	size_t before = str_rfind_char(stem, '_');
	return before == STR_NONE ? stem : str_slice(stem, before + 1, stem.n);
}

static bool check_context(struct suite *s, struct str name, const struct json *document)
{
	struct buf text;
	struct error err = {0};
	buf_init(&text, FILE_MAX);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("hook"), hook_of(name));
	json_put_member(&w, S("hookInstance"), S("d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"));
	json_key(&w, S("context"));
	json_put_value(&w, json_get(document, S("context")));
	json_object_end(&w);
	const struct json *request = json_parse(&s->a, buf_str(&text), 0, &err);
	buf_done(&text);
	return request ? check_request(s, name, request) : fail(name, str_from(err.text));
}

/* ---- documents -----------------------------------------------------------------------------------------------------
 */

static bool tell(struct str name, const struct judgement *j)
{
	if (!judge_errors(j))
		return true;
	for (size_t i = 0; i < j->count; i++)
		if (j->findings[i].error)
			printf("FAILED %.*s: %.*s %.*s\n", STR_ARG(name), STR_ARG(j->findings[i].where),
			       STR_ARG(j->findings[i].what));
	return false;
}

static bool check_answer(struct suite *s, struct str name, const struct json *document, bool single)
{
	static struct judgement j;
	struct error err = {0};
	struct buf text;
	j = (struct judgement){.a = &s->a};
	buf_init(&text, FILE_MAX);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, document);
	struct str whole = single ? arena_printf(&s->a, "{\"cards\":[%.*s]}", STR_ARG(buf_str(&text)))
				  : arena_str(&s->a, buf_str(&text));
	buf_done(&text);
	judge_answer_body(&j, json_parse(&s->a, whole, 0, &err));
	return tell(name, &j);
}

static bool check_discovery(struct suite *s, struct str name, const struct json *document)
{
	static struct judgement j;
	j = (struct judgement){.a = &s->a};
	judge_discovery_body(&j, document);
	return tell(name, &j);
}

/* False in *ret_case: it is an example of nothing that we read. */
static bool check(struct suite *s, struct str name, const struct json *j, bool *ret_case)
{
	*ret_case = true;
	if (json_get(j, S("hook")) && json_get(j, S("context")))
		return check_request(s, name, j);
	if (json_get(j, S("services")))
		return check_discovery(s, name, j);
	if (json_get(j, S("cards")))
		return check_answer(s, name, j, false);
	if (json_get(j, S("summary")) && json_get(j, S("indicator")))
		return check_answer(s, name, j, true);
	if (json_get(j, S("context")) && json_size(j) == 1)
		return check_context(s, name, j);
	*ret_case = false;
	return true;
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

static void run(struct suite *s, const char *directory, const char *file)
{
	struct error err = {0};
	struct str text, name = str_from(file);
	bool is_case = true;
	arena_reset(&s->a);
	const struct json *j = file_read(&s->a, arena_printf(&s->a, "%s/%s", directory, file), FILE_MAX, &text, &err)
				       ? json_parse(&s->a, text, 0, &err)
				       : NULL;
	bool ok = j ? check(s, name, j, &is_case) : fail(name, str_from(err.text)), known = known_has(&s->known, name);
	if (!is_case)
		return;
	if (ok && known)
		printf("FAILED %s: is on the list of known failures and passes\n", file);
	s->passed += ok != known;
	s->failed += ok == known;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int main(int argc, char **argv)
{
	static struct suite s;
	struct dirent **files = NULL;
	struct arena whole;
	struct error err = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: cds_hooks_suite DIRECTORY\n");
		return 2;
	}
	arena_init(&s.a, 256 << 20);
	arena_init(&whole, 1 << 20);
	if (!known_read(&s.known, &whole, "cds_hooks", &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	int count = scandir(argv[1], &files, NULL, by_name);
	for (int i = 0; i < count && i < FILES_MAX; i++) {
		if (str_ends(str_from(files[i]->d_name), S(".json")))
			run(&s, argv[1], files[i]->d_name);
		free(files[i]);
	}
	free(files);
	printf("%zu passed, %zu failed\n", s.passed, s.failed);
	arena_done(&s.a);
	arena_done(&whole);
	return s.failed || !s.passed ? 1 : 0;
}

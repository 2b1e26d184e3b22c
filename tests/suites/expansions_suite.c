/*
 * Compares expansions of value sets with given ones. Usage: expansions_suite PATH, a package (archive or directory) or
 * a directory of ValueSet resources with expansions, or one such file. Each is expanded anew from its definition, as
 * seen from the R4 core package, and must have the same set of (system, code). A line per failing case, then
 * "N passed, N failed". A refused expansion has failed, unless known/expansions.txt says why it must be refused.
 */
#include <stdio.h>

#include "base/map.h"
#include "known.h"
#include "package/package.h"
#include "terminology/terminology.h"

struct run {
	struct canonicals *canonicals;
	struct terminology *terminology;
	const struct canonical *core;
	struct known known;
	struct arena arena;
	size_t passed, failed;
};

static struct str key_of(struct arena *a, struct str system, struct str code)
{
	return arena_printf(a, "%.*s|%.*s", STR_ARG(system), STR_ARG(code));
}

static bool read_given(struct arena *a, struct map *to, const struct json *contains)
{
	struct json_iter it = json_iter(contains);
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system")), code = json_get_str(it.value, S("code"));
		if (code.p && !map_put(to, key_of(a, system, code), NULL))
			return false;
		if (!read_given(a, to, json_get(it.value, S("contains"))))
			return false;
	}
	return true;
}

/* The resource without its expansion, so that nothing can be copied from it. */
static const struct json *without_expansion(struct arena *a, const struct json *value_set, struct error *err)
{
	struct buf text;
	buf_init(&text, 64 << 20);
	struct json_writer w = json_writer(&text);
	struct json_iter it = json_iter(value_set);
	json_object_begin(&w);
	while (json_next(&it)) {
		if (str_is(it.key, "expansion"))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_object_end(&w);
	struct str copy = arena_str(a, buf_str(&text));
	buf_done(&text);
	return json_parse(a, copy, 0, err);
}

static const struct expansion *expand(struct run *r, struct arena *a, const struct json *value_set, struct error *err)
{
	struct expand_options o = {.flat = true, .limit = 2000000};
	struct str version = json_get_str(value_set, S("version")), url = json_get_str(value_set, S("url"));
	struct str canonical = version.p ? arena_printf(a, "%.*s|%.*s", STR_ARG(url), STR_ARG(version)) : url;
	if (canonicals_find(r->canonicals, S("ValueSet"), canonical, r->core))
		return terminology_expand(r->terminology, a, canonical, r->core, &o, err);
	const struct json *bare = without_expansion(canonicals_arena(r->canonicals), value_set, err);
	return bare ? terminology_expand_resource(r->terminology, a, bare, r->core, &o, err) : NULL;
}

/* Empty when the sets are equal. */
static struct str difference(struct arena *a, const struct expansion *got, const struct json *value_set)
{
	struct map given, ours;
	size_t missing = 0, extra = 0;
	struct str example = STR_NULL;
	map_init(&given, 2000000);
	map_init(&ours, 2000000);
	bool ok = read_given(a, &given, json_get(json_get(value_set, S("expansion")), S("contains")));
	for (size_t i = 0; ok && i < got->count; i++) {
		struct str key = key_of(a, got->codes[i].system, got->codes[i].code);
		ok = map_put(&ours, key, NULL) != NULL;
		if (!map_get(&given, key)) {
			extra++;
			example = example.p ? example : arena_printf(a, "+%.*s", STR_ARG(key));
		}
	}
	for (size_t i = 0; ok && i < given.capacity; i++) {
		if (given.slots[i].key.p && !map_get(&ours, given.slots[i].key)) {
			missing++;
			example = example.p ? example : arena_printf(a, "-%.*s", STR_ARG(given.slots[i].key));
		}
	}
	map_done(&given);
	map_done(&ours);
	if (!ok)
		return S("out of memory");
	return missing + extra
		       ? arena_printf(a, "%zu missing, %zu too many, such as %.*s", missing, extra, STR_ARG(example))
		       : S("");
}

static void run_case(struct run *r, const struct json *value_set)
{
	struct error err = {0};
	struct arena a;
	struct str id = json_get_str(value_set, S("id"));
	arena_init(&a, (size_t)1 << 30);
	const struct expansion *got = expand(r, &a, value_set, &err);
	struct str wrong = got ? difference(&a, got, value_set) : str_from(err.text);
	bool known = known_has(&r->known, id);
	if (!wrong.n && !known) {
		r->passed++;
	} else if (wrong.n && known) {
		printf("known %.*s: %.*s\n", STR_ARG(id), STR_ARG(wrong));
	} else {
		printf("FAILED %.*s: %.*s\n", STR_ARG(id),
		       STR_ARG(wrong.n ? wrong : S("passes, but is listed as a known failure")));
		r->failed++;
	}
	arena_done(&a);
}

static bool run_all(struct run *r, const char *path, struct error *err)
{
	struct package package;
	if (!package_read(&r->arena, str_from(path), &package, err))
		return false;
	for (size_t i = 0; i < package.file_count; i++) {
		struct arena a;
		arena_init(&a, (size_t)1 << 30);
		const struct json *json = package_file_json(&package.files[i], &a, err);
		if (json && str_is(json_get_str(json, S("resourceType")), "ValueSet") && json_get(json, S("expansion")))
			run_case(r, json);
		arena_done(&a);
		if (!json)
			return false;
	}
	return r->passed + r->failed || error_set(err, ERR_VALUE, "%s: there are no expansions", path);
}

static bool open_run(struct run *r, struct error *err)
{
	arena_init(&r->arena, (size_t)4 << 30);
	r->canonicals = canonicals_new(err);
	r->terminology = r->canonicals ? terminology_new(r->canonicals, err) : NULL;
	if (!r->terminology || !known_read(&r->known, &r->arena, "expansions", err))
		return false;
	r->core = canonicals_find_type(r->canonicals, S("Patient"));
	return true;
}

int main(int argc, char **argv)
{
	static struct run r;
	struct error err = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: expansions_suite PATH\n");
		return 2;
	}
	if (!open_run(&r, &err) || !run_all(&r, argv[1], &err))
		fprintf(stderr, "%s\n", err.text);
	printf("%zu passed, %zu failed\n", r.passed, r.failed);
	terminology_free(r.terminology);
	canonicals_free(r.canonicals);
	arena_done(&r.arena);
	return r.failed || err.code ? 1 : 0;
}

/*
 * Takes away the snapshots of published profiles, makes them anew from the differentials, and compares the two on what
 * validation uses. Usage: snapshot_suite PATH [PACKAGE...] where PATH is a package, an unpacked one, or a directory of
 * archives or definitions, and the others are what it is built on. A line per profile that differs, then how many
 * elements are equal and "N passed, N failed".
 */
#include <stdio.h>

#include "known.h"
#include "package/package.h"
#include "profile/snapshot.h"

enum { MAX_WITH = 15 };

struct tally {
	size_t passed, failed, known, elements, equal;
	struct known known_list;
};

/* ---- comparing one element --------------------------------------------------------------------------------------- */

static bool same_json(const struct json *a, const struct json *b)
{
	struct buf x, y;
	buf_init(&x, 16 << 20);
	buf_init(&y, 16 << 20);
	struct json_writer w = json_writer(&x), v = json_writer(&y);
	if (a)
		json_put_value(&w, a);
	if (b)
		json_put_value(&v, b);
	bool same = str_eq(buf_str(&x), buf_str(&y));
	buf_done(&x);
	buf_done(&y);
	return same;
}

static bool same_member(const struct json *a, const struct json *b, const char *key)
{
	return same_json(json_get(a, str_from(key)), json_get(b, str_from(key)));
}

static bool same_flag(const struct json *a, const struct json *b, const char *key)
{
	return json_bool(json_get(a, str_from(key))) == json_bool(json_get(b, str_from(key)));
}

/* Items of one list that the other has too, by a key (STR_NULL: the item itself). */
static bool contained(const struct json *a, const struct json *b, struct str key)
{
	struct json_iter it = json_iter(a);
	while (json_next(&it)) {
		struct str wanted = key.p ? json_get_str(it.value, key) : json_str(it.value);
		bool found = false;
		struct json_iter other = json_iter(b);
		while (!found && json_next(&other))
			found = str_eq(wanted, key.p ? json_get_str(other.value, key) : json_str(other.value));
		if (!found)
			return false;
	}
	return true;
}

static bool same_set(const struct json *a, const struct json *b, struct str key)
{
	return contained(a, b, key) && contained(b, a, key);
}

static bool same_types(const struct json *a, const struct json *b)
{
	if (json_size(a) != json_size(b))
		return false;
	struct json_iter it = json_iter(a);
	while (json_next(&it)) {
		struct json_iter other = json_iter(b);
		bool found = false;
		while (!found && json_next(&other))
			found = same_member(it.value, other.value, "code") &&
				same_set(json_get(it.value, S("profile")), json_get(other.value, S("profile")),
					 STR_NULL) &&
				same_set(json_get(it.value, S("targetProfile")),
					 json_get(other.value, S("targetProfile")), STR_NULL);
		if (!found)
			return false;
	}
	return true;
}

static bool same_slicing(const struct json *a, const struct json *b)
{
	const struct json *x = json_get(a, S("slicing")), *y = json_get(b, S("slicing"));
	return !x == !y && same_member(x, y, "discriminator") && same_member(x, y, "rules") &&
	       same_flag(x, y, "ordered");
}

static bool same_binding(const struct json *a, const struct json *b)
{
	const struct json *x = json_get(a, S("binding")), *y = json_get(b, S("binding"));
	return same_member(x, y, "strength") && same_member(x, y, "valueSet");
}

static bool same_choice(const struct json *a, const struct json *b, struct str stem)
{
	struct json_iter it = json_iter(a);
	while (json_next(&it))
		if (str_starts(it.key, stem) && !same_json(it.value, json_get(b, it.key)))
			return false;
	return true;
}

/* "#Observation.referenceRange", with or without a URL in front. */
static struct str reference_of(const struct json *element)
{
	struct str text = json_get_str(element, S("contentReference"));
	size_t mark = text.p ? str_find_char(text, '#', 0) : STR_NONE;
	return mark == STR_NONE ? text : str_slice(text, mark, text.n);
}

static const char *difference(const struct json *a, const struct json *b)
{
	static const char *const members[] = {"path", "sliceName", "min", "max", "maxLength"};
	static const char *const flags[] = {"mustSupport", "isModifier"};
	static const char *const choices[] = {"fixed", "pattern", "minValue", "maxValue"};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!same_member(a, b, members[i]))
			return members[i];
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!same_flag(a, b, flags[i]))
			return flags[i];
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (!same_choice(a, b, str_from(choices[i])) || !same_choice(b, a, str_from(choices[i])))
			return choices[i];
	if (!str_eq(reference_of(a), reference_of(b)))
		return "contentReference";
	if (!same_types(json_get(a, S("type")), json_get(b, S("type"))))
		return "type";
	if (!same_slicing(a, b))
		return "slicing";
	if (!same_binding(a, b))
		return "binding";
	if (!same_set(json_get(a, S("constraint")), json_get(b, S("constraint")), S("key")))
		return "constraint";
	return NULL;
}

/* ---- comparing a profile ------------------------------------------------------------------------------------------
 */

static const struct json *find_element(const struct json *elements, struct str id)
{
	struct json_iter it = json_iter(elements);
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("id")), id))
			return it.value;
	return NULL;
}

static void say(struct buf *out, const char *what, struct str id)
{
	if (out->n < 400)
		buf_printf(out, "%s%s of %.*s", out->n ? "; " : "", what, STR_ARG(id));
}

/* Adds what differs to out. */
static void compare(struct tally *t, const struct json *published, const struct json *made, struct buf *out)
{
	struct json_iter it = json_iter(published);
	while (json_next(&it)) {
		struct str id = json_get_str(it.value, S("id"));
		const struct json *ours = find_element(made, id);
		const char *what = ours ? difference(it.value, ours) : "absence";
		t->elements++;
		if (what)
			say(out, what, id);
		else
			t->equal++;
	}
	it = json_iter(made);
	while (json_next(&it)) {
		struct str id = json_get_str(it.value, S("id"));
		if (!find_element(published, id))
			say(out, "presence", id);
	}
}

static const struct json *elements_of(const struct json *profile)
{
	return json_get(json_get(profile, S("snapshot")), S("element"));
}

static void count(struct tally *t, struct str name, struct str trouble)
{
	bool known = known_has(&t->known_list, name);
	if (trouble.n && known) {
		t->known++;
	} else if (trouble.n || known) {
		t->failed++;
		printf("FAILED %.*s: %.*s\n", STR_ARG(name),
		       STR_ARG(trouble.n ? trouble : S("equal now, but still listed as known")));
	} else {
		t->passed++;
	}
}

static void check_profile(struct tally *t, const struct canonicals *set, const struct canonical *entry)
{
	struct arena a;
	struct buf out;
	struct error err = {0};
	arena_init(&a, 2048u << 20);
	buf_init(&out, 1 << 20);
	const struct json *profile = canonical_json(set, entry, &err), *made = NULL;
	struct issues problems;
	issues_init(&problems, &a);
	const struct snapshot_options options = {.from = entry, .anew = true, .problems = &problems};
	if (profile && json_get(profile, S("differential")) && elements_of(profile)) {
		made = profile_snapshot(&a, set, profile, &options, &err);
		if (made)
			compare(t, elements_of(profile), elements_of(made), &out);
		else
			buf_printf(&out, "%s%s%s", err.text, err.path[0] ? " at " : "", err.path);
		for (const struct issue *i = problems.first; i && out.n && out.n < 400; i = i->next)
			buf_printf(&out, "; %.*s: %.*s", STR_ARG(i->path), STR_ARG(i->text));
		struct str name = arena_printf(&a, "%.*s#%.*s/%.*s", STR_ARG(canonical_package_name(entry->package)),
					       STR_ARG(canonical_package_version(entry->package)), STR_ARG(entry->id));
		count(t, name, buf_str(&out));
	}
	buf_done(&out);
	arena_done(&a);
}

/* Is the package one of the first `count` that were taken in? */
static bool is_target(const struct package_load_result *result, size_t count, const struct canonical_package *package)
{
	const struct package_loaded *p = result->first;
	for (size_t i = 0; p && i < count; i++, p = p->next)
		if (str_eq(p->name, canonical_package_name(package)) &&
		    str_eq(p->version, canonical_package_version(package)))
			return true;
	return false;
}

/* Takes all into one set and checks the profiles of the first `targets`. */
static bool check_packages(struct tally *t, struct arena *a, const struct str *specs, size_t count, size_t targets,
			   struct error *err)
{
	struct canonicals *set = canonicals_new(err);
	const struct package_load_options options = {0};
	struct package_load_result result = {.notes = {.arena = a}};
	bool ok = set && package_load(set, specs, count, &options, &result, err);
	const struct canonical *entry;
	size_t at = 0;
	while (ok && (entry = canonicals_next(set, S("StructureDefinition"), &at)))
		if (str_is(entry->derivation, "constraint") && is_target(&result, targets, entry->package))
			check_profile(t, set, entry);
	canonicals_free(set);
	return ok;
}

static bool check_path(struct tally *t, struct str path, struct str *with, size_t with_count, struct error *err)
{
	struct arena a;
	struct str *archives = NULL;
	size_t targets = 0;
	struct error none = {0};
	arena_init(&a, ARENA_NO_CAP);
	if (!package_archives(&a, path, &archives, &targets, &none) || !targets) {
		archives = &path;
		targets = 1;
	}
	struct str *specs = ARENA_ARRAY(&a, struct str, targets + with_count);
	for (size_t i = 0; specs && i < targets + with_count; i++)
		specs[i] = i < targets ? archives[i] : with[i - targets];
	bool ok = specs ? check_packages(t, &a, specs, targets + with_count, targets, err) : error_memory(err);
	arena_done(&a);
	return ok;
}

int main(int argc, char **argv)
{
	static struct tally t;
	struct error err = {0};
	struct arena a;
	struct str with[MAX_WITH];
	size_t with_count = 0;
	if (argc < 2 || argc - 2 > MAX_WITH) {
		fprintf(stderr, "usage: snapshot_suite PATH [PACKAGE...]\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		with[with_count++] = str_from(argv[i]);
	arena_init(&a, ARENA_NO_CAP);
	bool ok = known_read(&t.known_list, &a, "snapshot", &err) &&
		  check_path(&t, str_from(argv[1]), with, with_count, &err);
	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	printf("%zu of %zu elements equal; %zu profiles differ in known ways\n", t.equal, t.elements, t.known);
	printf("%zu passed, %zu failed\n", t.passed, t.failed);
	arena_done(&a);
	return ok && !t.failed ? 0 : 1;
}

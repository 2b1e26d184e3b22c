/* Installing, listing, checking and removing: whole or not at all, and never outside of the cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "make.h"
#include "world.h"

static bool exists(struct world *w, const char *name)
{
	return access(arena_printf(&w->arena, "%s/%s", w->root, name).p, F_OK) == 0;
}

static struct str content(struct world *w, const char *name)
{
	struct str text = STR_NULL;
	assert_true(file_read(&w->arena, arena_printf(&w->arena, "%s/%s", w->root, name), 1 << 20, &text, &w->err));
	return text;
}

static struct package_install_result installed(struct world *w, struct str path, bool replace)
{
	struct package_install_result r = {0};
	if (!package_install(&w->arena, w->cache, path, replace, &r, &w->err))
		print_message("%s\n", w->err.text);
	assert_int_equal(w->err.code, ERR_NONE);
	return r;
}

static size_t listed(struct world *w)
{
	struct package_installed *list;
	size_t count = 0;
	assert_true(package_list(&w->arena, w->cache, &list, &count, &w->err));
	return count;
}

/* Nothing but packages and the marker lies in the cache: the links of a directory count those in it. */
static void assert_tidy(struct world *w, size_t packages)
{
	struct stat info;
	assert_int_equal(listed(w), packages);
	assert_int_equal(stat(arena_str(&w->arena, w->cache).p, &info), 0);
	assert_true(info.st_nlink <= 2 + packages);
}

static void from_archive(void **state)
{
	struct world *w = *state;
	struct str path = world_archive(w, "a", "1.0.0", "");
	struct package_install_result r = installed(w, path, false);
	assert_false(r.known);
	assert_true(r.index_written);
	assert_int_equal(r.files, 6);
	assert_true(exists(w, "cache/a#1.0.0/package/example/ValueSet-e.json"));
	assert_true(exists(w, "cache/packages.ini"));
	struct str index = content(w, "cache/a#1.0.0/package/.index.json");
	assert_true(str_find(index, S("\"url\":\"http://example.org/a\"")) != STR_NONE);
	assert_true(str_find(index, S("broken.json")) == STR_NONE);
	r = installed(w, path, false);
	assert_true(r.known);
	assert_tidy(w, 1);
	world_put_file(w, "cache/a#1.0.0/package/extra.json", "{}");
	r = installed(w, path, true);
	assert_true(r.replaced);
	assert_false(exists(w, "cache/a#1.0.0/package/extra.json"));
	assert_tidy(w, 1);
}

static void from_directory(void **state)
{
	struct world *w = *state;
	world_put_file(w, "src/package/package.json", world_manifest(w, "b", "2.0.0", "4.0.1", ""));
	world_put_file(w, "src/package/ValueSet-b.json", world_value_set(w, "b", "2.0.0"));
	world_put_file(w, "src/package/.DS_Store", "x");
	struct str outer = arena_printf(&w->arena, "%s/src", w->root);
	struct str inner = arena_printf(&w->arena, "%s/src/package", w->root);
	assert_false(installed(w, inner, false).known);
	assert_true(installed(w, outer, false).known);
	assert_true(exists(w, "cache/b#2.0.0/package/ValueSet-b.json"));
	assert_false(exists(w, "cache/b#2.0.0/package/.DS_Store"));
}

static struct str bad_archive(struct world *w, const char *manifest, const char *name)
{
	struct buf tar, gzip;
	buf_init(&tar, 1 << 20);
	buf_init(&gzip, 1 << 20);
	tar_put_entry(&tar, "package/first.json", '0', S("{}"));
	tar_put_entry(&tar, "package/package.json", '0', str_from(manifest));
	tar_put_entry(&tar, name, '0', S("{}"));
	tar_put_end(&tar);
	tar_zip(&gzip, buf_str(&tar));
	struct str path = arena_printf(&w->arena, "%s/bad.tgz", w->root);
	assert_true(file_write(path, buf_str(&gzip), 0644, &w->err));
	buf_done(&tar);
	buf_done(&gzip);
	return path;
}

/* What is refused leaves nothing behind. */
static void refusals(void **state)
{
	static const struct {
		const char *manifest, *name, *says;
	} rows[] = {
		{"{\"name\":\"a\",\"version\":\"1\"}", "../../out", "not safe"},
		{"{\"name\":\"a\",\"version\":\"1\"}", "package/first.json", "twice"},
		{"{\"name\":\"a\",\"version\":\"1\"}", "a/b/c/d/e/f/g/h/i/j/k", "directories"},
		{"{\"name\":\"../a\",\"version\":\"1\"}", "x", "no usable name"},
		{"{\"name\":\"a\",\"version\":\"1/../../2\"}", "x", "no usable version"},
		{"{\"name\":\"a\"}", "x", "no usable version"},
		{"{", "x", "package.json"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct package_install_result r;
		error_clear(&w->err);
		assert_false(package_install(&w->arena, w->cache, bad_archive(w, rows[i].manifest, rows[i].name), false,
					     &r, &w->err));
		if (!strstr(w->err.text, rows[i].says))
			print_message("%zu: %s\n", i, w->err.text);
		assert_non_null(strstr(w->err.text, rows[i].says));
	}
	error_clear(&w->err);
	assert_tidy(w, 0);
	assert_false(exists(w, "out"));
}

static void removing(void **state)
{
	struct world *w = *state;
	struct package_installed p;
	world_put_file(w, "outside/kept", "x");
	installed(w, world_archive(w, "a", "1.0.0", ""), false);
	struct str link = arena_printf(&w->arena, "%s/cache/a#1.0.0/package/link", w->root);
	struct str target = arena_printf(&w->arena, "%s/outside", w->root);
	assert_int_equal(symlink(target.p, link.p), 0);
	assert_true(package_find(&w->arena, w->cache, S("a#1.0.0"), &p, &w->err));
	assert_true(package_remove(w->cache, &p, &w->err));
	assert_int_equal(listed(w), 0);
	assert_false(exists(w, "cache/a#1.0.0"));
	assert_true(exists(w, "outside/kept"));
}

static void verifying(void **state)
{
	struct world *w = *state;
	struct package p;
	struct package_notes notes = {.arena = &w->arena};
	installed(w, world_archive(w, "a", "1.0.0", ""), false);
	struct str path = arena_printf(&w->arena, "%s/cache/a#1.0.0", w->root);
	assert_true(package_read(&w->arena, path, &p, &w->err));
	assert_true(package_verify(&p, &notes, &w->err));
	assert_int_equal(notes.count, 0); /* the broken file is in no index */
	unlink(arena_printf(&w->arena, "%s/cache/a#1.0.0/package/ValueSet-first.json", w->root).p);
	world_put_file(w, "cache/a#1.0.0/package/ValueSet-new.json", world_value_set(w, "new", "1"));
	world_put_file(w, "cache/a#1.0.0/package/data.json", "{\"a\":1}");
	assert_true(package_verify(&p, &notes, &w->err));
	assert_int_equal(notes.count, 2);
	assert_true(str_is(notes.first->name, "ValueSet-first.json"));
	assert_true(str_is(notes.last->name, "ValueSet-new.json"));
	assert_true(package_read_unindexed(&w->arena, path, &p, &w->err));
	assert_true(package_write_index(&p, &w->err));
	assert_true(package_read(&w->arena, path, &p, &w->err));
	struct package_notes none = {.arena = &w->arena};
	assert_true(package_verify(&p, &none, &w->err));
	assert_int_equal(none.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(from_archive), TEST(from_directory), TEST(refusals), TEST(removing),
					   TEST(verifying)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

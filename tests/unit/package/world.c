/* A directory of a test's own with packages; see world.h. */
#include "world.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "make.h"

int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	arena_init(&w->arena, ARENA_NO_CAP);
	snprintf(w->root, sizeof(w->root), "/tmp/firth-package-XXXXXX");
	assert_non_null(mkdtemp(w->root));
	w->cache = arena_printf(&w->arena, "%s/cache", w->root);
	w->set = canonicals_new(&w->err);
	w->result.notes.arena = &w->arena;
	assert_non_null(w->set);
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
	(void)info;
	(void)flag;
	(void)walk;
	return remove(path);
}

int world_tear_down(void **state)
{
	struct world *w = *state;
	nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	canonicals_free(w->set);
	arena_done(&w->arena);
	free(w);
	return 0;
}

struct str world_put_file(struct world *w, const char *name, const char *content)
{
	struct str path = arena_printf(&w->arena, "%s/%s", w->root, name);
	char *p = (char *)(uintptr_t)path.p;
	for (size_t i = strlen(w->root) + 1; i < path.n; i++) {
		if (p[i] != '/')
			continue;
		p[i] = '\0';
		mkdir(p, 0755);
		p[i] = '/';
	}
	assert_true(file_write(path, str_from(content), 0644, &w->err));
	return path;
}

const char *world_value_set(struct world *w, const char *id, const char *version)
{
	return arena_printf(&w->arena,
			    "{\"resourceType\":\"ValueSet\",\"id\":\"%s\",\"url\":\"http://example.org/%s\","
			    "\"text\":{\"div\":\"<div>a \\\"quoted\\\" } text</div>\"},\"version\":\"%s\"}",
			    id, id, version)
		.p;
}

const char *world_manifest(struct world *w, const char *name, const char *version, const char *fhir,
			   const char *dependencies)
{
	return arena_printf(&w->arena,
			    "{\"name\":\"%s\",\"version\":\"%s\",\"fhirVersions\":[\"%s\"],\"dependencies\":{%s}}",
			    name, version, fhir, dependencies)
		.p;
}

void world_install(struct world *w, const char *name, const char *version, const char *fhir, const char *dependencies)
{
	world_put_file(w, arena_printf(&w->arena, "cache/%s#%s/package/package.json", name, version).p,
		       world_manifest(w, name, version, fhir, dependencies));
	world_put_file(w, arena_printf(&w->arena, "cache/%s#%s/package/ValueSet-%s.json", name, version, name).p,
		       world_value_set(w, name, version));
}

struct str world_archive(struct world *w, const char *name, const char *version, const char *dependencies)
{
	struct buf tar, gzip;
	buf_init(&tar, 1 << 20);
	buf_init(&gzip, 1 << 20);
	tar_put_entry(&tar, "package/ValueSet-first.json", '0', str_from(world_value_set(w, name, version)));
	tar_put_entry(&tar, "package/package.json", '0',
		      str_from(world_manifest(w, name, version, "4.0.1", dependencies)));
	tar_put_entry(&tar, "package/Patient-p.json", '0', S("{\"resourceType\":\"Patient\",\"id\":\"p\"}"));
	tar_put_entry(&tar, "package/broken.json", '0', S("{\"resourceType\":"));
	tar_put_entry(&tar, "package/notes.json", '0', S("{\"a\":1}"));
	tar_put_entry(&tar, "package/example/ValueSet-e.json", '0', str_from(world_value_set(w, "example", "1")));
	tar_put_end(&tar);
	tar_zip(&gzip, buf_str(&tar));
	struct str path = arena_printf(&w->arena, "%s/%s-%s.tgz", w->root, name, version);
	assert_true(file_write(path, buf_str(&gzip), 0644, &w->err));
	buf_done(&tar);
	buf_done(&gzip);
	return path;
}

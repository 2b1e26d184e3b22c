/*
 * The generator of the definitions pack: firth-gen PACKAGE.tgz OUTPUT. Runs at build time; deterministic, and strict: a
 * package that is not what it should be fails the build with one line.
 */
#include "base/file.h"
#include "model.h"
#include "package.h"

#include <stdio.h>

static bool wanted(struct str name)
{
	static const char *const kinds[] = {"package/StructureDefinition-", "package/SearchParameter-",
					    "package/ValueSet-", "package/CodeSystem-",
					    "package/CompartmentDefinition-"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_starts(name, str_from(kinds[i])))
			return true;
	return false;
}

static bool take_file(void *ctx, struct str name, struct str content, struct error *err)
{
	struct model *m = ctx;
	if (!wanted(name))
		return true;
	const struct json *resource = json_parse(&m->arena, content, 0, err);
	return resource && model_add(m, resource, err);
}

int main(int argc, char **argv)
{
	if (argc != 3 || !argv[1][0]) {
		fprintf(stderr, "usage: firth-gen PACKAGE.tgz OUTPUT (the package comes by ./dev deps)\n");
		return 2;
	}
	struct error err = {0};
	struct model m = {0};
	struct buf pack;
	arena_init(&m.arena, ARENA_NO_CAP);
	map_init(&m.type_index, 10000);
	map_init(&m.value_sets, 10000);
	map_init(&m.code_systems, 10000);
	map_init(&m.wanted, 10000);
	buf_init(&pack, 64 << 20);
	bool ok = package_each(argv[1], take_file, &m, &err) && model_finish(&m, &err) &&
		  render_pack(&m, &pack, &err) && file_write(str_from(argv[2]), buf_str(&pack), 0644, &err);
	if (!ok)
		fprintf(stderr, "firth-gen: %s\n", err.text);
	buf_done(&pack);
	map_done(&m.type_index);
	map_done(&m.value_sets);
	map_done(&m.code_systems);
	map_done(&m.wanted);
	arena_done(&m.arena);
	return ok ? 0 : 1;
}

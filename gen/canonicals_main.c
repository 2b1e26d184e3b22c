/*
 * The generator of the archive of canonical resources: firth-gen-canonicals OUTPUT NAME#VERSION=PACKAGE.tgz... Runs at
 * build time, deterministic and strict like the generator of the definitions pack. The name and version are those that
 * the resources go by: the R4 core resources come in a package of another name.
 */
#include "base/file.h"
#include "archive.h"
#include "package.h"

#include <stdio.h>
#include <stdlib.h>

/* In this order, which is that of lookups that walk all: structures first. */
static const char *const kinds[] = {"StructureDefinition", "CodeSystem",	   "ValueSet",
				    "ConceptMap",	   "NamingSystem",	   "SearchParameter",
				    "OperationDefinition", "CompartmentDefinition"};

static bool wanted(struct str name)
{
	struct str file = str_slice(name, sizeof("package/") - 1, name.n);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct str kind = str_from(kinds[i]);
		if (str_starts(name, S("package/")) && str_starts(file, kind) && file.n > kind.n &&
		    file.p[kind.n] == '-')
			return true;
	}
	return false;
}

static void read_facts(const struct json *resource, struct str fields[ARCHIVE_FIELDS])
{
	bool structure = str_is(json_get_str(resource, S("resourceType")), "StructureDefinition");
	bool codes = str_is(json_get_str(resource, S("resourceType")), "CodeSystem");
	fields[ARCHIVE_TYPE] = json_get_str(resource, S("resourceType"));
	fields[ARCHIVE_URL] = json_get_str(resource, S("url"));
	fields[ARCHIVE_VERSION] = json_get_str(resource, S("version"));
	fields[ARCHIVE_ID] = json_get_str(resource, S("id"));
	fields[ARCHIVE_NAME] = json_get_str(resource, S("name"));
	fields[ARCHIVE_KIND] = structure ? json_get_str(resource, S("kind")) : STR_NULL;
	fields[ARCHIVE_DEFINES] = structure ? json_get_str(resource, S("type"))
				  : codes   ? json_get_str(resource, S("valueSet"))
					    : STR_NULL;
	fields[ARCHIVE_DERIVATION] = structure ? json_get_str(resource, S("derivation")) : STR_NULL;
	fields[ARCHIVE_CONTENT] = codes ? json_get_str(resource, S("content")) : STR_NULL;
	fields[ARCHIVE_BASE] = structure ? json_get_str(resource, S("baseDefinition"))
			       : codes	 ? json_get_str(resource, S("supplements"))
					 : STR_NULL;
}

static bool add_resource(struct archive *archive, const struct json *resource, struct error *err)
{
	struct archive_item item = {0};
	read_facts(resource, item.fields);
	if (!item.fields[ARCHIVE_TYPE].p)
		return error_set(err, ERR_STRUCTURE, "no resource");
	if (!item.fields[ARCHIVE_URL].p) {
		if (!str_is(item.fields[ARCHIVE_TYPE], "NamingSystem"))
			return true; /* nothing can refer to it */
		item.fields[ARCHIVE_URL] =
			arena_printf(&archive->arena, "NamingSystem/%.*s", STR_ARG(item.fields[ARCHIVE_ID]));
	}
	struct buf json;
	buf_init(&json, 64 << 20);
	strip_resource(&json, resource);
	item.json = arena_str(&archive->arena, buf_str(&json));
	bool ok = buf_ok(&json) && item.json.p;
	buf_done(&json);
	struct archive_item *grown = arena_grow(&archive->arena, archive->items, archive->count, &archive->capacity,
						archive->count + 1, sizeof(item));
	if (!ok || !grown)
		return error_memory(err);
	archive->items = grown;
	archive->items[archive->count++] = item;
	return true;
}

static bool take_file(void *ctx, struct str name, struct str content, struct error *err)
{
	struct archive *archive = ctx;
	if (!wanted(name))
		return true;
	const struct json *resource = json_parse(&archive->arena, content, 0, err);
	return resource && add_resource(archive, resource, err);
}

static bool add_part(struct archive *archive, struct str argument, struct error *err)
{
	struct str path = argument, version = str_split(&path, '='), name = str_split(&version, '#');
	struct archive_part *part = &archive->parts[archive->part_count];
	if (!path.n || !version.n || !name.n ||
	    archive->part_count == sizeof(archive->parts) / sizeof(archive->parts[0]))
		return error_set(err, ERR_USAGE, "usage: firth-gen-canonicals OUTPUT NAME#VERSION=PACKAGE.tgz...");
	*part = (struct archive_part){.name = name, .version = version, .first = archive->count};
	bool ok = package_each(path.p, take_file, archive, err);
	part->count = archive->count - part->first;
	archive->part_count++;
	if (ok && part->count < 100)
		return error_set(err, ERR_STRUCTURE, "%s holds only a part of what it should", path.p);
	return ok;
}

int main(int argc, char **argv)
{
	struct error err = {0};
	struct archive archive = {0};
	struct buf out;
	arena_init(&archive.arena, ARENA_NO_CAP);
	buf_init(&out, 256 << 20);
	bool ok = argc >= 3 ||
		  error_set(&err, ERR_USAGE, "usage: firth-gen-canonicals OUTPUT NAME#VERSION=PACKAGE.tgz...");
	for (int i = 2; ok && i < argc; i++)
		ok = add_part(&archive, str_from(argv[i]), &err);
	ok = ok && archive_render(&archive, &out, &err) && file_write(str_from(argv[1]), buf_str(&out), 0644, &err);
	if (!ok)
		fprintf(stderr, "firth-gen-canonicals: %s\n", err.text);
	buf_done(&out);
	arena_done(&archive.arena);
	return ok ? 0 : err.code == ERR_USAGE ? 2 : 1;
}

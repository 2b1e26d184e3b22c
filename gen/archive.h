/* The archive of canonical resources while it is put together: records with their facts and their stripped JSON. */
#ifndef FIRTH_GEN_ARCHIVE_H
#define FIRTH_GEN_ARCHIVE_H

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/archive_priv.h"
#include "json/json.h"

struct archive_item {
	struct str fields[ARCHIVE_FIELDS];
	struct str json; /* stripped, compact */
};

struct archive_part { /* a package */
	struct str name, version;
	size_t first, count;
};

struct archive {
	struct arena arena;
	struct archive_item *items;
	size_t count, capacity;
	struct archive_part parts[8];
	size_t part_count;
};

/* strip.c: the resource without what only people read; what validation, snapshots and terminology need stays. */
void strip_resource(struct buf *out, const struct json *resource);

/* archive_render.c: writes the archive. */
bool archive_render(const struct archive *archive, struct buf *out, struct error *err) MUST_USE;

#endif

/*
 * Writes the archive: trains a zstd dictionary on a sample of the resources, compresses each with it, and lays out the
 * index in front. The same input gives the same bytes.
 */
#include "archive.h"

#include <stdlib.h>
#include <string.h>
#include <zdict.h>
#include <zstd.h>

enum { DICTIONARY = 112 * 1024, SAMPLE_EVERY = 4, SAMPLE_MAX = 128 * 1024, LEVEL = 9 };

/* Every fourth resource, cut to a length at which no single one decides. */
static size_t train(const struct archive *archive, char *dictionary)
{
	struct buf samples;
	size_t *sizes = calloc(archive->count + 1, sizeof(*sizes)), count = 0, size = 0;
	buf_init(&samples, 1u << 30);
	for (size_t i = 0; sizes && i < archive->count; i += SAMPLE_EVERY) {
		struct str part = str_slice(archive->items[i].json, 0, SAMPLE_MAX);
		buf_add(&samples, part);
		sizes[count++] = part.n;
	}
	if (sizes && buf_ok(&samples))
		size = ZDICT_trainFromBuffer(dictionary, DICTIONARY, samples.p, sizes, (unsigned)count);
	if (ZDICT_isError(size))
		size = 0;
	buf_done(&samples);
	free(sizes);
	return size;
}

static void align(struct buf *out)
{
	while (out->n % 8)
		buf_char(out, '\0');
}

static struct archive_text put_text(struct buf *texts, struct str s)
{
	struct archive_text t = {(uint32_t)texts->n, s.p ? (uint32_t)s.n : ARCHIVE_NONE};
	buf_add(texts, s);
	return t;
}

static bool compress(struct buf *out, struct str json, ZSTD_CCtx *zstd, const ZSTD_CDict *dictionary,
		     struct archive_record *r)
{
	size_t room = ZSTD_compressBound(json.n);
	char *to = buf_reserve(out, room);
	size_t got = to ? ZSTD_compress_usingCDict(zstd, to, room, json.p, json.n, dictionary) : 0;
	if (!to || ZSTD_isError(got))
		return false;
	r->at = (uint32_t)out->n;
	r->packed = (uint32_t)got;
	r->size = (uint32_t)json.n;
	out->n += got;
	return true;
}

static bool compress_all(const struct archive *archive, struct buf *bodies, struct archive_record *records,
			 const char *dictionary, size_t dictionary_size)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	ZSTD_CDict *cdict = ZSTD_createCDict(dictionary, dictionary_size, LEVEL);
	bool ok = zstd && cdict;
	for (size_t i = 0; ok && i < archive->count; i++)
		ok = compress(bodies, archive->items[i].json, zstd, cdict, &records[i]);
	ZSTD_freeCCtx(zstd);
	ZSTD_freeCDict(cdict);
	return ok;
}

/* Positions of texts count from the start of the texts until it is known where they go. */
static void move_texts(struct archive_text *texts, size_t count, size_t by)
{
	for (size_t i = 0; i < count; i++)
		texts[i].at += (uint32_t)by;
}

static void lay_out(const struct archive *archive, struct buf *out, struct archive_package *packages,
		    struct archive_record *records, const struct buf *texts, struct str dictionary,
		    const struct buf *bodies)
{
	struct archive_header h = {.magic = ARCHIVE_MAGIC,
				   .format = ARCHIVE_FORMAT,
				   .package_count = (uint32_t)archive->part_count,
				   .record_count = (uint32_t)archive->count,
				   .dictionary_size = (uint32_t)dictionary.n};
	h.packages = (sizeof(h) + 7) / 8 * 8;
	h.records = h.packages + (uint32_t)(archive->part_count * sizeof(*packages));
	size_t texts_at = h.records + archive->count * sizeof(*records);
	h.dictionary = (uint32_t)((texts_at + texts->n + 7) / 8 * 8);
	size_t bodies_at = (h.dictionary + dictionary.n + 7) / 8 * 8;
	h.size = (uint32_t)(bodies_at + bodies->n);
	for (size_t i = 0; i < archive->part_count; i++) {
		packages[i].name.at += (uint32_t)texts_at;
		packages[i].version.at += (uint32_t)texts_at;
	}
	for (size_t i = 0; i < archive->count; i++) {
		move_texts(records[i].fields, ARCHIVE_FIELDS, texts_at);
		records[i].at += (uint32_t)bodies_at;
	}
	buf_add(out, str_make((const char *)&h, sizeof(h)));
	align(out);
	buf_add(out, str_make((const char *)packages, archive->part_count * sizeof(*packages)));
	buf_add(out, str_make((const char *)records, archive->count * sizeof(*records)));
	buf_add(out, buf_str(texts));
	align(out);
	buf_add(out, dictionary);
	align(out);
	buf_add(out, buf_str(bodies));
}

bool archive_render(const struct archive *archive, struct buf *out, struct error *err)
{
	struct archive_package packages[8] = {0};
	struct archive_record *records = calloc(archive->count + 1, sizeof(*records));
	char *dictionary = malloc(DICTIONARY);
	struct buf texts, bodies;
	buf_init(&texts, 64 << 20);
	buf_init(&bodies, 512 << 20);
	size_t size = records && dictionary ? train(archive, dictionary) : 0;
	bool ok = size > 0 && compress_all(archive, &bodies, records, dictionary, size);
	for (size_t i = 0; ok && i < archive->part_count; i++)
		packages[i] = (struct archive_package){.name = put_text(&texts, archive->parts[i].name),
						       .version = put_text(&texts, archive->parts[i].version),
						       .first = (uint32_t)archive->parts[i].first,
						       .count = (uint32_t)archive->parts[i].count};
	for (size_t i = 0; ok && i < archive->count; i++)
		for (size_t f = 0; f < ARCHIVE_FIELDS; f++)
			records[i].fields[f] = put_text(&texts, archive->items[i].fields[f]);
	if (ok)
		lay_out(archive, out, packages, records, &texts, str_make(dictionary, size), &bodies);
	ok = ok && buf_ok(&texts) && buf_ok(&bodies) && buf_ok(out);
	buf_done(&texts);
	buf_done(&bodies);
	free(records);
	free(dictionary);
	return ok ? true : error_set(err, ERR_INTERNAL, "the archive of canonical resources could not be made");
}

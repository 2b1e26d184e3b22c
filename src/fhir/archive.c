/*
 * The archive of canonical resources inside the binary. Its index is used where it lies; a resource is decompressed
 * when it is asked for, with the dictionary that all of them share.
 */
#include "fhir/canonicals_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

#include "fhir/archive_priv.h"

extern const unsigned char canonicals_archive[];

static const struct archive_header *header(void)
{
	return (const struct archive_header *)(const void *)canonicals_archive;
}

static const struct archive_record *record_at(size_t record)
{
	const struct archive_record *records =
		(const struct archive_record *)(const void *)(canonicals_archive + header()->records);
	return &records[record];
}

static struct str text(struct archive_text t)
{
	return t.n == ARCHIVE_NONE ? STR_NULL : str_make((const char *)canonicals_archive + t.at, t.n);
}

size_t archive_package_count(void)
{
	return header()->package_count;
}

void archive_package(size_t index, struct str *ret_name, struct str *ret_version, size_t *ret_first, size_t *ret_count)
{
	const struct archive_package *p =
		(const struct archive_package *)(const void *)(canonicals_archive + header()->packages) + index;
	*ret_name = text(p->name);
	*ret_version = text(p->version);
	*ret_first = p->first;
	*ret_count = p->count;
}

void archive_facts(size_t record, struct canonical *ret_facts)
{
	const struct archive_text *f = record_at(record)->fields;
	*ret_facts = (struct canonical){.type = text(f[ARCHIVE_TYPE]),
					.url = text(f[ARCHIVE_URL]),
					.version = text(f[ARCHIVE_VERSION]),
					.id = text(f[ARCHIVE_ID]),
					.name = text(f[ARCHIVE_NAME]),
					.kind = text(f[ARCHIVE_KIND]),
					.defines = text(f[ARCHIVE_DEFINES]),
					.base = text(f[ARCHIVE_BASE]),
					.derivation = text(f[ARCHIVE_DERIVATION]),
					.content = text(f[ARCHIVE_CONTENT])};
}

static ZSTD_DDict *dictionary;
static pthread_once_t dictionary_once = PTHREAD_ONCE_INIT;

static void make_dictionary(void)
{
	const struct archive_header *h = header();
	dictionary = ZSTD_createDDict(canonicals_archive + h->dictionary, h->dictionary_size);
}

static const struct json *unpack(const struct archive_record *r, ZSTD_DCtx *zstd, char *room, struct arena *a,
				 struct error *err)
{
	size_t got = ZSTD_decompress_usingDDict(zstd, room, r->size, canonicals_archive + r->at, r->packed, dictionary);
	if (ZSTD_isError(got) || got != r->size) {
		error_set(err, ERR_INTERNAL, "The built-in definitions are damaged");
		return NULL;
	}
	return json_parse(a, str_make(room, got), 0, err);
}

const struct json *archive_json(size_t record, struct arena *a, struct error *err)
{
	const struct archive_record *r = record_at(record);
	const struct json *json = NULL;
	pthread_once(&dictionary_once, make_dictionary);
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	char *room = malloc(r->size + 1);
	if (zstd && room && dictionary)
		json = unpack(r, zstd, room, a, err);
	else
		error_memory(err);
	free(room);
	ZSTD_freeDCtx(zstd);
	return json;
}

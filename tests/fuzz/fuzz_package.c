/*
 * Fuzz target: archives and package files from anywhere. The input is taken as an archive, as a tar file inside one,
 * and as a file that the quick look at facts reads.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"
#include "package/package_priv.h"
#include "package/tar.h"

static void unpack(struct str gzip)
{
	static const struct tar_limits limits = {.max_entries = 200, .max_entry = 1 << 20, .max_total = 4 << 20};
	struct error err = {0};
	struct str name, content;
	struct tar *t = tar_open(gzip, &limits, &err);
	while (t && tar_next(t, &name, &content, &err))
		if (!name.n || name.p[0] == '/' || str_find(name, S("..")) == 0 || content.n > limits.max_entry)
			abort();
	tar_close(t);
}

static void zip(struct buf *out, struct str bytes)
{
	z_stream z = {0};
	if (deflateInit2(&z, 0, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	size_t room = deflateBound(&z, bytes.n);
	z.next_in = (unsigned char *)(uintptr_t)bytes.p;
	z.avail_in = (unsigned)bytes.n;
	z.next_out = (unsigned char *)buf_reserve(out, room);
	z.avail_out = z.next_out ? (unsigned)room : 0;
	if (deflate(&z, Z_FINISH) == Z_STREAM_END)
		out->n += room - z.avail_out;
	deflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_make((const char *)data, size);
	struct arena a;
	struct buf gzip;
	struct error err = {0}, manifest_err = {0};
	struct canonical facts;
	struct package_manifest manifest;
	if (size > 1 << 20)
		return 0;
	arena_init(&a, 64 << 20);
	buf_init(&gzip, 4 << 20);
	unpack(input);
	zip(&gzip, input);
	unpack(buf_str(&gzip));
	if (facts_scan(&a, input, &facts, &err) && !facts.type.p)
		abort();
	if (manifest_read(&a, input, &manifest, &manifest_err) && !package_name_valid(manifest.name))
		abort();
	buf_done(&gzip);
	arena_done(&a);
	return 0;
}

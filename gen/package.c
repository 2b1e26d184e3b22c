/* gzip through zlib, tar (POSIX ustar) by hand: only regular files with short names matter here. */
#include "package.h"

#include <zlib.h>

enum { TAR_BLOCK = 512 };

bool package_load(const char *path, struct buf *ret_tar, struct error *err)
{
	gzFile file = gzopen(path, "rb");
	if (!file)
		return error_set(err, ERR_IO, "cannot open the definitions package %s; run ./dev deps", path);
	for (;;) {
		char *room = buf_reserve(ret_tar, 1 << 20);
		int got = room ? gzread(file, room, 1 << 20) : -1;
		if (got < 0) {
			gzclose(file);
			return error_set(err, ERR_IO, "the definitions package %s is damaged", path);
		}
		if (got == 0)
			break;
		ret_tar->n += (size_t)got;
	}
	if (gzclose(file) != Z_OK)
		return error_set(err, ERR_IO, "the definitions package %s is cut off", path);
	return true;
}

static bool octal(const char *digits, size_t n, size_t *ret_value)
{
	size_t value = 0;
	for (size_t i = 0; i < n && digits[i] != '\0' && digits[i] != ' '; i++) {
		if (digits[i] < '0' || digits[i] > '7')
			return false;
		value = value * 8 + (size_t)(digits[i] - '0');
	}
	*ret_value = value;
	return true;
}

bool package_next(struct str tar, size_t *at, struct str *ret_name, struct str *ret_content, struct error *err)
{
	while (*at + TAR_BLOCK <= tar.n) {
		const char *header = tar.p + *at;
		size_t size;
		if (header[0] == '\0')
			return false; /* the end is a block of zeros */
		if (memcmp(header + 257, "ustar", 5) != 0 || !octal(header + 124, 12, &size) ||
		    size > tar.n - *at - TAR_BLOCK)
			return error_set(err, ERR_IO, "the definitions package has a broken entry at byte %zu", *at);
		*ret_name = str_make(header, strnlen(header, 100));
		*ret_content = str_make(header + TAR_BLOCK, size);
		*at += TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
		if (header[156] == '0' || header[156] == '\0')
			return true;
	}
	return false;
}

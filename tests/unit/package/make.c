/* Small archives for tests; see make.h. */
#include "make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <zlib.h>

void tar_finish_header(char header[512], const char *size)
{
	unsigned sum = 0;
	memcpy(header + 124, size, strlen(size));
	memcpy(header + 257,
	       "ustar\0"
	       "00",
	       8);
	memset(header + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
}

void tar_put_entry(struct buf *tar, const char *name, char type, struct str content)
{
	char header[512] = {0}, size[13], zeros[512] = {0};
	memcpy(header, name, strlen(name));
	header[156] = type;
	snprintf(size, sizeof(size), "%011zo", content.n);
	tar_finish_header(header, size);
	buf_add(tar, str_make(header, sizeof(header)));
	buf_add(tar, content);
	buf_add(tar, str_make(zeros, (512 - content.n % 512) % 512));
}

void tar_put_end(struct buf *tar)
{
	char zeros[1024] = {0};
	buf_add(tar, str_make(zeros, sizeof(zeros)));
}

void tar_zip(struct buf *out, struct str bytes)
{
	z_stream z = {0};
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t room = deflateBound(&z, bytes.n);
	z.next_in = (unsigned char *)(uintptr_t)bytes.p;
	z.avail_in = (unsigned)bytes.n;
	z.next_out = (unsigned char *)buf_reserve(out, room);
	z.avail_out = (unsigned)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->n += room - z.avail_out;
	deflateEnd(&z);
}

/*
 * Answers whose body is a file: by the system's own way from file to socket, or packed piece by piece. Either way
 * memory does not depend on the file.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/server_priv.h"

enum { READ_STEP = 64 * 1024, SEND_STEP = 64 * 1024 };

struct packed_file {
	struct http_sent_file file;
	uint64_t at; /* read so far */
	struct packer *packer;
	struct str input; /* not taken by the packer yet */
	char bytes[READ_STEP];
};

static bool refill(struct packed_file *p)
{
	uint64_t left = p->file.size - p->at;
	size_t want = left < READ_STEP ? (size_t)left : READ_STEP;
	ssize_t n;
	do
		n = pread(p->file.fd, p->bytes, want, (off_t)p->at);
	while (n < 0 && errno == EINTR);
	if (n <= 0) /* shorter than it was announced */
		return false;
	p->at += (uint64_t)n;
	p->input = str_make(p->bytes, (size_t)n);
	return true;
}

static ssize_t read_packed(void *cls, uint64_t at, char *out, size_t max)
{
	struct packed_file *p = cls;
	(void)at;
	for (;;) {
		if (!p->input.n && p->at < p->file.size && !refill(p))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		bool last = p->at == p->file.size;
		long n = packer_step(p->packer, &p->input, last, out, max);
		if (n < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (n > 0)
			return n;
		if (last && !p->input.n)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
}

static void free_packed(void *cls)
{
	struct packed_file *p = cls;
	packer_free(p->packer);
	close(p->file.fd);
	free(p);
}

static struct MHD_Response *new_packed(struct http_sent_file file, enum coding coding)
{
	struct packed_file *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->file = file;
	p->packer = packer_new(coding);
	struct MHD_Response *response =
		p->packer ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SEND_STEP, read_packed, p, free_packed)
			  : NULL;
	if (!response) {
		packer_free(p->packer);
		free(p);
	}
	return response;
}

struct MHD_Response *respond_file(struct answer *a, enum coding coding)
{
	struct MHD_Response *response = coding == CODING_IDENTITY
						? MHD_create_response_from_fd64(a->file.size, a->file.fd)
						: new_packed(a->file, coding);
	if (response)
		a->has_file = false;
	return response;
}

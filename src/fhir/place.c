/* Places as FHIRPath locations, for findings. */
#include "fhir/fhir_priv.h"

#include <stdio.h>

enum { MAX_PATH = 4096 };

void place_write(struct buf *out, const struct place *at)
{
	if (at->parent) {
		place_write(out, at->parent);
		buf_char(out, '.');
	}
	buf_add(out, at->name);
	if (at->index >= 0)
		buf_printf(out, "[%lld]", (long long)at->index);
}

void said_make(struct said *s, const struct place *at, const char *format, va_list args)
{
	vsnprintf(s->text, sizeof(s->text), format, args);
	buf_init(&s->path, MAX_PATH);
	if (at)
		place_write(&s->path, at);
}

void said_done(struct said *s)
{
	buf_done(&s->path);
}

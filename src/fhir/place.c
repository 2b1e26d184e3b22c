/* Places as FHIRPath locations, for findings. */
#include "fhir/fhir_priv.h"

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

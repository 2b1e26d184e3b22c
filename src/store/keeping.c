/* What long work of every backend says to its caller: how far it is, and what it found. */
#include "store/store_priv.h"

#include <stdarg.h>
#include <stdio.h>

bool keeping_told(const struct store_progress *progress, int64_t at, int64_t total, struct error *err)
{
	if (!progress || !progress->tell || progress->tell(progress->ctx, at, total))
		return true;
	return error_set(err, ERR_TIMEOUT, "Stopped on request");
}

void keeping_found(const struct store_keeping *k, struct store_kept *kept, struct str where, const char *format, ...)
{
	char text[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	kept->findings++;
	if (k->finding)
		k->finding(k->ctx, &(struct store_finding){where, str_from(text)});
}

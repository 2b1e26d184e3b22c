/*
 * Time zones: what the clocks of a place say, from the compiled form that every system keeps of the IANA database
 * (TZif, RFC 8536). Only reading: the bytes come in, so this touches no file and no setting of the process.
 */
#ifndef FIRTH_BASE_ZONE_H
#define FIRTH_BASE_ZONE_H

#include "base/arena.h"
#include "base/error.h"

struct zone;

/* From a TZif file, versions 2 to 4; the bytes must outlive it. NULL with ERR_VALUE when they are none, ERR_MEMORY. */
struct zone *zone_read(struct arena *a, struct str bytes, struct error *err) MUST_USE;
/* Minutes east of UTC at an instant, summer time counted; seconds, which zones had before 1972, are cut off. NULL: 0.
 */
int zone_minutes(const struct zone *z, int64_t ms);
/* Is it a name as the database has them, such as America/New_York, and no path that leads elsewhere? */
bool zone_is_name(struct str name);

#endif

/* Fuzz target: snapshots of whatever differential. The set of R4 is made once. */
#include "fuzz.h"

#include <stdlib.h>

#include "profile/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct canonicals *set;
	struct error err = {0};
	struct arena a;
	if (!set)
		set = canonicals_new(&err);
	if (!set || size > 1 << 18)
		return 0;
	arena_init(&a, 512 << 20);
	const struct json *profile = json_parse(&a, str_make((const char *)data, size), 0, &err);
	struct issues problems;
	issues_init(&problems, &a);
	const struct snapshot_options options = {.anew = true, .problems = &problems};
	const struct json *made = profile ? profile_snapshot(&a, set, profile, &options, &err) : NULL;
	if (profile && !made && !err.code)
		abort();
	if (made && !json_size(json_get(json_get(made, S("snapshot")), S("element"))))
		abort();
	arena_done(&a);
	return 0;
}

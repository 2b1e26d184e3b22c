/*
 * Recordings and masks: whatever a file holds, it is read or refused; whatever a body holds, its masked form has the
 * same shape, and no string of a resource that must not stay is in it.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "record/record_priv.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void same_shape(const struct json *a, const struct json *b)
{
	struct json_iter x = json_iter(a), y = json_iter(b);
	must(json_type(a) == json_type(b) && json_size(a) == json_size(b));
	while (json_next(&x)) {
		must(json_next(&y) && str_eq(x.key, y.key));
		same_shape(x.value, y.value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct masker m;
	struct error err = {0};
	struct recording recording;
	struct str text = str_make((const char *)data, size);
	arena_init(&a, (size_t)256 << 20);
	masker_init(&m, definitions_builtin(), RECORD_BIRTHS_YEAR);
	if (record_read(&a, text, &recording, &err) && recording.repaired) {
		struct recording again;
		must(record_read(&a, recording.whole, &again, NULL) && again.count == recording.count &&
		     !again.repaired);
	}
	struct str masked = mask_json(&m, &a, text);
	if (masked.p) {
		const struct json *before = json_parse(&a, text, 0, NULL), *after = json_parse(&a, masked, 0, NULL);
		must(before && after);
		same_shape(before, after);
		struct str family = json_get_str(json_at(json_get(before, S("name")), 0), S("family"));
		if (str_is(json_get_str(before, S("resourceType")), "Patient") && family.n)
			must(str_starts(json_get_str(json_at(json_get(after, S("name")), 0), S("family")),
					S("family-")));
	} else {
		must(!json_parse(&a, text, 0, NULL) || m.failed);
	}
	mask_body(&m, &a, S("https://e/r4/Patient/1"), S("application/fhir+xml"), text);
	if (!memchr(data, '\0', size))
		mask_url(&m, &a, text);
	masker_done(&m);
	arena_done(&a);
	return 0;
}

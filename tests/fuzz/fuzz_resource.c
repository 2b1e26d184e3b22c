/*
 * Any bytes as a resource: parsed, checked, written in stored, served and XML form, and the written JSON read again.
 * What was accepted must stay acceptable, and an accepted resource must have an XML form.
 */
#include <assert.h>

#include "fhir/resource.h"
#include "fhir/xml.h"
#include "fuzz.h"

enum { MAX_OUT = 16 << 20, MAX_MEMORY = 64 << 20 };

static void write_all(struct arena *a, const struct json *resource, bool sound)
{
	struct buf stored, served, xml;
	struct error err = {0};
	struct issues findings;
	size_t meta_at = 0;
	buf_init(&stored, MAX_OUT);
	buf_init(&served, MAX_OUT);
	buf_init(&xml, MAX_OUT);
	resource_write_stored(&stored, resource, S("x"), NULL, &meta_at);
	resource_write_served(&served, buf_str(&stored), meta_at, 1, 0);
	bool has_xml = xml_write_resource(&xml, a, definitions_builtin(), resource, &err);
	if (sound) {
		const struct json *again = json_parse(a, buf_str(&served), 0, &err);
		issues_init(&findings, a);
		assert(has_xml);
		assert(again && resource_check(definitions_builtin(), again, &findings));
	}
	buf_done(&xml);
	buf_done(&served);
	buf_done(&stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	struct issues findings;
	struct buf outcome;
	arena_init(&a, MAX_MEMORY);
	buf_init(&outcome, MAX_OUT);
	const struct json *resource = json_parse(&a, str_make((const char *)data, size), 0, &err);
	if (resource) {
		issues_init(&findings, &a);
		bool sound = resource_check(definitions_builtin(), resource, &findings);
		outcome_write(&outcome, &findings);
		assert(json_parse(&a, buf_str(&outcome), 0, NULL));
		write_all(&a, resource, sound);
	} else {
		assert(err.code != ERR_NONE);
	}
	buf_done(&outcome);
	arena_done(&a);
	return 0;
}

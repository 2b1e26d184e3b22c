/* Bundles from anywhere, made into transactions: every change must be whole, and an error must say something. */
#include <assert.h>

#include "fuzz.h"
#include "server/rest/rest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct extractor *extractor;
	const struct definitions *d = definitions_builtin();
	struct error err = {0};
	struct arena a;
	struct rest_transaction t;
	if (!extractor)
		extractor = extractor_new(d, &err);
	arena_init(&a, (size_t)64 << 20);
	const struct json *bundle = json_parse(&a, str_make((const char *)data, size), 0, &err);
	if (!extractor || !bundle) {
		arena_done(&a);
		return 0;
	}
	if (!rest_transaction_prepare(d, extractor, &a, bundle, S("http://127.0.0.1/fhir"), &t, &err))
		assert(err.code != ERR_NONE && err.text[0]);
	for (size_t i = 0; err.code == ERR_NONE && i < t.count; i++) {
		const struct store_change *c = &t.changes[i];
		assert(c->type && fhir_id_valid(c->id));
		assert(c->op == STORE_DELETE ? !c->stored.n : c->stored.n && c->meta_at <= c->stored.n);
	}
	arena_done(&a);
	return 0;
}

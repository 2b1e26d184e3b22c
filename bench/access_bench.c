/*
 * A server for measuring what authorization costs: patients with observations, and tokens of several kinds. Prints one
 * line for each, NAME TOKEN URL, then serves until its input ends. bench/access.sh runs wrk against it.
 */
#include <stdio.h>

#include "tests/http/world.h"

enum { PATIENTS = 200, EACH = 50, ROTATION = 1000 };

static bool commit(struct world *w, struct arena *a, const char *text, struct error *err)
{
	const struct json *tree = json_parse(a, str_from(text), 0, err);
	struct rest_prepared p;
	if (!tree || !rest_prepare(w->definitions, w->extractor, a, tree, json_get_str(tree, S("id")), NULL,
				   str_from(w->base_url), &p, err))
		return false;
	p.change.op = STORE_UPDATE;
	return store_commit(w->store, &(struct store_txn){.changes = &p.change, .change_count = 1}, err);
}

static bool load(struct world *w, struct error *err)
{
	struct arena a;
	bool ok = true;
	arena_init(&a, (size_t)64 << 20);
	for (int p = 0; ok && p < PATIENTS; p++) {
		ok = commit(w, &a,
			    arena_printf(&a, "{\"resourceType\":\"Patient\",\"id\":\"p%d\",\"active\":true}", p).p,
			    err);
		for (int i = 0; ok && i < EACH; i++) {
			ok = commit(
				w, &a,
				arena_printf(&a,
					     "{\"resourceType\":\"Observation\",\"id\":\"o%d-%d\",\"status\":\"final\","
					     "\"category\":[{\"coding\":[{\"code\":\"%s\"}]}],\"code\":{\"coding\":[{"
					     "\"system\":\"http://loinc.org\",\"code\":\"%d\",\"display\":\"Something "
					     "measured\"}]},\"subject\":{\"reference\":\"Patient/p%d\"},"
					     "\"effectiveDateTime\":\"2024-01-%02d\",\"valueQuantity\":{\"value\":%d.5,"
					     "\"unit\":\"mmol/L\"}}",
					     p, i, i % 2 ? "laboratory" : "vital-signs", i % 10, p, i % 28 + 1, i)
					.p,
				err);
			arena_reset(&a);
		}
	}
	arena_done(&a);
	return ok;
}

static void tell(struct world *w, const char *name, struct str token, const char *path)
{
	printf("%s %.*s %s/%s\n", name, STR_ARG(token.n ? token : S("-")), w->base_url, path);
}

int main(int argc, char **argv)
{
	struct world open, guarded;
	struct error err = {0};
	struct arena a;
	const struct grant patient = {.patient = S("p7"), .user = S("kim"), .fhir_user = S("Patient/p7")};
	static const char *const paths[] = {"Observation/o7-1", "Observation?patient=Patient/p7&_count=20",
					    "Observation?patient=Patient/p7&code=3"};
	static const char *const names[] = {"read", "search", "narrow"};
	(void)argv;
	arena_init(&a, (size_t)256 << 20);
	if (!world_open(&open, &(struct world_options){0}, &err) || !load(&open, &err) ||
	    !world_open(&guarded, &(struct world_options){.guarded = true}, &err) || !load(&guarded, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (size_t i = 0; i < 3; i++) {
		tell(&open, arena_printf(&a, "%s-open", names[i]).p, STR_NULL, paths[i]);
		tell(&guarded, arena_printf(&a, "%s-system", names[i]).p,
		     world_token(&guarded, &a, S("system/*.cruds")), paths[i]);
		tell(&guarded, arena_printf(&a, "%s-patient", names[i]).p,
		     world_grant(&guarded, &a, "patient/*.rs", &patient), paths[i]);
		tell(&guarded, arena_printf(&a, "%s-filter", names[i]).p,
		     world_grant(&guarded, &a, "patient/Observation.rs?category=laboratory", &patient), paths[i]);
	}
	for (int i = 0; argc > 1 && i < ROTATION; i++) {
		const struct grant g = {.patient = arena_printf(&a, "p%d", i % PATIENTS),
					.user = arena_printf(&a, "user%d", i),
					.fhir_user = arena_printf(&a, "Patient/p%d", i % PATIENTS)};
		struct str path = arena_printf(&a, "Observation/o%d-1", i % PATIENTS);
		tell(&open, "rotation-open", STR_NULL, path.p);
		tell(&guarded, "rotation", world_grant(&guarded, &a, "patient/*.rs", &g), path.p);
	}
	fflush(stdout);
	while (getchar() != EOF)
		;
	world_close(&open);
	world_close(&guarded);
	arena_done(&a);
	return 0;
}

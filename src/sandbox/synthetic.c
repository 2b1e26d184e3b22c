/* The synthetic population: patients one after the other, each from its own stream of random numbers. */
#include "sandbox/synthetic_priv.h"

#define BUNDLE_MAX ((size_t)8 << 20)

/* actor NULL: the patient at that index */
static bool emit_patient(const struct synthetic_tables *t, const struct synthetic_options *o, unsigned index,
			 const struct synthetic_actor *actor, struct arena *a, struct buf *out,
			 bool (*emit)(void *ctx, struct str bundle, struct error *err), void *ctx, struct error *err)
{
	struct synthetic_patient p;
	if (actor ? !synthetic_actor_draw(t, a, o, actor, &p, err) : !synthetic_patient_draw(t, a, o, index, &p, err))
		return false;
	synthetic_patient_write(t, &p, out);
	if (!buf_ok(out))
		return error_memory(err);
	return emit(ctx, buf_str(out), err);
}

bool synthetic_population(const struct synthetic_options *options,
			  bool (*emit)(void *ctx, struct str bundle, struct error *err), void *ctx, struct error *err)
{
	struct arena tables_arena, arena;
	struct synthetic_tables tables;
	struct buf out;
	arena_init(&tables_arena, (size_t)16 << 20);
	arena_init(&arena, (size_t)64 << 20);
	buf_init(&out, BUNDLE_MAX);
	bool ok = synthetic_tables_load(&tables, &tables_arena, err);
	for (const struct synthetic_actor *x = synthetic_actors; ok && x->id; x++) {
		if (x->vendor != options->actors)
			continue;
		ok = emit_patient(&tables, options, 0, x, &arena, &out, emit, ctx, err);
		arena_reset(&arena);
		buf_reset(&out);
	}
	for (unsigned i = 0; ok && i < options->patients; i++) {
		ok = emit_patient(&tables, options, i, NULL, &arena, &out, emit, ctx, err);
		arena_reset(&arena);
		buf_reset(&out);
	}
	buf_done(&out);
	arena_done(&arena);
	arena_done(&tables_arena);
	return ok;
}

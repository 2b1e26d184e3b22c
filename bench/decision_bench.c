/*
 * What noting a decision costs a request that is let in: the slots, eight checks, and the line of its audit record.
 * Prints nanoseconds per request.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "server/decision/decision.h"

enum { ROUNDS = 2000000 };

int main(void)
{
	struct arena a;
	uint64_t notes = 0;
	size_t bytes = 0;
	arena_init(&a, ARENA_NO_CAP);
	uint64_t start = clock_monotonic_ns();
	for (int i = 0; i < ROUNDS; i++) {
		struct decision *d = decision_new(&a);
		for (int k = 0; k < 7; k++)
			decision_note(d, CHECK_EXPIRY, S("in 4 minutes"), STR_NULL);
		decision_allow(d, CHECK_SCOPE, S("user/Observation.rs"));
		notes += d ? d->count : 0;
		arena_reset(&a);
	}
	uint64_t noted = clock_monotonic_ns();
	for (int i = 0; i < ROUNDS; i++) {
		struct decision *d = decision_new(&a);
		if (!d)
			return 1;
		d->grant = S("t.d3b1fd057b3239b06b74305976dfb42e");
		d->scope = S("user/Observation.rs");
		d->user = S("anna");
		bytes += decision_detail(d, &a).n;
		arena_reset(&a);
	}
	uint64_t told = clock_monotonic_ns();
	printf("notes %.1f ns a request, detail %.1f ns (%" PRIu64 " notes, %zu bytes)\n",
	       (double)(noted - start) / ROUNDS, (double)(told - noted) / ROUNDS, notes, bytes);
	arena_done(&a);
	return 0;
}

/* Many threads ask one terminology that has learned nothing yet: all must hear the same. */
#include "world.h"

#include <pthread.h>

enum { THREADS = 6, VALUE_SETS = 300 };

static struct {
	struct world w;
	struct str urls[VALUE_SETS];
	unsigned char answers[THREADS][VALUE_SETS];
	pthread_barrier_t start;
} shared;

static const struct coding asked[] = {
	{{"http://terminology.hl7.org/CodeSystem/v3-ActCode", 48}, {NULL, 0}, {"IMP", 3}, {NULL, 0}},
	{{"http://hl7.org/fhir/administrative-gender", 41}, {NULL, 0}, {"male", 4}, {NULL, 0}},
	{{"http://unitsofmeasure.org", 25}, {NULL, 0}, {"mg", 2}, {NULL, 0}},
};

static void *ask(void *arg)
{
	size_t self = (size_t)(uintptr_t)arg;
	struct arena a;
	arena_init(&a, (size_t)64 << 20);
	pthread_barrier_wait(&shared.start);
	for (size_t i = 0; i < VALUE_SETS; i++) {
		/* From both ends, so that threads meet at different value sets too. */
		size_t at = self % 2 ? VALUE_SETS - 1 - i : i;
		unsigned answer = 0;
		for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++)
			answer = answer * 4 + terminology_validate_in(shared.w.terminology, &a, shared.urls[at], NULL,
								      &asked[k], false)
						      .answer;
		shared.answers[self][at] = (unsigned char)answer;
		arena_reset(&a);
	}
	arena_done(&a);
	return NULL;
}

static void same_answers(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	const struct canonical *e;
	size_t at = 0, count = 0;
	world_open(&shared.w, NULL, 0);
	while (count < VALUE_SETS && (e = canonicals_next(shared.w.canonicals, S("ValueSet"), &at)))
		shared.urls[count++] = e->url;
	shared.urls[0] = S("http://hl7.org/fhir/ValueSet/administrative-gender");
	shared.urls[1] = S("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode");
	shared.urls[2] = S("http://unitsofmeasure.org?fhir_vs");
	assert_int_equal(count, VALUE_SETS);
	pthread_barrier_init(&shared.start, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, (void *)(uintptr_t)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&shared.start);
	for (size_t i = 1; i < THREADS; i++)
		assert_memory_equal(shared.answers[0], shared.answers[i], VALUE_SETS);
	/* IMP, male and mg each are in the one that was made for it. */
	assert_int_equal(shared.answers[0][0], 2 * 16 + 1 * 4 + 2);
	assert_int_equal(shared.answers[0][1], 1 * 16 + 2 * 4 + 2);
	assert_int_equal(shared.answers[0][2], 2 * 16 + 2 * 4 + 1);
	world_close(&shared.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_answers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

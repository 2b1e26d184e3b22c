/*
 * Services and PlanDefinitions of any content: they are refused or compiled, and what compiles runs over a small
 * request. The input is a JSON document; there are no files and no terminology.
 */
#include "fuzz.h"
#include "rule/rule.h"

static const char context_text[] =
	"{\"userId\":\"Practitioner/u\",\"patientId\":\"p\",\"selections\":[\"MedicationRequest/m\"],\"draftOrders\":{"
	"\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"MedicationRequest\",\"id\":\"m\","
	"\"status\":"
	"\"draft\",\"intent\":\"order\",\"medicationCodeableConcept\":{\"text\":\"tea\"}}}]}}";
static const char patient_text[] =
	"{\"resourceType\":\"Patient\",\"id\":\"p\",\"birthDate\":\"1960-03-01\",\"name\":[{\"family\":\"B*ck\"}]}";

static void run(struct arena *a, const struct rule_service *service)
{
	struct error err = {0};
	struct rule_result result;
	struct buf out;
	struct hook_prefetch_value values[RULE_PREFETCH_MAX];
	struct hook_prefetch prefetch = {.items = values};
	const struct json *patient = json_parse(a, str_from(patient_text), 0, &err);
	for (size_t i = 0; i < service->prefetch_count; i++)
		values[prefetch.count++] = (struct hook_prefetch_value){service->prefetch[i].key, patient};
	const struct rule_input input = {.context = json_parse(a, str_from(context_text), 0, &err),
					 .prefetch = &prefetch,
					 .now_ms = 1682942400000};
	buf_init(&out, 16 << 20);
	rule_explain(&out, service);
	if (rule_run(service, a, &input, &result, &err)) {
		bool written = hook_answer_write(&result.answer, &out, &err);
		written = rule_care_plan(a, &result.answer, patient, S("Patient/p"), &out, &err) && written;
		(void)written;
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, (size_t)128 << 20);
	struct rule_library library = {.arena = &a, .definitions = definitions_builtin()};
	const struct json *j = json_parse(&a, str_make((const char *)data, size), 0, &err);
	const struct rule_service *service = j ? rule_compile(&library, S(""), j, &err) : NULL;
	if (service)
		run(&a, service);
	arena_done(&a);
	return 0;
}

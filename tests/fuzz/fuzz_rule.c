/*
 * Services and PlanDefinitions of any content: they are refused or compiled, and what compiles runs over a small
 * request. The input is a JSON document, or lines for the places of a small service: its condition, what it is for each
 * of, its detail, and a text of a resource. There are no files and no terminology.
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

/* Every url of an ActivityDefinition leads to this one. */
static const struct json *find_canonical(void *ctx, struct str type, struct str url, struct error *err)
{
	(void)url;
	return str_is(type, "ActivityDefinition")
		       ? json_parse(ctx,
				    S("{\"resourceType\":\"ActivityDefinition\",\"kind\":\"ServiceRequest\",\"code\":{"
				      "\"text\":\"x\"},\"dynamicValue\":[{\"path\":\"note.text\",\"expression\":{"
				      "\"language\":\"text/fhirpath\",\"expression\":\"%patient.id\"}}]}"),
				    0, err)
		       : NULL;
}

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

static void put_text(struct buf *out, const char *before, struct str text)
{
	struct json_writer w = json_writer(out);
	buf_add(out, str_from(before));
	json_put_str(&w, text);
}

/* Lines into the places of a service. */
static const struct json *service_of(struct arena *a, struct str lines, struct buf *out)
{
	struct str when = str_split(&lines, '\n'), each = lines.p ? str_split(&lines, '\n') : S("");
	struct str text = lines.p ? str_split(&lines, '\n') : S("x");
	put_text(out,
		 "{\"id\":\"t\",\"hook\":\"order-select\",\"description\":\"d\",\"source\":{\"label\":\"u\"},"
		 "\"prefetch\":{\"patient\":\"Patient/{{context.patientId}}\"},\"define\":{\"a\":"
		 "\"%orders.where(status = 'draft')\"},\"rules\":[{\"id\":\"r\",\"when\":",
		 when);
	if (each.n)
		put_text(out, ",\"forEach\":", each);
	put_text(out, ",\"card\":{\"summary\":\"s\",\"indicator\":\"info\",\"detail\":", lines.n ? lines : S("d"));
	put_text(out,
		 ",\"suggestions\":[{\"label\":\"l\",\"actions\":[{\"type\":\"create\",\"description\":\"d\","
		 "\"resource\":{\"resourceType\":\"Basic\",\"code\":{\"text\":",
		 text);
	buf_add(out, S("}}}]}]}}]}"));
	return buf_ok(out) ? json_parse(a, buf_str(out), 0, NULL) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, (size_t)128 << 20);
	struct rule_library library = {
		.arena = &a, .definitions = definitions_builtin(), .ctx = &a, .canonical = find_canonical};
	struct str text = str_make((const char *)data, size);
	struct buf out;
	buf_init(&out, 16 << 20);
	const struct json *j = str_starts(text, S("{")) ? json_parse(&a, text, 0, &err) : service_of(&a, text, &out);
	const struct rule_service *service = j ? rule_compile(&library, S(""), j, 0, &err) : NULL;
	if (service)
		run(&a, service);
	buf_done(&out);
	arena_done(&a);
	return 0;
}

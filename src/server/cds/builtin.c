/* The services that come with Firth: orders of medications against allergies and other drugs. */
#include "server/cds/cds_priv.h"

/* The laboratory values are those of clinical/labs.def: potassium, eGFR and INR. */
#define ALLERGIES  "AllergyIntolerance?patient={{context.patientId}}"
#define ORDERS	   "MedicationRequest?patient={{context.patientId}}&status=active,on-hold"
#define STATEMENTS "MedicationStatement?patient={{context.patientId}}&status=active,intended,on-hold"
#define ENDED                                                                                                          \
	"MedicationRequest?patient={{context.patientId}}&status=stopped,completed&authoredon=ge{{today() - 180 days}}"
#define LOINC "http://loinc.org|"
#define LABORATORY                                                                                                     \
	"Observation?patient={{context.patientId}}&code=" LOINC "2823-3," LOINC "6298-4," LOINC "32713-0," LOINC       \
	"39789-3," LOINC "39790-1," LOINC "41656-0," LOINC "12812-4," LOINC "12813-2," LOINC "51618-7," LOINC          \
	"98979-8," LOINC "33914-3," LOINC "77147-7," LOINC "48642-3," LOINC "48643-1," LOINC "50044-7," LOINC          \
	"50210-4," LOINC "62238-1," LOINC "69405-9," LOINC "70969-1," LOINC "88293-6," LOINC "88294-4," LOINC          \
	"94677-2," LOINC "98980-6," LOINC "6301-6," LOINC "46418-0"                                                    \
	"&date=ge{{today() - 90 days}}"

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		literal, sizeof(literal) - 1                                                                           \
	}
static const struct cds_template templates[] = {
	{TEXT("allergies"), TEXT(ALLERGIES), false},
	{TEXT("medications"), TEXT(ORDERS), false},
	{TEXT("statements"), TEXT(STATEMENTS), true},
	{TEXT("ended"), TEXT(ENDED), true},
	{TEXT("laboratory"), TEXT(LABORATORY), true},
	{TEXT("user"), TEXT("{{context.userId}}"), true}, /* the last: only where the policy asks who it is */
};

#define NOTICE                                                                                                         \
	" Its rules name their sources and how far they were verified; no pharmacist and no physician has reviewed "   \
	"them. It supports a clinician's judgement and does not replace it."
#define USAGE                                                                                                          \
	"Allergies and current medication orders are needed: as prefetch, or by a token for AllergyIntolerance and "   \
	"MedicationRequest. The other keys sharpen the checks."

static const struct cds_service builtins[CDS_BUILTIN_MAX] = {
	{.id = TEXT("firth-order-select"),
	 .hook = HOOK_ID_ORDER_SELECT,
	 .title = TEXT("Allergy and interaction check of selected orders"),
	 .description = TEXT("Checks the selected medication orders against the patient's allergies, current drugs and "
			     "the other draft orders." NOTICE),
	 .usage = TEXT(USAGE)},
	{.id = TEXT("firth-order-sign"),
	 .hook = HOOK_ID_ORDER_SIGN,
	 .title = TEXT("Allergy and interaction check of orders to be signed"),
	 .description = TEXT("Checks all draft medication orders against each other and against the patient's "
			     "allergies and current drugs." NOTICE),
	 .usage = TEXT(USAGE)},
	{.id = TEXT("firth-patient-view"),
	 .hook = HOOK_ID_PATIENT_VIEW,
	 .title = TEXT("Allergies and interactions of current drugs"),
	 .description = TEXT("Tells of allergies that nobody could read, and checks the current drugs against "
			     "allergies and each other." NOTICE),
	 .usage = TEXT(USAGE)},
};

static bool run(void *ctx, const struct cds_call *call, struct hook_answer *answer, struct error *err)
{
	const struct hook_orders_options *shared = ctx;
	const struct hook_orders_options o = {shared->knowledge, shared->policy, call->role, call->now_ms};
	struct hook_orders orders;
	struct hook_problems problems;
	if (!hook_orders_check(&o, call->arena, call->request, call->prefetch, &orders, err) ||
	    !hook_orders_problems(&o, call->arena, &orders, &problems, err))
		return false;
	for (size_t i = 0; i < problems.count; i++)
		if (!hook_orders_card(&o, call->arena, &orders, &problems.items[i], call->plain, answer, err))
			return false;
	return true;
}

static bool asks_for_roles(const struct policy *p)
{
	for (size_t i = 0; i < p->line_count; i++)
		if (p->lines[i].role.n)
			return true;
	return false;
}

size_t cds_builtin_services(const struct hook_orders_options *options, bool patient_view,
			    struct cds_service *ret_services, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < CDS_BUILTIN_MAX && count < max; i++) {
		if (builtins[i].hook == HOOK_ID_PATIENT_VIEW && !patient_view)
			continue;
		struct cds_service *s = &ret_services[count++];
		*s = builtins[i];
		s->prefetch = templates;
		s->prefetch_count = sizeof(templates) / sizeof(*templates) - !asks_for_roles(options->policy);
		s->references = true;
		s->run = run;
		s->ctx = (void *)(uintptr_t)options;
	}
	return count;
}

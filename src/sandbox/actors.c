/*
 * The test patients and users that the vendors' public sandboxes are known by: their ids, names and record numbers, as
 * documentation and recordings give them, with synthetic records. Whoever learned with them finds them here.
 */
#include "sandbox/synthetic_priv.h"

#include "base/clock.h"

const struct synthetic_actor synthetic_actors[] = {
	{EHR_EPIC, 9001, "erXuFYUfucBZaryVksYEcMg3", "Lopez", "Camila", "Maria", "1987-09-12", "203713", true, 0},
	{EHR_EPIC, 9002, "eq081-VQEgP8drUUqCWzHfw3", "Lin", "Derrick", NULL, "1973-06-03", "203711", false, 0},
	{EHR_EPIC, 9003, "eAB3mDIBBcyUKviyzrxsnAw3", "Powell", "Desiree", "Caroline", NULL, "203714", true, 0},
	{EHR_EPIC, 9004, "egqBHVfQlt4Bw3XGXoxVxHg3", "Davis", "Elijah", NULL, NULL, "203709", false, 0},
	{EHR_EPIC, 9005, "eIXesllypH3M9tAA5WdJftQ3", "Ross", "Linda", NULL, NULL, "203712", true, 0},
	{EHR_EPIC, 9006, "eh2xYHuzl9nkSFVvV3osUHg3", "Roberts", "Olivia", NULL, NULL, "203715", true, 0},
	{EHR_EPIC, 9007, "e0w0LEDCYtfckT6N.CkJKCw3", "McGinnis", "Warren", "James III", NULL, "203710", false, 0},
	{EHR_EPIC, 9008, "eD.LxhDyX35TntF77l7etUA3", "Argonaut", "Jason", NULL, NULL, NULL, false, 0},
	{EHR_EPIC, 9009, "evYS76EX6LLeCX2PlRLhvwg3", "Argonaut", "Jessica", NULL, NULL, NULL, true, 0},
	{EHR_CERNER, 9021, "12724066", "Smarts Sr.", "Nancys", "II", NULL, "6930", true, 60},
	{EHR_CERNER, 9022, "12724067", "Smart", "Joe", NULL, NULL, NULL, false, 4},
	{EHR_CERNER, 9023, "12742399", "Smart II", "Sandy", NULL, NULL, NULL, true, 30},
	{EHR_CERNER, 9024, "12724065", "Smart", "Wilma", NULL, NULL, NULL, true, 0},
	{EHR_CERNER, 9025, "12724070", "Smart", "Fredrick", NULL, NULL, NULL, false, 0},
	{EHR_CERNER, 9026, "12744580", "John", "Smart", NULL, "1990-09-16", "8230", false, 0},
	{0, 0, NULL, NULL, NULL, NULL, NULL, NULL, false, 0},
};

/* Others that everyone meets: who wrote, and where. */
static const struct {
	enum ehr_vendor vendor;
	const char *type, *key, *id;
} others[] = {
	{EHR_EPIC, "Practitioner", "firth-sandbox-physician", "eM5CWtq15N0WJeuCet5bJlQ3"},
	{EHR_EPIC, "Practitioner", "firth-sandbox-interconnect", "evNp-KhYwOOqAZn1pZ2enuA3"},
	{EHR_EPIC, "Organization", "firth-sandbox-hospital", "enRyWnSP963FYDpoks4NHOA3"},
	{EHR_CERNER, "Practitioner", "firth-sandbox-physician", "12742069"},
	{EHR_CERNER, "Organization", "firth-sandbox-hospital", "675844"},
};

const char *synthetic_actor_id(enum ehr_vendor vendor, struct str type, struct str id)
{
	uint64_t number;
	if (str_is(type, "Patient") && str_starts(id, S("p-90")) && str_to_u64(str_slice(id, 2, id.n), &number)) {
		for (const struct synthetic_actor *x = synthetic_actors; x->id; x++) {
			if (x->vendor == vendor && x->number == number)
				return x->id;
		}
	}
	if (!str_starts(id, S("firth-sandbox-")))
		return NULL;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (others[i].vendor == vendor && str_is(type, others[i].type) && str_is(id, others[i].key))
			return others[i].id;
	}
	return NULL;
}

static bool day_of(const char *text, int64_t *ret_day)
{
	int64_t year, month, day;
	struct str s = str_from(text ? text : "");
	if (!str_to_i64(str_slice(s, 0, 4), &year) || !str_to_i64(str_slice(s, 5, 7), &month) ||
	    !str_to_i64(str_slice(s, 8, 10), &day))
		return false;
	*ret_day = clock_days_from_date((int)year, (int)month, (int)day);
	return true;
}

/* Someone drawn like everybody else, of the actor's sex and about the actor's age. */
static bool suits(const struct synthetic_patient *p, const struct synthetic_actor *actor, int64_t born)
{
	int64_t years = born ? (p->birth_day - born) / 365 : 0;
	bool age = born ? years >= -3 && years <= 3 : p->age >= 30 && p->age < 80;
	return p->female == actor->female && age && p->problem_count > 0 && p->visit_count > 1;
}

bool synthetic_actor_draw(const struct synthetic_tables *t, struct arena *a, const struct synthetic_options *o,
			  const struct synthetic_actor *actor, struct synthetic_patient *p, struct error *err)
{
	int64_t born = 0;
	bool known = day_of(actor->birth, &born);
	for (unsigned i = 0; i < 4000; i++) {
		if (!synthetic_patient_draw(t, a, o, actor->number * 10000 + i, p, err))
			return false;
		if (suits(p, actor, known ? born : 0))
			break;
	}
	p->number = actor->number;
	p->family = str_from(actor->family);
	p->given = str_from(actor->given);
	p->middle = actor->middle ? str_from(actor->middle) : STR_NULL;
	if (known)
		p->birth_day = born;
	p->mrn = actor->mrn ? str_from(actor->mrn) : STR_NULL;
	p->no_mrn = false;
	p->unitless_a1c = actor->vendor == EHR_EPIC;
	p->mistakes = actor->mistakes;
	return true;
}

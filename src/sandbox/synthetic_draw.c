/*
 * Draws one patient: age and sex as they come to a hospital, problems by their prevalence at that age and sex,
 * medications by the problems, allergies, visits. Some records are dirty on purpose, as real ones are.
 */
#include "sandbox/synthetic_priv.h"

#include "base/clock.h"

#define YEAR_DAYS 365

/* What decides which row of the measures applies. */
enum trait {
	TRAIT_MALE = 1 << 0,
	TRAIT_FEMALE = 1 << 1,
	TRAIT_18_39 = 1 << 2,
	TRAIT_40_59 = 1 << 3,
	TRAIT_60 = 1 << 4, /* 60 and older */
	TRAIT_60_74 = 1 << 5,
	TRAIT_75 = 1 << 6,
	TRAIT_20 = 1 << 7, /* 20 and older */
	TRAIT_ADULT = 1 << 8,
	TRAIT_CHILD_2_5 = 1 << 9,
	TRAIT_CHILD_6_12 = 1 << 10,
	TRAIT_DIABETES = 1 << 11,
	TRAIT_NO_DIABETES = 1 << 12,
	TRAIT_PREDIABETES = 1 << 13,
	TRAIT_SUGAR_HIGH = 1 << 14, /* diabetes out of control */
	TRAIT_HYPERTENSION = 1 << 15,
	TRAIT_PRESSURE_HIGH = 1 << 16,
	TRAIT_TREATED = 1 << 17, /* hypertension with a medicine for it */
	TRAIT_UNTREATED = 1 << 18,
	TRAIT_FIBRILLATION = 1 << 19,
	TRAIT_KIDNEY = 1 << 20,
	TRAIT_ANEMIA = 1 << 21,
	TRAIT_COPD = 1 << 22,
	TRAIT_STATIN = 1 << 23,
	TRAIT_THYROID = 1 << 24,
	TRAIT_HEART_FAILURE = 1 << 25,
};

/* Groups of the measures table and the traits that a patient must have. A group that is not here applies to nobody. */
static const struct {
	const char *group;
	uint32_t traits;
} groups[] = {
	{"male 18-39", TRAIT_MALE | TRAIT_18_39},
	{"male 40-59", TRAIT_MALE | TRAIT_40_59},
	{"male 60+", TRAIT_MALE | TRAIT_60},
	{"female 18-39", TRAIT_FEMALE | TRAIT_18_39},
	{"female 40-59", TRAIT_FEMALE | TRAIT_40_59},
	{"female 60+", TRAIT_FEMALE | TRAIT_60},
	{"hypertension untreated", TRAIT_HYPERTENSION | TRAIT_UNTREATED},
	{"hypertension treated controlled", TRAIT_TREATED},
	{"hypertension treated uncontrolled", TRAIT_TREATED | TRAIT_PRESSURE_HIGH},
	{"adult", TRAIT_ADULT},
	{"child 2-5", TRAIT_CHILD_2_5},
	{"child 6-12", TRAIT_CHILD_6_12},
	{"atrial fibrillation", TRAIT_FIBRILLATION},
	{"COPD", TRAIT_COPD},
	{"male 20+", TRAIT_MALE | TRAIT_20},
	{"female 20+", TRAIT_FEMALE | TRAIT_20},
	{"type 2 diabetes", TRAIT_DIABETES | TRAIT_20},
	{"hypertension", TRAIT_HYPERTENSION | TRAIT_20},
	{"no diabetes", TRAIT_NO_DIABETES},
	{"prediabetes", TRAIT_PREDIABETES},
	{"diabetes controlled", TRAIT_DIABETES},
	{"diabetes uncontrolled", TRAIT_DIABETES | TRAIT_SUGAR_HIGH},
	{"diabetes", TRAIT_DIABETES},
	{"male", TRAIT_MALE},
	{"female", TRAIT_FEMALE},
	{"CKD 3", TRAIT_KIDNEY},
	{"CKD with RAAS inhibitor", TRAIT_KIDNEY | TRAIT_TREATED},
	{"iron deficiency anaemia", TRAIT_ANEMIA},
	{"18-39", TRAIT_18_39},
	{"40-59", TRAIT_40_59},
	{"60-74", TRAIT_60_74},
	{"75+", TRAIT_75},
	{"no statin", TRAIT_ADULT},
	{"statin", TRAIT_STATIN},
	{"moderate statin", TRAIT_STATIN},
	{"thiazide or HF", TRAIT_HEART_FAILURE},
	{"hypothyroid treated", TRAIT_THYROID},
};

static bool group_applies(struct str group, uint32_t traits)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (str_is(group, groups[i].group))
			return (traits & groups[i].traits) == groups[i].traits;
	}
	return false;
}

/* ---- who -------------------------------------------------------------------------------------------------------- */

static enum age_band band_of(unsigned age)
{
	return age < 18 ? BAND_0_17 : age < 40 ? BAND_18_39 : age < 60 ? BAND_40_59 : age < 75 ? BAND_60_74 : BAND_75;
}

/* The share in the population times the visits at that age: whoever comes more often is more often in the records. */
static int64_t age_weight(const struct synthetic_tables *t, const struct synthetic_age *row)
{
	return row->weight * (t->visits[band_of(row->from)].office / 1000);
}

static void draw_age(const struct synthetic_tables *t, struct dice *d, struct synthetic_patient *p)
{
	int64_t total = 0;
	for (size_t i = 0; i < t->age_count; i++)
		total += age_weight(t, &t->age[i]);
	int64_t at = (int64_t)dice_below(d, (uint64_t)total);
	size_t row = 0;
	while (row + 1 < t->age_count && at >= age_weight(t, &t->age[row]))
		at -= age_weight(t, &t->age[row++]);
	const struct synthetic_age *age = &t->age[row];
	p->female = age->female;
	p->age = age->from + (unsigned)dice_below(d, age->to - age->from + 1);
	p->band = band_of(p->age);
	int year, month, day;
	clock_date_from_days(p->today, &year, &month, &day);
	/* Between the birthday that made them this old and the day before the next one, 29 February left alone. */
	int64_t latest = clock_days_from_date(year - (int)p->age, month, day > 28 ? 28 : day);
	p->birth_day = latest - (int64_t)dice_below(d, YEAR_DAYS - 1);
}

/* Hyphens and accents come at fixed positions, so that any population of twenty or more has them. */
static bool draw_name(const struct synthetic_tables *t, struct arena *a, struct dice *d, struct synthetic_patient *p)
{
	enum name_kind first = p->female ? NAME_FEMALE : NAME_MALE;
	p->given = synthetic_name_draw(t, d, p->number % 15 == 4 ? NAME_ACCENTED_FIRST : first);
	p->middle = dice_chance(d, 600000) ? synthetic_name_draw(t, d, first) : STR_NULL;
	p->family = synthetic_name_draw(t, d, p->number % 15 == 4 ? NAME_ACCENTED_LAST : NAME_LAST);
	if (p->number % 15 == 9) {
		struct str second = synthetic_name_draw(t, d, NAME_LAST);
		p->family = arena_printf(a, "%.*s-%.*s", STR_ARG(p->family), STR_ARG(second));
	}
	p->street = synthetic_name_draw(t, d, NAME_STREET);
	p->city = synthetic_name_draw(t, d, NAME_CITY);
	p->house = 1 + (unsigned)dice_below(d, 240);
	/* Prefixes 001 to 004 of the ZIP code are not in use, and 555-01xx is kept for fiction. */
	p->zip = arena_printf(a, "00%u%02u", 1 + (unsigned)dice_below(d, 4), (unsigned)dice_below(d, 100));
	p->phone = arena_printf(a, "555-01%02u", (unsigned)dice_below(d, 100));
	return p->family.p && p->zip.p && p->phone.p;
}

/* ---- what they have --------------------------------------------------------------------------------------------- */

static bool has_problem(const struct synthetic_patient *p, struct str name)
{
	for (size_t i = 0; i < p->problem_count; i++) {
		if (!p->problems[i].entered_in_error && str_eq(p->problems[i].condition->name, name))
			return true;
	}
	return false;
}

/* Conditions that rule each other out. */
static bool contradicts(const struct synthetic_patient *p, struct str name)
{
	static const char *const pairs[][2] = {
		{"Type 2 diabetes diagnosed", "Type 1 diabetes"},
		{"Type 2 diabetes diagnosed", "Prediabetes (A1c/FPG)"},
		{"Type 1 diabetes", "Prediabetes (A1c/FPG)"},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (str_is(name, pairs[i][0]) && has_problem(p, str_from(pairs[i][1])))
			return true;
		if (str_is(name, pairs[i][1]) && has_problem(p, str_from(pairs[i][0])))
			return true;
	}
	return false;
}

static void add_problem(struct synthetic_patient *p, struct dice *d, const struct synthetic_condition *condition)
{
	int64_t adult = p->birth_day + (p->age >= 25 ? 20 : p->age / 2) * YEAR_DAYS;
	int64_t span = p->today - adult;
	int64_t longest = 18 * YEAR_DAYS;
	struct synthetic_problem *problem = &p->problems[p->problem_count++];
	*problem = (struct synthetic_problem){.condition = condition};
	problem->onset_day = p->today - 1 - (int64_t)dice_below(d, (uint64_t)(span < longest ? span : longest));
	if (problem->onset_day < p->birth_day)
		problem->onset_day = p->birth_day;
	problem->coding = dice_chance(d, 700000) ? 0 : 1 + (unsigned)dice_below(d, 2);
}

static void draw_problems(const struct synthetic_tables *t, struct dice *d, struct synthetic_patient *p)
{
	for (size_t i = 0; i < t->condition_count && p->problem_count < SYNTHETIC_PROBLEMS - 1; i++) {
		const struct synthetic_condition *c = &t->condition[i];
		if (c->female == p->female && dice_chance(d, c->ppm[p->band]) && !contradicts(p, c->name))
			add_problem(p, d, c);
	}
	if (p->number % 12 == 6 && p->problem_count)
		p->problems[p->problem_count - 1].inactive = true;
	if (p->number % 12 == 3) { /* somebody clicked the wrong line */
		add_problem(p, d, &t->condition[dice_below(d, t->condition_count)]);
		p->problems[p->problem_count - 1].entered_in_error = true;
	}
}

static bool takes(const struct synthetic_patient *p, struct str rxcui)
{
	for (size_t i = 0; i < p->medication_count; i++) {
		if (str_eq(p->medications[i]->rxcui, rxcui))
			return true;
	}
	return false;
}

static size_t taken_for(const struct synthetic_patient *p, struct str condition)
{
	size_t n = 0;
	for (size_t i = 0; i < p->medication_count; i++)
		n += str_eq(p->medications[i]->condition, condition);
	return n;
}

static void draw_medications(const struct synthetic_tables *t, struct dice *d, struct synthetic_patient *p)
{
	for (size_t i = 0; i < t->medication_count && p->medication_count < SYNTHETIC_MEDICATIONS; i++) {
		const struct synthetic_medication *m = &t->medication[i];
		if (p->age >= 12 && has_problem(p, m->condition) && dice_chance(d, m->ppm) &&
		    taken_for(p, m->condition) < 3 && !takes(p, m->rxcui))
			p->medications[p->medication_count++] = m;
	}
}

static void draw_allergies(const struct synthetic_tables *t, struct dice *d, struct synthetic_patient *p)
{
	for (size_t i = 0; i < t->allergen_count && p->allergy_count < SYNTHETIC_ALLERGIES; i++) {
		const struct synthetic_allergen *g = &t->allergen[i];
		if (dice_chance(d, p->female ? g->ppm * g->female_milli / 1000 : g->ppm))
			p->allergies[p->allergy_count++] = g;
	}
}

static uint32_t traits_of_problems(const struct synthetic_patient *p, struct dice *d)
{
	static const struct {
		const char *problem;
		uint32_t trait;
	} map[] = {
		{"Type 2 diabetes diagnosed", TRAIT_DIABETES},
		{"Type 1 diabetes", TRAIT_DIABETES},
		{"Prediabetes (A1c/FPG)", TRAIT_PREDIABETES},
		{"Hypertension", TRAIT_HYPERTENSION},
		{"Atrial fibrillation", TRAIT_FIBRILLATION},
		{"CKD stage 3-5", TRAIT_KIDNEY},
		{"Iron deficiency anemia", TRAIT_ANEMIA},
		{"COPD", TRAIT_COPD},
		{"Hypothyroidism", TRAIT_THYROID},
		{"Heart failure", TRAIT_HEART_FAILURE},
	};
	uint32_t traits = 0;
	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		traits |= has_problem(p, str_from(map[i].problem)) ? map[i].trait : 0;
	if (!(traits & TRAIT_DIABETES))
		traits |= TRAIT_NO_DIABETES;
	if (dice_chance(d, 300000))
		traits |= TRAIT_SUGAR_HIGH;
	if (dice_chance(d, 380000))
		traits |= TRAIT_PRESSURE_HIGH;
	traits |= taken_for(p, S("Hypertension")) ? TRAIT_TREATED : TRAIT_UNTREATED;
	if (taken_for(p, S("Hyperlipidemia diagnosed")))
		traits |= TRAIT_STATIN;
	return traits;
}

static uint32_t traits_of_age(const struct synthetic_patient *p)
{
	uint32_t traits = p->female ? TRAIT_FEMALE : TRAIT_MALE;
	if (p->age >= 13)
		traits |= TRAIT_ADULT;
	else if (p->age >= 6)
		traits |= TRAIT_CHILD_6_12;
	else if (p->age >= 2)
		traits |= TRAIT_CHILD_2_5;
	if (p->age >= 20)
		traits |= TRAIT_20;
	static const uint32_t bands[] = {0, TRAIT_18_39, TRAIT_40_59, TRAIT_60 | TRAIT_60_74, TRAIT_60 | TRAIT_75};
	return traits | bands[p->band];
}

/* ---- when they came --------------------------------------------------------------------------------------------- */

static void draw_visit(const struct synthetic_tables *t, struct dice *d, struct synthetic_patient *p, int64_t day)
{
	const struct synthetic_visits *rate = &t->visits[p->band];
	int64_t all = rate->office + rate->emergency + rate->inpatient;
	int64_t at = (int64_t)dice_below(d, (uint64_t)all);
	struct synthetic_visit *v = &p->visits[p->visit_count++];
	v->clinician = synthetic_name_draw(t, d, NAME_CLINICIAN);
	v->start_s = day * 86400 + 3600 * (8 + (int64_t)dice_below(d, 9)) + 900 * (int64_t)dice_below(d, 4);
	if (at < rate->office) {
		v->kind = &t->encounter[dice_below(d, 3)];
		v->minutes = 15 + 15 * (unsigned)dice_below(d, 3);
	} else if (at < rate->office + rate->emergency) {
		v->kind = &t->encounter[3];
		v->minutes = 90 + (unsigned)dice_below(d, 300);
	} else {
		v->kind = &t->encounter[4];
		v->minutes = 1440 * (1 + (unsigned)dice_below(d, 6));
	}
}

/* Visits of the last three years, oldest first, at most as many as fit, at least one. */
static void draw_visits(const struct synthetic_tables *t, struct dice *d, struct synthetic_patient *p)
{
	int64_t years = p->age < 3 ? 1 : 3;
	int64_t expected = t->visits[p->band].office * years / 1000000;
	uint64_t count = 1 + dice_below(d, (uint64_t)expected * 2 + 1);
	if (count > SYNTHETIC_ENCOUNTERS)
		count = SYNTHETIC_ENCOUNTERS;
	int64_t first = p->today - years * YEAR_DAYS;
	if (first < p->birth_day)
		first = p->birth_day;
	int64_t step = (p->today - 8 - first) / (int64_t)count;
	for (uint64_t i = 0; i < count; i++) {
		int64_t day = first + (int64_t)i * step + (step > 1 ? (int64_t)dice_below(d, (uint64_t)step) : 0);
		draw_visit(t, d, p, day < first ? first : day);
	}
}

bool synthetic_patient_draw(const struct synthetic_tables *t, struct arena *a, const struct synthetic_options *o,
			    unsigned index, struct synthetic_patient *p, struct error *err)
{
	struct dice d = dice_new(o->seed, index);
	*p = (struct synthetic_patient){.number = index + 1, .seed = dice_next(&d)};
	p->today = o->today_ms / 86400000;
	draw_age(t, &d, p);
	if (!draw_name(t, a, &d, p))
		return error_memory(err);
	draw_problems(t, &d, p);
	draw_medications(t, &d, p);
	draw_allergies(t, &d, p);
	draw_visits(t, &d, p);
	p->traits = traits_of_age(p) | traits_of_problems(p, &d);
	p->no_mrn = p->number % 20 == 7;
	p->unitless_a1c = p->number % 10 == 5;
	return true;
}

/* ---- measurements ----------------------------------------------------------------------------------------------- */

static uint64_t stream_of(const char *text)
{
	uint64_t h = 1469598103;
	for (; *text; text++)
		h = h * 1099511 + (unsigned char)*text;
	return h;
}

const struct synthetic_measure *synthetic_measure_draw(const struct synthetic_tables *t,
						       const struct synthetic_patient *p, const char *loinc,
						       unsigned visit, int64_t *ret_milli)
{
	const struct synthetic_measure *m = NULL; /* the last row that applies: special groups follow general ones */
	for (size_t i = 0; i < t->measure_count; i++) {
		if (str_is(t->measure[i].loinc, loinc) && group_applies(t->measure[i].group, p->traits))
			m = &t->measure[i];
	}
	if (!m)
		return NULL;
	struct dice person = dice_new(p->seed, stream_of(loinc)), now = dice_new(p->seed, stream_of(loinc) + 1 + visit);
	/* People differ more from each other than from themselves last month. */
	int64_t z = (dice_normal(&person) * 8 + dice_normal(&now) * 4) / 10;
	if (m->skewed)
		z = z > 0 ? z * 13 / 10 : z * 7 / 10;
	int64_t value = m->mean + m->sd * z / 1000;
	*ret_milli = value < m->min ? m->min : value > m->max ? m->max : value;
	return m;
}

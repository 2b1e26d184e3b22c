/* Loads the tables of the synthetic population from the text embedded in the binary, and holds its dice. */
#include "sandbox/synthetic_priv.h"

#include "clinical/tsv.h"

/* ---- random numbers --------------------------------------------------------------------------------------------- */

/* One step of a 64-bit counter followed by a mixing of all bits: two multiplications by odd constants, each between
 * shifts. Any seed is as good as another. */
uint64_t dice_next(struct dice *d)
{
	uint64_t x = d->state += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

struct dice dice_new(uint64_t seed, uint64_t stream)
{
	struct dice d = {seed};
	d.state = dice_next(&d) ^ stream;
	d.state = dice_next(&d);
	return d;
}

uint64_t dice_below(struct dice *d, uint64_t n)
{
	return n ? dice_next(d) % n : 0;
}

bool dice_chance(struct dice *d, int64_t ppm)
{
	return (int64_t)dice_below(d, 1000000) < ppm;
}

int64_t dice_normal(struct dice *d)
{
	int64_t sum = 0;
	for (int i = 0; i < 12; i++) /* the sum of twelve evenly spread numbers has a deviation of one of them */
		sum += (int64_t)dice_below(d, 1001);
	return sum - 6000;
}

/* ---- reading numbers -------------------------------------------------------------------------------------------- */

/* A decimal such as "0.285" times 10^places; further digits are cut. False when it is none. */
static bool scaled(struct str text, unsigned places, int64_t *ret_value)
{
	int64_t value = 0;
	struct str rest = text, whole = str_split(&rest, '.');
	uint64_t u;
	if (!str_to_u64(whole, &u) || u > 1000000)
		return false;
	value = (int64_t)u;
	for (unsigned i = 0; i < places; i++) {
		char c = rest.p && i < rest.n ? rest.p[i] : '0';
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*ret_value = value;
	return true;
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static bool age_row(struct synthetic_age *row, const struct str *f)
{
	int64_t from, to;
	if (!scaled(f[0], 0, &from) || !scaled(f[1], 0, &to) || to < from || !scaled(f[3], 2, &row->weight))
		return false;
	row->from = (unsigned)from;
	row->to = (unsigned)to;
	row->female = str_is(f[2], "female");
	return true;
}

static bool condition_row(struct synthetic_condition *row, const struct str *f)
{
	*row = (struct synthetic_condition){f[0], f[1], f[2], f[3], f[4], str_is(f[5], "female"), {0}};
	for (int i = 0; i < BAND_COUNT; i++) {
		if (!scaled(f[6 + i], 6, &row->ppm[i]))
			return false;
	}
	return true;
}

static bool medication_row(struct synthetic_medication *row, const struct str *f)
{
	*row = (struct synthetic_medication){f[0], f[1], f[2], f[4], 0};
	return scaled(f[3], 6, &row->ppm);
}

static bool allergen_row(struct synthetic_allergen *row, const struct str *f)
{
	*row = (struct synthetic_allergen){f[0], f[1], f[2], f[3], 0, 0};
	return scaled(f[4], 6, &row->ppm) && scaled(f[5], 3, &row->female_milli);
}

static bool reaction_row(struct synthetic_reaction *row, const struct str *f)
{
	*row = (struct synthetic_reaction){f[0], f[1], 0};
	return scaled(f[2], 3, &row->weight);
}

static bool measure_row(struct synthetic_measure *row, const struct str *f)
{
	int64_t decimals;
	*row = (struct synthetic_measure){.loinc = f[0], .display = f[1], .name = f[2], .group = f[3], .ucum = f[9]};
	row->skewed = str_starts(f[4], S("lognormal"));
	row->laboratory = str_is(f[11], "laboratory");
	if (!scaled(f[10], 0, &decimals) || decimals > 3)
		return false;
	row->decimals = (unsigned)decimals;
	return scaled(f[5], 3, &row->mean) && scaled(f[6], 3, &row->sd) && scaled(f[7], 3, &row->min) &&
	       scaled(f[8], 3, &row->max);
}

static bool visits_row(struct synthetic_visits *row, const struct str *f)
{
	return scaled(f[0], 6, &row->office) && scaled(f[1], 6, &row->emergency) && scaled(f[2], 6, &row->inpatient);
}

static bool encounter_row(struct synthetic_encounter *row, const struct str *f)
{
	*row = (struct synthetic_encounter){f[0], f[1], f[2], f[3]};
	return true;
}

static bool name_row(struct synthetic_name *row, const struct str *f)
{
	static const char *const kinds[] = {"male-first", "female-first", "last", "accented-first", "accented-last"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (str_is(f[1], kinds[i])) {
			*row = (struct synthetic_name){f[0], (enum name_kind)i, 0};
			return scaled(f[2], 3, &row->weight);
		}
	}
	return false;
}

static bool place_row(struct synthetic_name *row, const struct str *f)
{
	enum name_kind kind = str_is(f[1], "street") ? NAME_STREET : str_is(f[1], "city") ? NAME_CITY : NAME_CLINICIAN;
	*row = (struct synthetic_name){f[0], kind, 1};
	return true;
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

#define LOAD(tables, member, type, file, reader, ...)                                                                  \
	do {                                                                                                           \
		static const char *const columns[] = {__VA_ARGS__};                                                    \
		extern const char data_synthetic_##file[], data_synthetic_##file##_end[];                              \
		struct str text = str_make(data_synthetic_##file,                                                      \
					   (size_t)(data_synthetic_##file##_end - data_synthetic_##file));             \
		struct str f[TSV_COLUMNS];                                                                             \
		struct tsv t;                                                                                          \
		size_t capacity = (tables)->member##_count;                                                            \
		struct error bad = {0};                                                                                \
		if (!tsv_open(&t, #file, text, columns, sizeof(columns) / sizeof(*columns), err))                      \
			return false;                                                                                  \
		while (tsv_next(&t, f, &bad)) {                                                                        \
			size_t n = (tables)->member##_count;                                                           \
			type *grown = arena_grow(a, (tables)->member, n, &capacity, n + 1, sizeof(type));              \
			if (!grown)                                                                                    \
				return error_memory(err);                                                              \
			(tables)->member = grown;                                                                      \
			if (!reader(&grown[n], f))                                                                     \
				return error_set(err, ERR_CONFIG, "Line %zu of the table %s is not usable.", t.line,   \
						 t.table);                                                             \
			(tables)->member##_count = n + 1;                                                              \
		}                                                                                                      \
		if (bad.code)                                                                                          \
			return error_set(err, bad.code, "%s", bad.text);                                               \
	} while (0)

static bool load_people(struct synthetic_tables *s, struct arena *a, struct error *err)
{
	LOAD(s, age, struct synthetic_age, ages, age_row, "from", "to", "sex", "percent");
	LOAD(s, name, struct synthetic_name, names, name_row, "name", "kind", "weight");
	LOAD(s, name, struct synthetic_name, places, place_row, "text", "kind");
	LOAD(s, visits, struct synthetic_visits, visits, visits_row, "office", "emergency", "inpatient");
	LOAD(s, encounter, struct synthetic_encounter, encounters, encounter_row, "class", "class_display", "snomed",
	     "snomed_display");
	return true;
}

static bool load_health(struct synthetic_tables *s, struct arena *a, struct error *err)
{
	LOAD(s, condition, struct synthetic_condition, conditions, condition_row, "condition", "snomed",
	     "snomed_display", "icd10cm", "icd10cm_display", "sex", "p_0_17", "p_18_39", "p_40_59", "p_60_74", "p_75");
	LOAD(s, medication, struct synthetic_medication, medications, medication_row, "condition", "rxcui", "name",
	     "share", "sig");
	LOAD(s, allergen, struct synthetic_allergen, allergens, allergen_row, "allergen", "system", "code", "category",
	     "prevalence", "female_factor");
	LOAD(s, reaction, struct synthetic_reaction, reactions, reaction_row, "snomed", "display", "weight");
	LOAD(s, measure, struct synthetic_measure, measures, measure_row, "loinc", "display", "name", "group",
	     "distribution", "mean", "sd", "min", "max", "ucum", "decimals", "category");
	return true;
}

bool synthetic_tables_load(struct synthetic_tables *t, struct arena *a, struct error *err)
{
	*t = (struct synthetic_tables){0};
	if (!load_people(t, a, err) || !load_health(t, a, err))
		return false;
	if (t->visits_count != BAND_COUNT || t->encounter_count < 5 || !t->reaction_count)
		return error_set(err, ERR_CONFIG, "A table of the synthetic population has too few rows.");
	return true;
}

struct str synthetic_name_draw(const struct synthetic_tables *t, struct dice *d, enum name_kind kind)
{
	int64_t total = 0;
	for (size_t i = 0; i < t->name_count; i++)
		total += t->name[i].kind == kind ? t->name[i].weight : 0;
	int64_t at = (int64_t)dice_below(d, (uint64_t)total);
	for (size_t i = 0; i < t->name_count; i++) {
		if (t->name[i].kind != kind)
			continue;
		if (at < t->name[i].weight)
			return t->name[i].text;
		at -= t->name[i].weight;
	}
	return S("Nemo");
}

/*
 * Reading medications. Several codings of one concept are translations or packages of the same drug (Epic sends up to a
 * dozen RXCUIs), so what they name is put together. Words are only read when no code is known, and then only if every
 * component of a product can be read: half of a drug would look like a whole one.
 */
#include "clinical/medication.h"

#include <stdlib.h>

#include "base/clock.h"

static void add_ingredient(const struct knowledge *k, struct medication *m, unsigned ingredient)
{
	uint16_t base = knowledge_ingredient(k, ingredient)->base;
	for (size_t i = 0; i < m->count; i++) {
		if (m->ingredients[i] == base)
			return;
	}
	if (m->count == MEDICATION_INGREDIENTS_MAX)
		m->cut = true;
	else
		m->ingredients[m->count++] = base;
}

struct strength {
	double mg;
	bool products; /* a product code was among them: it is whole, and its strength counts */
};

static void add_meaning(const struct knowledge *k, struct medication *m, const struct meaning *means,
			struct strength *s)
{
	for (size_t i = 0; i < means->count; i++)
		add_ingredient(k, m, means->ingredients[i]);
	if (means->route != ROUTE_UNKNOWN)
		m->route = means->route;
	if (means->mg > 0)
		s->mg = means->mg;
	if (means->product && !means->partial)
		s->products = true;
	m->partial |= means->partial;
}

static bool by_codes(const struct knowledge *k, const struct json *concept, struct medication *m, struct strength *s)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	bool any = false;
	while (json_next(&it)) {
		struct meaning means;
		if (knowledge_code(k, json_get_str(it.value, S("system")), json_get_str(it.value, S("code")), &means) &&
		    means.kind == MEANS_INGREDIENTS) {
			add_meaning(k, m, &means, s);
			any = true;
		}
	}
	m->partial = m->partial && !s->products;
	return any;
}

/* The form of a product stands in its words: "Diclofenac Sodium 1 % Topical Gel". */
enum drug_route medication_route_of_words(struct str text)
{
	static const struct {
		const char *word;
		enum drug_route route;
	} words[] = {
		{"transdermal", ROUTE_TRANSDERMAL},
		{"patch", ROUTE_TRANSDERMAL},
		{"ophthalmic", ROUTE_OPHTHALMIC},
		{"eye", ROUTE_OPHTHALMIC},
		{"otic", ROUTE_OTIC},
		{"nasal", ROUTE_NASAL},
		{"inhaler", ROUTE_INHALED},
		{"inhalation", ROUTE_INHALED},
		{"inhalant", ROUTE_INHALED},
		{"nebuliser", ROUTE_INHALED},
		{"nebulizer", ROUTE_INHALED},
		{"vaginal", ROUTE_VAGINAL},
		{"rectal", ROUTE_RECTAL},
		{"suppository", ROUTE_RECTAL},
		{"mouthwash", ROUTE_ORAL_LOCAL},
		{"topical", ROUTE_TOPICAL},
		{"cream", ROUTE_TOPICAL},
		{"ointment", ROUTE_TOPICAL},
		{"lotion", ROUTE_TOPICAL},
		{"shampoo", ROUTE_TOPICAL},
		{"injection", ROUTE_INJECTION},
		{"injectable", ROUTE_INJECTION},
		{"intravenous", ROUTE_INJECTION},
		{"oral", ROUTE_ORAL},
		{"tablet", ROUTE_ORAL},
		{"capsule", ROUTE_ORAL},
		{"tab", ROUTE_ORAL},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct str word = str_from(words[i].word);
		for (size_t at = 0; at + word.n <= text.n; at++) {
			bool starts = !at || text.p[at - 1] == ' ' || text.p[at - 1] == '(';
			bool ends = at + word.n == text.n || text.p[at + word.n] < 'A';
			if (starts && ends && str_eq_nocase(str_slice(text, at, at + word.n), word))
				return words[i].route;
		}
	}
	return ROUTE_UNKNOWN;
}

static size_t components(struct str text)
{
	size_t n = 1;
	for (size_t i = 1; i + 1 < text.n; i++)
		n += text.p[i] == '/' && text.p[i - 1] == ' ' && text.p[i + 1] == ' ';
	return n;
}

static bool by_words(const struct knowledge *k, struct arena *a, struct str text, struct medication *m)
{
	struct meaning means[MEDICATION_INGREDIENTS_MAX];
	struct strength none = {0};
	size_t before = m->count;
	/* RxNorm puts the brand in brackets behind the name. */
	size_t bracket = str_find_char(text, '[', 0);
	struct str plain = bracket != STR_NONE && bracket > 0 ? str_slice(text, 0, bracket) : text;
	size_t n = text.p ? knowledge_read_text(k, a, plain, false, means, MEDICATION_INGREDIENTS_MAX) : 0;
	for (size_t i = 0; i < n; i++) {
		if (means[i].kind == MEANS_INGREDIENTS)
			add_meaning(k, m, &means[i], &none);
	}
	if (!n || (m->count == before && m->found != MEDICATION_BY_CODE))
		return false;
	m->partial |= m->count < components(plain);
	if (m->route == ROUTE_UNKNOWN)
		m->route = medication_route_of_words(text);
	return true;
}

static bool by_displays(const struct knowledge *k, struct arena *a, const struct json *concept, struct medication *m)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		if (by_words(k, a, json_get_str(it.value, S("display")), m))
			return true;
	}
	return false;
}

static void read_concept(const struct knowledge *k, struct arena *a, const struct json *concept, struct medication *m,
			 struct strength *s)
{
	struct str text = json_get_str(concept, S("text"));
	if (!m->label.n)
		m->label = text.n ? text : json_get_str(json_at(json_get(concept, S("coding")), 0), S("display"));
	if (by_codes(k, concept, m, s)) {
		m->found = MEDICATION_BY_CODE;
		/* The words may name what the code leaves open. */
		if (m->partial && !by_displays(k, a, concept, m))
			by_words(k, a, text, m);
	} else if (by_displays(k, a, concept, m)) {
		m->found = MEDICATION_BY_DISPLAY;
	} else if (by_words(k, a, text, m)) {
		m->found = MEDICATION_BY_TEXT;
	}
	if (m->route == ROUTE_UNKNOWN)
		m->route = medication_route_of_words(m->label);
}

/* Medication.ingredient[]: each may be a concept, or a reference to a substance that only its display names. */
static void read_ingredients(const struct knowledge *k, struct arena *a, const struct json *medication,
			     struct medication *m)
{
	struct json_iter it = json_iter(json_get(medication, S("ingredient")));
	while (json_next(&it)) {
		const struct json *active = json_get(it.value, S("isActive"));
		struct medication part = {.label = S("-"), .route = ROUTE_OTHER};
		struct strength none = {0};
		read_concept(k, a, json_get(it.value, S("itemCodeableConcept")), &part, &none);
		if (!part.count)
			by_words(k, a, json_get_str(json_get(it.value, S("itemReference")), S("display")), &part);
		for (size_t i = 0; i < part.count; i++)
			add_ingredient(k, m, part.ingredients[i]);
		if (part.count && m->found == MEDICATION_NOT_FOUND)
			m->found = MEDICATION_BY_LIST;
		/* An active ingredient that is not understood leaves the drug half known. */
		m->partial |= !part.count && (!active || json_bool(active));
	}
}

static void read_medication(const struct knowledge *k, struct arena *a, const struct json *medication,
			    struct medication *m, struct strength *s)
{
	read_concept(k, a, json_get(medication, S("code")), m, s);
	if (m->found != MEDICATION_BY_CODE || !s->products)
		read_ingredients(k, a, medication, m);
	const struct json *form = json_get(medication, S("form"));
	if (m->route == ROUTE_UNKNOWN)
		m->route = medication_route_of_words(json_get_str(form, S("text")));
	if (m->route == ROUTE_UNKNOWN)
		m->route =
			medication_route_of_words(json_get_str(json_at(json_get(form, S("coding")), 0), S("display")));
}

static const struct json *contained(const struct json *record, struct str reference)
{
	struct json_iter it = json_iter(json_get(record, S("contained")));
	if (!str_starts(reference, S("#")))
		return NULL;
	while (json_next(&it)) {
		if (str_eq(json_get_str(it.value, S("id")), str_slice(reference, 1, reference.n)))
			return it.value;
	}
	return NULL;
}

/* ---- route and dose ------------------------------------------------------------------------------------------------
 */

static void read_route(const struct json *dosage, struct medication *m)
{
	/* SNOMED CT routes; those that are not listed leave the form to tell. */
	static const struct {
		const char *code;
		enum drug_route route;
	} codes[] = {
		{"26643006", ROUTE_ORAL},      {"47625008", ROUTE_INJECTION},	{"78421000", ROUTE_INJECTION},
		{"34206005", ROUTE_INJECTION}, {"6064005", ROUTE_TOPICAL},	{"54485002", ROUTE_OPHTHALMIC},
		{"10547007", ROUTE_OTIC},      {"46713006", ROUTE_NASAL},	{"37161004", ROUTE_RECTAL},
		{"16857009", ROUTE_VAGINAL},   {"45890007", ROUTE_TRANSDERMAL}, {"37839007", ROUTE_ORAL},
	};
	const struct json *route = json_get(dosage, S("route"));
	struct json_iter it = json_iter(json_get(route, S("coding")));
	while (json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		if (!str_is(json_get_str(it.value, S("system")), "http://snomed.info/sct"))
			continue;
		for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
			/* "by mouth" of a lozenge or mouthwash says less than the form. */
			if (str_is(code, codes[i].code) && m->route != ROUTE_ORAL_LOCAL)
				m->route = codes[i].route;
		}
	}
	if (m->route == ROUTE_UNKNOWN)
		m->route = medication_route_of_words(json_get_str(route, S("text")));
}

static double number(const struct json *j, double otherwise)
{
	struct str n = json_number(j);
	char text[40];
	if (!n.n || n.n >= sizeof(text))
		return otherwise;
	memcpy(text, n.p, n.n);
	text[n.n] = 0;
	return strtod(text, NULL);
}

/* Times a day by Timing.repeat; 0 when it does not say. */
static double per_day(const struct json *dosage)
{
	const struct json *repeat = json_get(json_get(dosage, S("timing")), S("repeat"));
	double frequency = number(json_get(repeat, S("frequency")), 1),
	       period = number(json_get(repeat, S("period")), 0);
	struct str unit = json_get_str(repeat, S("periodUnit"));
	double days = str_is(unit, "d")	   ? 1
		      : str_is(unit, "h")  ? 1.0 / 24
		      : str_is(unit, "wk") ? 7
		      : str_is(unit, "mo") ? 30
					   : 0;
	return period > 0 && days > 0 ? frequency / (period * days) : 0;
}

static void read_dose(const struct json *dosage, double strength, struct medication *m)
{
	const struct json *first = json_at(json_get(dosage, S("doseAndRate")), 0);
	const struct json *dose = json_get(first, S("doseQuantity"));
	const struct json *high = json_get(json_get(first, S("doseRange")), S("high"));
	if (!dose)
		dose = high;
	double amount = number(json_get(dose, S("value")), -1), times = per_day(dosage);
	struct str unit = json_get_str(dose, S("code"));
	if (!unit.n)
		unit = json_get_str(dose, S("unit"));
	double mg = -1;
	if (str_eq_nocase(unit, S("mg")))
		mg = amount;
	else if (str_eq_nocase(unit, S("ug")) || str_eq_nocase(unit, S("mcg")))
		mg = amount / 1000;
	else if (str_eq_nocase(unit, S("g")))
		mg = amount * 1000;
	else if (strength > 0 && amount > 0)
		mg = amount * strength; /* tablets, capsules */
	if (mg > 0 && times > 0 && m->mg_day < 0) {
		m->mg_day = mg * times;
		m->mg_week = m->mg_day * 7;
	} else if (mg > 0 && times > 0) {
		m->mg_day += mg * times;
		m->mg_week += mg * times * 7;
	}
}

static void read_dosage(const struct json *record, double strength, struct medication *m)
{
	const struct json *dosages = json_get(record, S("dosageInstruction"));
	m->mg_day = m->mg_week = -1;
	if (!dosages)
		dosages = json_get(record, S("dosage"));
	if (json_is(dosages, JSON_OBJECT)) { /* of an administration */
		read_route(dosages, m);
		return;
	}
	struct json_iter it = json_iter(dosages);
	while (json_next(&it)) {
		read_route(it.value, m);
		if (m->count == 1)
			read_dose(it.value, strength, m);
	}
}

/* ---- state ---------------------------------------------------------------------------------------------------------
 */

static bool read_day(struct str text, int64_t *ret_ms)
{
	uint64_t y = 0, mo = 1, d = 1;
	if (text.n < 4 || !str_to_u64(str_slice(text, 0, 4), &y) || y < 1)
		return false;
	if (text.n >= 7 && !str_to_u64(str_slice(text, 5, 7), &mo))
		return false;
	if (text.n >= 10 && !str_to_u64(str_slice(text, 8, 10), &d))
		return false;
	if (mo < 1 || mo > 12 || d < 1 || d > 31)
		return false;
	*ret_ms = clock_days_from_date((int)y, (int)mo, (int)d) * INT64_C(86400000);
	return true;
}

static void read_state(const struct json *record, int64_t now_ms, struct medication *m)
{
	static const char *const voids[] = {"entered-in-error", "not-taken", "not-done", "declined", "cancelled", NULL};
	static const char *const stops[] = {"stopped", "completed", "ended", NULL};
	struct str status = json_get_str(record, S("status"));
	struct str end = json_get_str(json_get(record, S("effectivePeriod")), S("end"));
	m->state = MEDICATION_TAKEN;
	for (size_t i = 0; voids[i]; i++) {
		if (str_is(status, voids[i]) || json_bool(json_get(record, S("doNotPerform"))))
			m->state = MEDICATION_VOID;
	}
	for (size_t i = 0; stops[i]; i++) {
		if (str_is(status, stops[i]))
			m->state = MEDICATION_STOPPED;
	}
	if (!end.n)
		end = json_get_str(json_get(json_get(record, S("dispenseRequest")), S("validityPeriod")), S("end"));
	if (!end.n && m->state == MEDICATION_STOPPED)
		end = json_get_str(record, S("effectiveDateTime"));
	m->has_stop = read_day(end, &m->stopped_ms);
	bool statement = str_is(json_get_str(record, S("resourceType")), "MedicationStatement");
	if (statement && m->has_stop && m->stopped_ms + INT64_C(86400000) < now_ms && m->state == MEDICATION_TAKEN)
		m->state = MEDICATION_STOPPED;
}

static struct str record_id(struct arena *a, const struct json *record)
{
	struct str type = json_get_str(record, S("resourceType")), id = json_get_str(record, S("id"));
	return id.n ? arena_printf(a, "%.*s/%.*s", STR_ARG(type), STR_ARG(id)) : S("");
}

bool medication_read(const struct knowledge *k, struct arena *a, const struct json *record,
		     const struct json *medication, int64_t now_ms, struct medication *ret, struct error *err)
{
	struct medication m = {.record = record, .mg_day = -1, .mg_week = -1};
	struct strength s = {0};
	struct str type = json_get_str(record, S("resourceType"));
	const struct json *reference = json_get(record, S("medicationReference"));
	m.id = record_id(a, record);
	if (!m.id.p)
		return error_memory(err);
	if (str_is(type, "Medication"))
		medication = record;
	else
		read_concept(k, a, json_get(record, S("medicationCodeableConcept")), &m, &s);
	if (!medication)
		medication = contained(record, json_get_str(reference, S("reference")));
	if (medication && m.found == MEDICATION_NOT_FOUND)
		read_medication(k, a, medication, &m, &s);
	if (!m.label.n)
		m.label = json_get_str(reference, S("display"));
	if (m.found == MEDICATION_NOT_FOUND && by_words(k, a, json_get_str(reference, S("display")), &m))
		m.found = MEDICATION_BY_TEXT;
	read_dosage(record, m.count == 1 ? s.mg : 0, &m);
	read_state(record, now_ms, &m);
	*ret = m;
	return true;
}

bool medication_is_local(const struct knowledge *k, const struct medication *m, unsigned ingredient)
{
	int steroids;
	switch (m->route) {
	case ROUTE_TOPICAL:
	case ROUTE_OPHTHALMIC:
	case ROUTE_OTIC:
	case ROUTE_ORAL_LOCAL:
		return true;
	case ROUTE_INHALED:
	case ROUTE_NASAL:
		steroids = knowledge_class_named(k, S("corticosteroid"));
		return steroids >= 0 && knowledge_is_in(k, ingredient, (unsigned)steroids);
	default:
		return false;
	}
}

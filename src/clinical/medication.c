/*
 * Reading medications. Several codings of one concept are translations or packages of the same drug (Epic sends up to a
 * dozen RXCUIs), so what they name is put together. Words are only read when no code is known, and then only if every
 * component of a product can be read: half of a drug would look like a whole one.
 */
#include "clinical/medication_priv.h"

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
	m->spelled |= means->near;
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

/* ---- the record ----------------------------------------------------------------------------------------------------
 */

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
	medication_read_dosage(record, m.count == 1 ? s.mg : 0, &m);
	medication_read_state(record, now_ms, &m);
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

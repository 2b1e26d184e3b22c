/*
 * Reading AllergyIntolerances. code and reaction.substance both count: the one is often the class and the other the
 * culprit. Epic writes a class as its SNOMED CT code and some forty NUIs of its members; those are one class, not forty
 * allergens.
 */
#include "clinical/allergy_priv.h"
#include "clinical/knowledge_priv.h"

enum { EXPANSION_MIN = 6 }; /* more ingredients in one concept than any product has: a class written out */

static const char *const group_names[] = {"anaphylaxis",  "immediate",	      "scar",		"rash",	   "angioedema",
					  "respiratory",  "urticaria",	      "itching",	"cough",   "flushing",
					  "side-effect",  "toxicity",	      "rhabdomyolysis", "myalgia", "hit",
					  "pancreatitis", "hypersensitivity", "bradykinin"};

uint32_t allergy_group(struct str name)
{
	for (size_t i = 0; i < sizeof(group_names) / sizeof(group_names[0]); i++) {
		if (str_is(name, group_names[i]))
			return UINT32_C(1) << i;
	}
	return 0;
}

uint32_t allergy_groups(struct str names)
{
	uint32_t groups = 0;
	for (struct str rest = names; rest.p && rest.n;)
		groups |= allergy_group(str_split(&rest, '|'));
	return groups;
}

/* ---- what it is to -------------------------------------------------------------------------------------------------
 */

static bool has_number(const uint16_t *list, size_t n, unsigned x)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == x)
			return true;
	}
	return false;
}

static void take(const struct knowledge *k, struct allergy *g, const struct meaning *m)
{
	switch (m->kind) {
	case MEANS_INGREDIENTS:
		for (size_t i = 0; i < m->count; i++) {
			unsigned base = knowledge_ingredient(k, m->ingredients[i])->base;
			if (!has_number(g->ingredients, g->ingredient_count, base) &&
			    g->ingredient_count < ALLERGY_INGREDIENTS_MAX)
				g->ingredients[g->ingredient_count++] = (uint16_t)base;
		}
		break;
	case MEANS_CLASS:
		if (!has_number(g->classes, g->class_count, m->drug_class) && g->class_count < ALLERGY_CLASSES_MAX)
			g->classes[g->class_count++] = (uint16_t)m->drug_class;
		break;
	case MEANS_NONE_KNOWN:
		g->none_known = m->token;
		break;
	case MEANS_OTHER:
		g->other = true;
		break;
	case MEANS_UNKNOWN:
		g->nothing_told = true;
		break;
	case MEANS_UNSPECIFIED:
		break;
	}
	g->ambiguous |= m->ambiguous;
	g->spelled |= m->near;
}

static bool is_known(const struct allergy *g)
{
	return g->ingredient_count || g->class_count || g->other || g->none_known.n;
}

static void take_text(const struct knowledge *k, struct arena *a, struct allergy *g, struct str text)
{
	struct meaning means[16];
	size_t n = text.n ? knowledge_read_text(k, a, text, true, means, 16) : 0;
	for (size_t i = 0; i < n; i++)
		take(k, g, &means[i]);
}

/* The smallest class that has all of the ingredients; -1 when none has. */
static int class_of_all(const struct knowledge *k, const struct allergy *g)
{
	int best = -1;
	size_t best_size = 0;
	for (size_t c = 0; c < k->class_count; c++) {
		size_t in = 0, size = 0;
		for (size_t i = 0; i < g->ingredient_count; i++)
			in += knowledge_is_in(k, g->ingredients[i], (unsigned)c);
		/* Expansions carry combinations and old members too: nine in ten are enough. */
		if (in * 10 < g->ingredient_count * 9)
			continue;
		for (size_t i = 0; i < k->member_count; i++)
			size += k->members[i].drug_class == c;
		if (best < 0 || size < best_size) {
			best = (int)c;
			best_size = size;
		}
	}
	return best;
}

static void collapse(const struct knowledge *k, struct allergy *g)
{
	if (g->ingredient_count < EXPANSION_MIN)
		return;
	if (!g->class_count) {
		int c = class_of_all(k, g);
		if (c < 0)
			return;
		g->classes[g->class_count++] = (uint16_t)c;
	}
	g->ingredient_count = 0;
}

static void take_concept(const struct knowledge *k, struct arena *a, const struct json *concept, struct allergy *g)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	bool coded = false, none = false;
	while (json_next(&it)) {
		struct meaning m;
		if (!knowledge_code(k, json_get_str(it.value, S("system")), json_get_str(it.value, S("code")), &m))
			continue;
		take(k, g, &m);
		coded |= m.kind != MEANS_UNSPECIFIED && m.kind != MEANS_NONE_KNOWN;
		none |= m.kind == MEANS_NONE_KNOWN;
	}
	collapse(k, g);
	/* A code for "none known" beside words that name a drug: the words are looked at, too. */
	g->sure = coded || none;
	if (coded)
		return;
	take_text(k, a, g, json_get_str(concept, S("text")));
	it = json_iter(json_get(concept, S("coding")));
	while (!is_known(g) && json_next(&it))
		take_text(k, a, g, json_get_str(it.value, S("display")));
}

/* ---- what it did ---------------------------------------------------------------------------------------------------
 */

/* hay: in the form of phrases. */
static bool text_has(struct str hay, struct str phrases)
{
	for (struct str rest = phrases; rest.p && rest.n;) {
		struct str phrase = str_split(&rest, '|');
		for (size_t at = 0; at + phrase.n <= hay.n; at++) {
			bool whole = (!at || hay.p[at - 1] == ' ') &&
				     (at + phrase.n == hay.n || hay.p[at + phrase.n] == ' ');
			if (whole && str_eq(str_slice(hay, at, at + phrase.n), phrase))
				return true;
		}
	}
	return false;
}

static const struct reaction *find_reaction(const struct knowledge *k, struct arena *a, const struct json *concept)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		uint64_t code = 0;
		if (!str_to_u64(json_get_str(it.value, S("code")), &code))
			continue;
		for (size_t i = 0; i < k->reaction_count; i++) {
			if (code && k->reactions[i].snomed == code)
				return &k->reactions[i];
		}
	}
	struct str text = json_get_str(concept, S("text"));
	if (!text.n)
		text = json_get_str(json_at(json_get(concept, S("coding")), 0), S("display"));
	struct str hay = text.n ? phrase_normal(a, text) : STR_NULL;
	for (size_t i = 0; hay.p && i < k->reaction_count; i++) {
		if (text_has(hay, k->reactions[i].text))
			return &k->reactions[i];
	}
	return NULL;
}

static void read_reactions(const struct knowledge *k, struct arena *a, const struct json *record, struct allergy *g)
{
	size_t total = 0, side = 0, mild = 0;
	struct json_iter it = json_iter(json_get(record, S("reaction")));
	while (json_next(&it)) {
		struct json_iter m = json_iter(json_get(it.value, S("manifestation")));
		g->severe |= str_is(json_get_str(it.value, S("severity")), "severe");
		while (json_next(&m)) {
			const struct reaction *r = find_reaction(k, a, m.value);
			total++;
			g->unknown_reaction |= !r;
			if (!r)
				continue;
			uint32_t groups = allergy_groups(r->groups);
			g->reactions |= groups;
			side += groups == allergy_group(S("side-effect"));
			mild += str_is(r->severity, "intolerance");
			/* A severe cutaneous reaction or an anaphylaxis needs nobody to call it severe. */
			g->severe |= (groups & (allergy_group(S("scar")) | allergy_group(S("anaphylaxis")))) != 0;
		}
	}
	g->only_side_effects = total && side == total && !g->severe;
	g->only_pharmacologic = total && mild == total && side != total && !g->severe;
}

/* ---- the record ----------------------------------------------------------------------------------------------------
 */

/* A concept, or the plain code that STU3 and DSTU2 have. */
static bool has_code(const struct json *concept, const char *code)
{
	if (str_is(json_str(concept), code))
		return true;
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("code")), code))
			return true;
	}
	return false;
}

/* The id in "Patient/12", also of an absolute or a versioned reference. STR_NULL for what tells none: a contained
 * resource, a urn, anything else than a patient. */
static struct str patient_id(struct str reference)
{
	struct str whole = str_slice(reference, 0, str_find(reference, S("/_history/")));
	size_t slash = str_rfind_char(whole, '/');
	struct str before = slash == STR_NONE ? STR_NULL : str_slice(whole, 0, slash);
	if (!str_is(before, "Patient") && !str_ends(before, S("/Patient")))
		return STR_NULL;
	return str_slice(whole, slash + 1, whole.n);
}

/* Only who is told to be another is one. */
static bool may_be_of(struct str wanted, struct str found)
{
	struct str id = patient_id(found), other = patient_id(wanted);
	return !wanted.n || !id.n || str_eq(other.p ? other : wanted, id);
}

static enum allergy_state read_state(const struct json *record, struct str patient)
{
	const struct json *verification = json_get(record, S("verificationStatus"));
	const struct json *clinical = json_get(record, S("clinicalStatus"));
	const struct json *status = json_get(record, S("status")); /* both in one, in DSTU2 */
	if (!verification)
		verification = status;
	if (!clinical)
		clinical = status;
	if (has_code(verification, "entered-in-error") ||
	    !may_be_of(patient, json_get_str(json_get(record, S("patient")), S("reference"))))
		return ALLERGY_VOID;
	if (has_code(verification, "refuted"))
		return ALLERGY_REFUTED;
	return has_code(clinical, "inactive") || has_code(clinical, "resolved") ? ALLERGY_RESOLVED : ALLERGY_ACTIVE;
}

static bool is_drug_category(const struct json *record)
{
	const struct json *category = json_get(record, S("category"));
	struct json_iter it = json_iter(category);
	bool drug = json_size(category) == 0;
	if (json_str(category).n) /* of DSTU2 */
		return str_is(json_str(category), "medication") || str_is(json_str(category), "other");
	while (json_next(&it))
		drug |= str_is(json_str(it.value), "medication") || str_is(json_str(it.value), "biologic");
	return drug;
}

static void read_allergy(const struct knowledge *k, struct arena *a, const struct json *record, struct str patient,
			 struct allergy *g)
{
	const struct json *code = json_get(record, S("code"));
	if (!code)
		code = json_get(record, S("substance")); /* of DSTU2 */
	struct str criticality = json_get_str(record, S("criticality"));
	*g = (struct allergy){.record = record, .state = read_state(record, patient), .drug = is_drug_category(record)};
	g->label = json_get_str(code, S("text"));
	if (!g->label.n)
		g->label = json_get_str(json_at(json_get(code, S("coding")), 0), S("display"));
	take_concept(k, a, code, g);
	struct json_iter it = json_iter(json_get(record, S("reaction")));
	while (json_next(&it)) {
		const struct json *substance = json_get(it.value, S("substance"));
		struct allergy culprit = {0};
		if (!substance)
			continue;
		take_concept(k, a, substance, &culprit);
		struct meaning m = {.kind = MEANS_INGREDIENTS,
				    .ingredients = culprit.ingredients,
				    .count = culprit.ingredient_count};
		take(k, g, &m);
		for (size_t i = 0; i < culprit.class_count; i++) {
			m = (struct meaning){.kind = MEANS_CLASS, .drug_class = culprit.classes[i]};
			take(k, g, &m);
		}
		if (!g->label.n)
			g->label = json_get_str(substance, S("text"));
	}
	g->intolerance = str_is(json_get_str(record, S("type")), "intolerance");
	g->criticality = str_is(criticality, "high") || str_is(criticality, "CRITH")  ? CRITICALITY_HIGH
			 : str_is(criticality, "low") || str_is(criticality, "CRITL") ? CRITICALITY_LOW
										      : CRITICALITY_UNKNOWN;
	g->nothing_told &= !is_known(g);
	g->unread = !is_known(g) && !g->nothing_told;
	read_reactions(k, a, record, g);
}

bool allergies_read(const struct knowledge *k, struct arena *a, const struct json *const *records, size_t count,
		    struct str patient, struct allergies *ret, struct error *err)
{
	struct allergies list = {.count = count};
	if (count > ALLERGIES_MAX)
		return error_set(err, ERR_LIMIT, "There are more than %d allergies.", ALLERGIES_MAX);
	list.items = ARENA_ARRAY(a, struct allergy, count ? count : 1);
	if (!list.items)
		return error_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct allergy *g = &list.items[i];
		read_allergy(k, a, records[i], patient, g);
		struct str id = json_get_str(records[i], S("id"));
		g->id = id.n ? arena_printf(a, "AllergyIntolerance/%.*s", STR_ARG(id)) : S("");
		if (!g->id.p)
			return error_memory(err);
		if (g->state == ALLERGY_VOID || g->nothing_told)
			continue;
		/* A specific allergy wins over an assertion that there is none. */
		if (!g->none_known.n)
			list.known = ALLERGIES_SOME;
		else if (list.known == ALLERGIES_UNASKED && !str_is(g->none_known, "other"))
			list.known = ALLERGIES_NONE;
	}
	*ret = list;
	return true;
}

bool allergies_unread(const struct allergies *list, struct arena *a, struct findings *f, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct allergy *g = &list->items[i];
		if (g->state != ALLERGY_ACTIVE || !g->unread || !g->drug)
			continue;
		struct finding x = {.kind = FINDING_UNCODED_ALLERGY,
				    .level = LEVEL_INFO,
				    .rule = S("UNCODED-ALLERGY"),
				    .topic = S("allergy/uncoded"),
				    .drug = FINDING_NONE,
				    .other = i,
				    .ingredient = FINDING_NO_INGREDIENT,
				    .other_ingredient = FINDING_NO_INGREDIENT,
				    .mechanism = S("An allergy is recorded that no table knows: it was not checked."),
				    .advice = S("Read the record, and code it if it is to a drug."),
				    .source = S("project rule"),
				    .verified = VERIFIED_YES,
				    .interruptive = true};
		if (!findings_add(f, a, &x, err))
			return false;
	}
	return true;
}

/*
 * Building what is known of drugs from its tables. Tables are read in an order in which each finds what it refers to;
 * all tables of one name are read one after another, so a site's rows come after the embedded ones and replace them.
 */
#include "clinical/knowledge_priv.h"

static const char *const ingredient_columns[] = {"rxcui", "tty",      "name",	  "base",   "unii",
						 "atc",	  "synonyms", "verified", "source", NULL};
static const char *const class_columns[] = {"class",	 "label",    "kind",   "parent",
					    "duplicate", "verified", "source", NULL};
static const char *const member_columns[] = {"class", "rxcui", "verified", "source", NULL};
static const char *const chain_columns[] = {"group", "rxcui", "match", "verified", "source", NULL};
static const char *const drug_columns[] = {"rxcui", "ingredients", "form", "route", "mg", "source", NULL};
static const char *const branded_columns[] = {"rxcui", "drug", "brand", "source", NULL};
static const char *const brand_columns[] = {"brand", "ingredients", "complete", "source", NULL};
static const char *const allergen_columns[] = {"system",  "code",     "kind",	"maps_to",
					       "display", "verified", "source", NULL};
static const char *const text_columns[] = {"patterns", "kind", "maps_to", "verified", "source", NULL};
static const char *const reaction_columns[] = {"code", "display",  "severity", "groups",
					       "text", "verified", "source",   NULL};
static const char *const cross_columns[] = {"rule",	"allergen",   "target", "relation", "scope",  "level", "when",
					    "severity", "likelihood", "reason", "verified", "source", NULL};
static const char *const interaction_columns[] = {"rule",   "tier",   "a",	  "b",	     "severity",
						  "level",  "adjust", "local",	  "washout", "mechanism",
						  "effect", "advice", "verified", "source",  NULL};
static const char *const source_columns[] = {"source", "citation", NULL};
static const char *const ndc_columns[] = {"ndc", "rxcui", "source", NULL};

bool knowledge_row_error(struct error *err, const struct tsv *t, const char *what)
{
	error_set(err, ERR_CONFIG, "Line %zu of the table %s: %s.", t->line, t->table, what);
	if (err)
		err->line = t->line;
	return false;
}

bool knowledge_grow(struct knowledge *k, void *array_in_out, size_t count, size_t *capacity, size_t size, size_t max,
		    struct error *err)
{
	void **array = array_in_out;
	if (count < *capacity)
		return true;
	if (count >= max)
		return error_set(err, ERR_LIMIT, "The knowledge tables have more rows than fit (%zu).", max);
	void *grown = arena_grow(k->arena, *array, count, capacity, count + 1, size);
	if (!grown)
		return error_memory(err);
	*array = grown;
	return true;
}

enum verified knowledge_verified(struct str text)
{
	if (str_is(text, "yes"))
		return VERIFIED_YES;
	return str_is(text, "partly") || str_is(text, "derived") ? VERIFIED_PARTLY : VERIFIED_NO;
}

const char *verified_name(enum verified v)
{
	return v == VERIFIED_YES ? "verified" : v == VERIFIED_PARTLY ? "partly verified" : "unverified";
}

static const char *const route_names[ROUTE_COUNT] = {
	[ROUTE_UNKNOWN] = "unknown",	 [ROUTE_ORAL] = "oral",
	[ROUTE_INJECTION] = "injection", [ROUTE_TRANSDERMAL] = "transdermal",
	[ROUTE_RECTAL] = "rectal",	 [ROUTE_VAGINAL] = "vaginal",
	[ROUTE_INHALED] = "inhaled",	 [ROUTE_NASAL] = "nasal",
	[ROUTE_TOPICAL] = "topical",	 [ROUTE_OPHTHALMIC] = "ophthalmic",
	[ROUTE_OTIC] = "otic",		 [ROUTE_ORAL_LOCAL] = "oral-local",
	[ROUTE_OTHER] = "other",
};

const char *drug_route_name(enum drug_route route)
{
	return route < ROUTE_COUNT ? route_names[route] : route_names[ROUTE_UNKNOWN];
}

enum drug_route drug_route_named(struct str name)
{
	for (int i = 0; i < ROUTE_COUNT; i++) {
		if (str_is(name, route_names[i]))
			return (enum drug_route)i;
	}
	return ROUTE_UNKNOWN;
}

/* ---- sources and entries ----------------------------------------------------------------------------------------- */

static bool source_index(struct knowledge *k, struct str id, uint32_t *ret, struct error *err)
{
	bool is_new = false;
	uint64_t *slot = map_put(&k->source_names, id, &is_new);
	if (!slot)
		return error_memory(err);
	if (is_new) {
		if (!knowledge_grow(k, &k->sources, k->source_count, &k->source_capacity, sizeof(*k->sources), 100000,
				    err))
			return false;
		*slot = k->source_count;
		k->sources[k->source_count++] = id;
	}
	*ret = (uint32_t)*slot;
	return true;
}

struct str knowledge_source(const struct knowledge *k, struct str id)
{
	const uint64_t *slot = map_get(&k->source_names, id);
	return slot ? k->sources[*slot] : id;
}

static bool add_entry(struct knowledge *k, const struct entry *e, struct str source, uint32_t *ret, struct error *err)
{
	if (!knowledge_grow(k, &k->entries, k->entry_count, &k->entry_capacity, sizeof(*k->entries),
			    KNOWLEDGE_ENTRIES_MAX, err))
		return false;
	k->entries[k->entry_count] = *e;
	if (!source_index(k, source, &k->entries[k->entry_count].source, err))
		return false;
	*ret = (uint32_t)k->entry_count++;
	return true;
}

/* RXCUIs with '|' between them, into the pool of the entry. */
static bool pool_ingredients(struct knowledge *k, struct str list, struct entry *e, const struct tsv *t,
			     struct error *err)
{
	e->from = (uint32_t)k->pool_count;
	for (struct str rest = list; rest.p && rest.n;) {
		int i = knowledge_rxcui(k, str_split(&rest, '|'));
		if (i < 0)
			return knowledge_row_error(err, t, "an ingredient that no table has");
		if (!knowledge_grow(k, &k->pool, k->pool_count, &k->pool_capacity, sizeof(*k->pool),
				    KNOWLEDGE_ENTRIES_MAX, err))
			return false;
		k->pool[k->pool_count++] = (uint16_t)i;
		if (e->count++ == 200)
			return knowledge_row_error(err, t, "more than 200 ingredients");
	}
	return e->count || knowledge_row_error(err, t, "no ingredient");
}

/* ---- tables --------------------------------------------------------------------------------------------------------
 */

static bool load_sources(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	uint32_t at = 0;
	(void)t;
	if (!source_index(k, f[0], &at, err))
		return false;
	k->sources[at] = f[1];
	return true;
}

static bool add_phrases(struct knowledge *k, struct map *phrases, struct str list, uint32_t entry, struct error *err)
{
	for (struct str rest = list; rest.p && rest.n;) {
		if (!knowledge_add_phrase(k, phrases, str_split(&rest, '|'), entry, err))
			return false;
	}
	return true;
}

static bool load_ingredient(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	uint64_t rxcui = 0;
	struct entry e = {.kind = MEANS_INGREDIENTS, .verified = (uint8_t)knowledge_verified(f[7]), .count = 1};
	uint32_t entry = 0;
	if (!str_to_u64(f[0], &rxcui) || !rxcui || rxcui > UINT32_MAX)
		return knowledge_row_error(err, t, "not an RXCUI");
	if (knowledge_rxcui(k, f[0]) >= 0)
		return true;
	if (!knowledge_grow(k, &k->ingredients, k->ingredient_count, &k->ingredient_capacity, sizeof(*k->ingredients),
			    KNOWLEDGE_INGREDIENTS_MAX, err) ||
	    !knowledge_grow(k, &k->pool, k->pool_count, &k->pool_capacity, sizeof(*k->pool), KNOWLEDGE_ENTRIES_MAX,
			    err))
		return false;
	unsigned index = (unsigned)k->ingredient_count++;
	k->ingredients[index] = (struct ingredient){.rxcui = (uint32_t)rxcui,
						    .base = (uint16_t)index,
						    .name = f[2],
						    .precise = str_is(f[1], "PIN"),
						    .unii = f[4],
						    .atc = f[5],
						    .synonyms = f[6],
						    .verified = knowledge_verified(f[7]),
						    .source = f[8]};
	e.from = (uint32_t)k->pool_count;
	k->pool[k->pool_count++] = (uint16_t)index;
	if (!add_entry(k, &e, f[8], &entry, err) ||
	    !knowledge_add_code(k, knowledge_key(CODE_RXNORM, f[0]), entry, err) ||
	    !knowledge_add_phrase(k, &k->phrases, f[2], entry, err) || !add_phrases(k, &k->phrases, f[6], entry, err))
		return false;
	uint64_t key = knowledge_key(CODE_UNII, f[4]);
	uint32_t other = 0;
	if (f[4].n && !key)
		return knowledge_row_error(err, t, "not a UNII");
	if (key && !knowledge_find(k, key, &other) && !knowledge_add_code(k, key, entry, err))
		return false;
	for (struct str rest = f[5]; rest.p && rest.n;) {
		key = knowledge_key(CODE_ATC, str_split(&rest, '|'));
		if (!key)
			return knowledge_row_error(err, t, "not an ATC code");
		if (!knowledge_find(k, key, &other) && !knowledge_add_code(k, key, entry, err))
			return false;
	}
	return true;
}

/* The second pass over the same table: precise ingredients to their bases. */
static bool load_base(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	if (!f[3].n)
		return true;
	int of = knowledge_rxcui(k, f[0]), base = knowledge_rxcui(k, f[3]);
	if (of < 0 || base < 0)
		return knowledge_row_error(err, t, "a base that is no ingredient");
	k->ingredients[of].base = (uint16_t)base;
	return true;
}

static bool load_class(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	bool is_new = false;
	uint64_t *slot = map_put(&k->class_names, f[0], &is_new);
	enum level level = LEVEL_NONE;
	if (!slot)
		return error_memory(err);
	if (f[4].n && !level_named(f[4], &level))
		return knowledge_row_error(err, t, "an unknown level");
	if (is_new) {
		if (!knowledge_grow(k, &k->classes, k->class_count, &k->class_capacity, sizeof(*k->classes),
				    KNOWLEDGE_CLASSES_MAX, err))
			return false;
		*slot = k->class_count++;
	}
	k->classes[*slot] = (struct drug_class){.id = f[0],
						.label = f[1],
						.kind = f[2],
						.parent = -1,
						.duplicate = f[4],
						.verified = knowledge_verified(f[5]),
						.source = f[6]};
	struct entry e = {
		.kind = MEANS_CLASS, .drug_class = (uint16_t)*slot, .verified = (uint8_t)knowledge_verified(f[5])};
	uint32_t entry = 0;
	if (!is_new)
		return true;
	struct str plural = arena_printf(k->arena, "%.*ss", STR_ARG(f[1]));
	return plural.p ? add_entry(k, &e, f[6], &entry, err) &&
				  knowledge_add_phrase(k, &k->allergen_phrases, f[1], entry, err) &&
				  knowledge_add_phrase(k, &k->allergen_phrases, plural, entry, err)
			: error_memory(err);
}

static bool load_parent(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	int of = knowledge_class_named(k, f[0]), parent = f[3].n ? knowledge_class_named(k, f[3]) : -1;
	if (f[3].n && (parent < 0 || parent == of))
		return knowledge_row_error(err, t, "a parent that is no other class");
	k->classes[of].parent = parent;
	return true;
}

static bool load_member(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	int c = knowledge_class_named(k, f[0]), i = knowledge_rxcui(k, f[1]);
	if (c < 0 || i < 0)
		return knowledge_row_error(err, t, "an unknown class or ingredient");
	if (!knowledge_grow(k, &k->members, k->member_count, &k->member_capacity, sizeof(*k->members),
			    KNOWLEDGE_ENTRIES_MAX, err))
		return false;
	struct member *m = &k->members[k->member_count++];
	*m = (struct member){(uint16_t)c, (uint16_t)i, (uint8_t)knowledge_verified(f[2]), 0};
	return source_index(k, f[3], &m->source, err);
}

static bool load_drug(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	struct entry e = {.kind = MEANS_INGREDIENTS,
			  .product = true,
			  .verified = VERIFIED_YES,
			  .route = (uint8_t)drug_route_named(f[3]),
			  .partial = str_is(f[5], "pddi-member")};
	uint64_t key = knowledge_key(CODE_RXNORM, f[0]);
	uint32_t entry = 0;
	if (!key)
		return knowledge_row_error(err, t, "not an RXCUI");
	if (knowledge_rxcui(k, f[0]) >= 0)
		return knowledge_row_error(err, t, "an ingredient is no product");
	if (!pool_ingredients(k, f[1], &e, t, err))
		return false;
	double scale = 1, mg = 0;
	for (size_t i = 0, dot = 0; i < f[4].n && i < 12; i++) {
		if (f[4].p[i] == '.' && !dot++)
			continue;
		if (f[4].p[i] < '0' || f[4].p[i] > '9')
			return knowledge_row_error(err, t, "not an amount");
		mg = mg * 10 + (f[4].p[i] - '0');
		scale *= dot ? 10 : 1;
	}
	e.mg = (float)(mg / scale);
	return add_entry(k, &e, f[5], &entry, err) && knowledge_add_code(k, key, entry, err);
}

static bool load_branded(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	uint32_t entry = 0;
	uint64_t key = knowledge_key(CODE_RXNORM, f[0]);
	if (!key || !knowledge_find(k, knowledge_key(CODE_RXNORM, f[1]), &entry))
		return knowledge_row_error(err, t, "a product that no table has");
	return knowledge_add_code(k, key, entry, err);
}

static bool load_ndc(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	uint32_t entry = 0;
	uint64_t key = knowledge_key(CODE_NDC, f[0]);
	if (!key)
		return knowledge_row_error(err, t, "not an NDC of eleven digits");
	if (!knowledge_find(k, knowledge_key(CODE_RXNORM, f[1]), &entry))
		return true; /* of a product that is no drug here, such as a device */
	return knowledge_add_code(k, key, entry, err);
}

static bool load_brand(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	struct entry e = {
		.kind = MEANS_INGREDIENTS, .product = true, .verified = VERIFIED_YES, .partial = !str_is(f[2], "yes")};
	uint32_t entry = 0;
	return pool_ingredients(k, f[1], &e, t, err) && add_entry(k, &e, f[3], &entry, err) &&
	       knowledge_add_phrase(k, &k->phrases, f[0], entry, err);
}

/* kind and maps_to of an allergen or a phrase. */
static bool read_target(struct knowledge *k, struct str kind, struct str to, struct entry *e, const struct tsv *t,
			struct error *err)
{
	e->ambiguous = str_is(kind, "class-ambiguous");
	if (str_is(kind, "ingredient") || str_is(kind, "allergen")) {
		e->kind = MEANS_INGREDIENTS;
		return pool_ingredients(k, to, e, t, err);
	}
	if (str_is(kind, "class") || e->ambiguous) {
		int c = knowledge_class_named(k, to);
		e->kind = MEANS_CLASS;
		e->drug_class = (uint16_t)c;
		return c >= 0 || knowledge_row_error(err, t, "an unknown class");
	}
	if (str_starts(kind, S("negation"))) {
		e->alone = str_is(kind, "negation-alone");
		e->kind = MEANS_NONE_KNOWN;
		e->token = str_slice(to, str_starts(to, S("none-known:")) ? 11 : 0, to.n);
		return true;
	}
	e->token = to;
	e->kind = str_is(kind, "unspecified") ? MEANS_UNSPECIFIED
		  : str_is(kind, "unknown")   ? MEANS_UNKNOWN
					      : MEANS_OTHER;
	return str_is(kind, "non-drug") || e->kind != MEANS_OTHER || knowledge_row_error(err, t, "an unknown kind");
}

static bool load_allergen(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	struct entry e = {.verified = (uint8_t)knowledge_verified(f[5])};
	uint64_t key = knowledge_key(knowledge_system(f[0]), f[1]);
	uint32_t entry = 0;
	if (!key)
		return knowledge_row_error(err, t, "not a code of a known system");
	return read_target(k, f[2], f[3], &e, t, err) && add_entry(k, &e, f[6], &entry, err) &&
	       knowledge_add_code(k, key, entry, err);
}

static bool load_text(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	struct entry e = {.verified = (uint8_t)knowledge_verified(f[3])};
	uint32_t entry = 0;
	return read_target(k, f[1], f[2], &e, t, err) && add_entry(k, &e, f[4], &entry, err) &&
	       add_phrases(k, &k->allergen_phrases, f[0], entry, err);
}

/* Shorthand of ingredients stands in orders, too, where no product has that name. */
static bool load_drug_text(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	struct entry e = {.verified = (uint8_t)knowledge_verified(f[3])};
	uint32_t entry = 0;
	return !str_is(f[1], "ingredient") ||
	       (read_target(k, f[1], f[2], &e, t, err) && add_entry(k, &e, f[4], &entry, err) &&
		add_phrases(k, &k->phrases, f[0], entry, err));
}

/* ---- all of them ---------------------------------------------------------------------------------------------------
 */

struct step {
	const char *table;
	const char *const *columns;
	bool (*row)(struct knowledge *k, struct tsv *t, struct str *fields, struct error *err);
};
static const struct step steps[] = {
	{"sources", source_columns, load_sources},
	{"ingredients", ingredient_columns, load_ingredient},
	{"ingredients", ingredient_columns, load_base},
	{"classes", class_columns, load_class},
	{"classes", class_columns, load_parent},
	{"members", member_columns, load_member},
	{"texts", text_columns, load_text},
	{"drugs", drug_columns, load_drug},
	{"branded_drugs", branded_columns, load_branded},
	{"ndc", ndc_columns, load_ndc},
	{"brand_names", brand_columns, load_brand},
	{"texts", text_columns, load_drug_text},
	{"allergens", allergen_columns, load_allergen},
	{"side_chains", chain_columns, knowledge_load_chains},
	{"reactions", reaction_columns, knowledge_load_reactions},
	{"cross_reactivity", cross_columns, knowledge_load_cross},
	{"interactions", interaction_columns, knowledge_load_interactions},
};

const char *const *knowledge_columns(struct str table)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (str_is(table, steps[i].table))
			return steps[i].columns;
	}
	return NULL;
}

static bool load_rows(struct knowledge *k, const struct step *s, struct str text, struct error *err)
{
	struct tsv t;
	struct str f[TSV_COLUMNS];
	struct error row = {0};
	size_t count = 0;
	while (s->columns[count])
		count++;
	if (!tsv_open(&t, s->table, text, s->columns, count, err))
		return false;
	while (tsv_next(&t, f, &row)) {
		if (!s->row(k, &t, f, err))
			return false;
	}
	if (row.code && err)
		*err = row;
	return !row.code;
}

static bool run_step(struct knowledge *k, const struct step *s, const struct knowledge_table *tables, size_t count,
		     struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (str_is(tables[i].name, s->table) && !load_rows(k, s, tables[i].text, err))
			return false;
	}
	return true;
}

struct knowledge *knowledge_new(struct arena *a, const struct knowledge_table *extra, size_t count, struct error *err)
{
	struct knowledge *k = ARENA_NEW(a, struct knowledge);
	if (!k) {
		error_memory(err);
		return NULL;
	}
	k->arena = a;
	map_init(&k->class_names, KNOWLEDGE_CLASSES_MAX);
	map_init(&k->source_names, 100000);
	map_init(&k->group_names, 1000);
	map_init(&k->phrases, 500000);
	map_init(&k->allergen_phrases, 100000);
	map_init(&k->near_keys, 200000);
	map_init(&k->rule_names, KNOWLEDGE_PAIRS_MAX + KNOWLEDGE_RULES_MAX);
	k->version = count ? S("Firth drug knowledge " KNOWLEDGE_VERSION ", RxNorm 2025-10-06, with tables of the site")
			   : S("Firth drug knowledge " KNOWLEDGE_VERSION ", RxNorm 2025-10-06");
	struct knowledge_table embedded[KNOWLEDGE_EMBEDDED_MAX];
	size_t embedded_count = knowledge_embedded(embedded);
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++) {
		if (!knowledge_columns(extra[i].name))
			ok = error_set(err, ERR_CONFIG, "There is no knowledge table %.*s.", STR_ARG(extra[i].name));
	}
	for (size_t i = 0; ok && i < sizeof(steps) / sizeof(steps[0]); i++)
		ok = run_step(k, &steps[i], embedded, embedded_count, err) && run_step(k, &steps[i], extra, count, err);
	ok = ok && knowledge_near_build(k, err) && knowledge_finish(k, err);
	if (ok)
		return k;
	knowledge_free(k);
	return NULL;
}

void knowledge_free(struct knowledge *k)
{
	if (!k)
		return;
	map_done(&k->class_names);
	map_done(&k->source_names);
	map_done(&k->group_names);
	map_done(&k->phrases);
	map_done(&k->allergen_phrases);
	map_done(&k->near_keys);
	map_done(&k->rule_names);
}

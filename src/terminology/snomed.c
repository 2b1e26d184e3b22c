/*
 * SNOMED CT in Release Format 2: concepts, descriptions, relationships, language and simple reference sets, of a
 * snapshot or a full release. Of several rows of one component the newest counts, and only if it is active.
 */
#include "terminology/release_priv.h"

#define IS_A	     "116680003"
#define FULL_NAME    "900000000000003001"
#define SYNONYM	     "900000000000013009"
#define DEFINITION   "900000000000550004"
#define PREFERRED    "900000000000548007"
#define US_ENGLISH   "900000000000509007"
#define SUFFICIENT   "900000000000073002"
#define CORE_MODULE  "900000000000207008"
#define MODEL_MODULE "900000000000012004"

enum { MAX_ROWS = 100000000 };

enum rf2_table { RF2_OTHER, RF2_CONCEPTS, RF2_LANGUAGE, RF2_DESCRIPTIONS, RF2_RELATIONSHIPS, RF2_SIMPLE };

/* The columns that are read, found once for each table. */
enum rf2_column {
	COLUMN_ID,
	COLUMN_TIME,
	COLUMN_ACTIVE,
	COLUMN_MODULE,
	COLUMN_STATUS,
	COLUMN_CONCEPT,
	COLUMN_LANGUAGE,
	COLUMN_TYPE,
	COLUMN_TERM,
	COLUMN_SOURCE,
	COLUMN_TARGET,
	COLUMN_REFSET,
	COLUMN_COMPONENT,
	COLUMN_ACCEPTABILITY,
	COLUMNS
};
static const char *const column_names[COLUMNS] = {"id",
						  "effectiveTime",
						  "active",
						  "moduleId",
						  "definitionStatusId",
						  "conceptId",
						  "languageCode",
						  "typeId",
						  "term",
						  "sourceId",
						  "destinationId",
						  "refsetId",
						  "referencedComponentId",
						  "acceptabilityId"};

struct rf2 {
	struct release *r;
	size_t columns[COLUMNS];
	struct map preferred; /* description -> 2 in US English, 1 elsewhere */
	struct map best; /* concept -> how good its display is */
	uint32_t module, effective, sufficient, refset;
};

static bool has(const struct table *t, const char *column)
{
	return table_column(t, column) != TABLE_NO_COLUMN;
}

static enum rf2_table kind_of(const struct table *t)
{
	if (!has(t, "id") || !has(t, "effectiveTime") || !has(t, "active"))
		return RF2_OTHER;
	if (has(t, "definitionStatusId"))
		return RF2_CONCEPTS;
	if (has(t, "conceptId") && has(t, "term"))
		return RF2_DESCRIPTIONS;
	if (has(t, "sourceId") && has(t, "destinationId") && !has(t, "value"))
		return RF2_RELATIONSHIPS;
	if (has(t, "refsetId") && has(t, "acceptabilityId"))
		return RF2_LANGUAGE;
	return has(t, "refsetId") && has(t, "referencedComponentId") && t->column_count == 6 ? RF2_SIMPLE : RF2_OTHER;
}

/* Stated relationships are what authors wrote; the inferred ones, in the other file, are what holds. */
static bool is_stated(struct str name)
{
	return str_find(name, S("Stated")) != STR_NONE;
}

/* ---- newest rows ------------------------------------------------------------------------------------------------- */

/* The effectiveTime of a row, which is the second column of every table. */
static struct str time_of_row(const char *row, struct str text)
{
	struct str rest = str_make(row, (size_t)(text.p + text.n - row));
	rest = str_slice(rest, 0, 128);
	str_split(&rest, '\t');
	return rest.p ? str_split(&rest, '\t') : S("");
}

/* Where the newest row of each component starts. */
static bool find_newest(struct release *r, struct str text, struct map *newest)
{
	struct table t;
	map_init(newest, MAX_ROWS);
	if (!table_open(&t, r->arena, text))
		return true;
	size_t id = table_column(&t, "id"), time = table_column(&t, "effectiveTime");
	while (table_next(&t)) {
		bool fresh;
		uint64_t *slot = map_put(newest, table_field(&t, id), &fresh);
		if (!slot)
			return error_memory(r->err);
		if (fresh || str_cmp(table_field(&t, time), time_of_row((const char *)(uintptr_t)*slot, text)) >= 0)
			*slot = (uintptr_t)t.row.p;
	}
	return true;
}

typedef bool (*row_reader)(struct rf2 *x, struct table *t);

static bool each_row(struct rf2 *x, const struct release_file *file, row_reader read)
{
	struct map newest;
	struct table t;
	bool ok = find_newest(x->r, file->text, &newest) && table_open(&t, x->r->arena, file->text);
	for (size_t i = 0; ok && i < COLUMNS; i++)
		x->columns[i] = table_column(&t, column_names[i]);
	while (ok && table_next(&t)) {
		const uint64_t *slot = map_get(&newest, table_field(&t, x->columns[COLUMN_ID]));
		if (slot && *slot == (uintptr_t)t.row.p)
			ok = read(x, &t);
	}
	map_done(&newest);
	return ok;
}

static struct str field(const struct rf2 *x, const struct table *t, enum rf2_column column)
{
	return table_field(t, x->columns[column]);
}

static bool is_active(const struct rf2 *x, const struct table *t)
{
	return str_is(field(x, t, COLUMN_ACTIVE), "1");
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bool read_concept(struct rf2 *x, struct table *t)
{
	struct image_maker *m = x->r->maker;
	bool fresh = false;
	uint32_t id = image_add(m, field(x, t, COLUMN_ID), &fresh);
	if (id == IMAGE_NONE)
		return error_memory(x->r->err);
	if (!fresh)
		return true;
	if (!is_active(x, t))
		image_add_flags(m, id, CONCEPT_INACTIVE);
	bool sufficient = str_is(field(x, t, COLUMN_STATUS), SUFFICIENT);
	release_property(x->r, id, x->module, field(x, t, COLUMN_MODULE));
	release_property(x->r, id, x->effective, field(x, t, COLUMN_TIME));
	release_property(x->r, id, x->sufficient, sufficient ? S("true") : S("false"));
	return true;
}

static bool read_language(struct rf2 *x, struct table *t)
{
	if (!is_active(x, t) || !str_is(field(x, t, COLUMN_ACCEPTABILITY), PREFERRED))
		return true;
	bool us = str_is(field(x, t, COLUMN_REFSET), US_ENGLISH);
	uint64_t *slot = map_put(&x->preferred, field(x, t, COLUMN_COMPONENT), NULL);
	if (!slot)
		return error_memory(x->r->err);
	if (*slot < (us ? 2 : 1))
		*slot = us ? 2 : 1;
	return true;
}

/* The preferred synonym is the display; without a language set the full name is. */
static bool offer_display(struct rf2 *x, uint32_t id, struct str concept, struct str type, uint64_t preferred,
			  struct str term)
{
	uint64_t good = str_is(type, SYNONYM) ? (preferred ? 2 + preferred : 1) : str_is(type, FULL_NAME) ? 2 : 0;
	uint64_t *best = map_put(&x->best, concept, NULL);
	if (!best)
		return error_memory(x->r->err);
	if (good > *best) {
		*best = good;
		image_add_display(x->r->maker, id, term);
	}
	return true;
}

static bool read_description(struct rf2 *x, struct table *t)
{
	struct str concept = field(x, t, COLUMN_CONCEPT);
	struct str type = field(x, t, COLUMN_TYPE), term = field(x, t, COLUMN_TERM);
	uint32_t id = image_added(x->r->maker, concept);
	if (!is_active(x, t) || id == IMAGE_NONE)
		return true;
	if (str_is(type, DEFINITION)) {
		image_add_definition_text(x->r->maker, id, term);
		return true;
	}
	struct designation d = {.language = field(x, t, COLUMN_LANGUAGE),
				.use_system = S(SNOMED_URL),
				.use_code = type,
				.use_display = str_is(type, FULL_NAME) ? S("Fully specified name")
					       : str_is(type, SYNONYM) ? S("Synonym")
								       : STR_NULL,
				.value = term};
	image_add_designation(x->r->maker, id, &d);
	const uint64_t *preferred = map_get(&x->preferred, field(x, t, COLUMN_ID));
	return offer_display(x, id, concept, type, preferred ? *preferred : 0, term);
}

static bool read_relationship(struct rf2 *x, struct table *t)
{
	struct image_maker *m = x->r->maker;
	struct str type = field(x, t, COLUMN_TYPE);
	struct str target = field(x, t, COLUMN_TARGET);
	uint32_t from = image_added(m, field(x, t, COLUMN_SOURCE)), to = image_added(m, target);
	if (!is_active(x, t) || from == IMAGE_NONE || to == IMAGE_NONE)
		return true;
	if (str_is(type, IS_A))
		image_add_parent(m, from, to);
	else
		release_property(x->r, from, image_define(m, type, STR_NULL, IMAGE_CODE), target);
	return true;
}

static bool read_member(struct rf2 *x, struct table *t)
{
	uint32_t id = image_added(x->r->maker, field(x, t, COLUMN_COMPONENT));
	if (is_active(x, t) && id != IMAGE_NONE)
		release_property(x->r, id, x->refset, field(x, t, COLUMN_REFSET));
	return true;
}

/* ---- the release ------------------------------------------------------------------------------------------------- */

static bool read_files(struct rf2 *x)
{
	static const row_reader readers[] = {[RF2_CONCEPTS] = read_concept,
					     [RF2_LANGUAGE] = read_language,
					     [RF2_DESCRIPTIONS] = read_description,
					     [RF2_RELATIONSHIPS] = read_relationship,
					     [RF2_SIMPLE] = read_member};
	struct release *r = x->r;
	bool met = false;
	for (enum rf2_table pass = RF2_CONCEPTS; pass <= RF2_SIMPLE; pass++)
		for (size_t i = 0; i < r->count; i++) {
			struct table t;
			if (!table_open(&t, r->arena, r->files[i].text) || kind_of(&t) != pass ||
			    is_stated(r->files[i].name))
				continue;
			r->files[i].used = true;
			met |= pass == RF2_CONCEPTS;
			if (!each_row(x, &r->files[i], readers[pass]))
				return error_context(r->err, "%.*s", STR_ARG(r->files[i].name));
		}
	return met || error_set(r->err, ERR_STRUCTURE,
				"none of the files is a table of SNOMED CT concepts (sct2_Concept_*.txt)");
}

bool snomed_read(struct release *r)
{
	struct rf2 x = {.r = r};
	map_init(&x.preferred, MAX_ROWS);
	map_init(&x.best, MAX_ROWS);
	x.module = image_define(r->maker, S("moduleId"), STR_NULL, IMAGE_CODE);
	x.effective = image_define(r->maker, S("effectiveTime"), STR_NULL, IMAGE_STRING);
	x.sufficient = image_define(r->maker, S("sufficientlyDefined"), STR_NULL, IMAGE_BOOLEAN);
	x.refset = image_define(r->maker, S("refset"), STR_NULL, IMAGE_CODE);
	bool ok = read_files(&x);
	map_done(&x.preferred);
	map_done(&x.best);
	return ok;
}

/* The edition is the module that most concepts beyond the core belong to; the date is that of the newest row. */
struct str snomed_version(struct release *r)
{
	struct map modules;
	struct str newest = S(""), edition = S(CORE_MODULE);
	uint64_t most = 0;
	map_init(&modules, 10000);
	for (size_t i = 0; i < r->count; i++) {
		struct table t;
		if (!table_open(&t, r->arena, r->files[i].text) || kind_of(&t) != RF2_CONCEPTS)
			continue;
		size_t time = table_column(&t, "effectiveTime"), module = table_column(&t, "moduleId");
		while (table_next(&t)) {
			struct str name = table_field(&t, module);
			if (str_cmp(table_field(&t, time), newest) > 0)
				newest = table_field(&t, time);
			uint64_t *count = map_put(&modules, name, NULL);
			if (count && ++*count > most && !str_is(name, CORE_MODULE) && !str_is(name, MODEL_MODULE)) {
				most = *count;
				edition = name;
			}
		}
	}
	map_done(&modules);
	return newest.n ? arena_printf(r->arena, SNOMED_URL "/%.*s/version/%.*s", STR_ARG(edition), STR_ARG(newest))
			: STR_NULL;
}

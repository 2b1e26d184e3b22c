/*
 * RxNorm in Rich Release Format: the concepts of RXNCONSO that RxNorm itself names, their relationships (RXNREL),
 * attributes (RXNSAT) and semantic types (RXNSTY). Columns are by position
 * (https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html, section 12). Properties have the names that FHIR
 * gives them (http://hl7.org/fhir/R4/rxnorm.html): TTY, STY, and each relationship by its name.
 */
#include "terminology/release_priv.h"

enum conso { CONSO_RXCUI = 0, CONSO_LAT = 1, CONSO_SAB = 11, CONSO_TTY = 12, CONSO_STR = 14, CONSO_SUPPRESS = 16 };
enum rel { REL_RXCUI1 = 0, REL_REL = 3, REL_RXCUI2 = 4, REL_RELA = 7, REL_SAB = 10 };
enum sat { SAT_RXCUI = 0, SAT_ATN = 8, SAT_SAB = 9, SAT_ATV = 10 };
enum sty { STY_RXCUI = 0, STY_STY = 3 };
enum sab { SAB_VSAB = 2, SAB_RSAB = 3 };
enum { MAX_CONCEPTS = 10000000 };

static struct release_file *file_of(struct release *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_eq_nocase(r->files[i].name, str_from(name)))
			return &r->files[i];
	return NULL;
}

static bool open_file(struct release *r, const char *name, struct table *t)
{
	struct release_file *file = file_of(r, name);
	if (!file)
		return false;
	file->used = true;
	table_open_bars(t, r->arena, file->text);
	return true;
}

/* Other names are synonyms: of the same concept, prescribable, or with tall letters. */
static bool is_synonym(struct str tty)
{
	return str_is(tty, "SY") || str_is(tty, "TMSY") || str_is(tty, "PSN") || str_is(tty, "ET");
}

/* Displays: the concept's own name, in use rather than suppressed. */
static unsigned goodness(struct str tty, struct str suppress)
{
	bool suppressed = suppress.n && !str_is(suppress, "N");
	return (is_synonym(tty) ? 1 : 3) + (suppressed ? 0 : 1);
}

static bool read_atom(struct release *r, struct table *t, struct map *best, uint32_t tty_property)
{
	struct str code = table_field(t, CONSO_RXCUI), tty = table_field(t, CONSO_TTY);
	struct str name = table_field(t, CONSO_STR), suppress = table_field(t, CONSO_SUPPRESS);
	bool fresh = false;
	uint32_t id = image_add(r->maker, code, &fresh);
	uint64_t *good = map_put(best, code, NULL);
	if (id == IMAGE_NONE || !good)
		return error_memory(r->err);
	if (goodness(tty, suppress) > *good) {
		*good = goodness(tty, suppress);
		image_add_display(r->maker, id, name);
	}
	struct designation d = {.language = S("en"), .use_system = S(RXNORM_URL), .use_code = tty, .value = name};
	image_add_designation(r->maker, id, &d);
	if (!is_synonym(tty))
		release_property(r, id, tty_property, tty);
	return true;
}

static bool read_concepts(struct release *r)
{
	struct table t;
	struct map best;
	bool ok = open_file(r, "RXNCONSO.RRF", &t) ||
		  error_set(r->err, ERR_STRUCTURE, "RXNCONSO.RRF is not among the files");
	uint32_t tty = image_define(r->maker, S("TTY"), STR_NULL, IMAGE_CODE);
	map_init(&best, MAX_CONCEPTS);
	while (ok && table_next(&t)) {
		if (t.field_count <= CONSO_SUPPRESS)
			ok = error_set(r->err, ERR_VALUE, "RXNCONSO.RRF: line %zu has only %zu fields", t.line,
				       t.field_count);
		else if (str_is(table_field(&t, CONSO_SAB), "RXNORM"))
			ok = read_atom(r, &t, &best, tty);
	}
	/* A concept none of whose names is in use is not in use itself. */
	for (size_t i = 0; ok && i < best.capacity; i++)
		if (best.slots[i].key.p && best.slots[i].value != 4 && best.slots[i].value != 2)
			image_add_flags(r->maker, image_added(r->maker, best.slots[i].key), CONCEPT_INACTIVE);
	map_done(&best);
	return ok;
}

/* A row says of the second concept how it relates to the first. */
static void read_relationships(struct release *r)
{
	struct table t;
	if (!open_file(r, "RXNREL.RRF", &t))
		return;
	while (table_next(&t)) {
		struct str to = table_field(&t, REL_RXCUI1), rela = table_field(&t, REL_RELA);
		uint32_t id = image_added(r->maker, table_field(&t, REL_RXCUI2)), other = image_added(r->maker, to);
		if (!str_is(table_field(&t, REL_SAB), "RXNORM") || id == IMAGE_NONE || other == IMAGE_NONE)
			continue;
		struct str name = rela.n ? rela : table_field(&t, REL_REL);
		if (str_is(name, "isa"))
			image_add_parent(r->maker, id, other);
		if (name.n)
			release_property(r, id, image_define(r->maker, name, STR_NULL, IMAGE_CODE), to);
	}
}

static void read_attributes(struct release *r)
{
	struct table t;
	if (open_file(r, "RXNSAT.RRF", &t))
		while (table_next(&t)) {
			uint32_t id = image_added(r->maker, table_field(&t, SAT_RXCUI));
			struct str name = table_field(&t, SAT_ATN);
			if (id != IMAGE_NONE && name.n && str_is(table_field(&t, SAT_SAB), "RXNORM"))
				release_property(r, id, image_define(r->maker, name, STR_NULL, IMAGE_STRING),
						 table_field(&t, SAT_ATV));
		}
	if (open_file(r, "RXNSTY.RRF", &t))
		while (table_next(&t)) {
			uint32_t id = image_added(r->maker, table_field(&t, STY_RXCUI));
			if (id != IMAGE_NONE)
				release_property(r, id, image_define(r->maker, S("STY"), STR_NULL, IMAGE_STRING),
						 table_field(&t, STY_STY));
		}
}

bool rxnorm_read(struct release *r)
{
	if (!read_concepts(r))
		return false;
	read_relationships(r);
	read_attributes(r);
	return true;
}

/* "RXNORM_20AA_240102F" in RXNSAB. */
struct str rxnorm_version(struct release *r)
{
	struct table t;
	if (open_file(r, "RXNSAB.RRF", &t))
		while (table_next(&t)) {
			struct str version = table_field(&t, SAB_VSAB), prefix = S("RXNORM_");
			if (str_is(table_field(&t, SAB_RSAB), "RXNORM") && str_starts(version, prefix))
				return str_slice(version, prefix.n, version.n);
		}
	return STR_NULL;
}

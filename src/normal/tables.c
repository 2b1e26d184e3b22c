/* The tables of data/, read once into maps. A malformed row stops the program: a shifted column would be wrong
 * knowledge. */
#include "clinical/tsv.h"
#include "normal/normal_priv.h"

enum { ENTRIES_MAX = 100000, KEY_MAX = 400 };

extern const char data_code_systems[], data_code_systems_end[];
extern const char data_coding_order[], data_coding_order_end[];
extern const char data_identifier_kinds[], data_identifier_kinds_end[];
extern const char data_result_units[], data_result_units_end[];
extern const char data_unit_spellings[], data_unit_spellings_end[];
extern const char data_vendor_codes[], data_vendor_codes_end[];

#define TABLE(name) str_make(data_##name, (size_t)(data_##name##_end - data_##name))

/* "a|b|c" in a buffer of the caller's; STR_NULL when it does not fit. */
static struct str join(char buffer[KEY_MAX], const struct str *parts, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		if (n + parts[i].n + 1 >= KEY_MAX)
			return STR_NULL;
		if (i)
			buffer[n++] = '|';
		if (parts[i].n)
			memcpy(buffer + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	return str_make(buffer, n);
}

static bool put(struct normaliser *n, struct map *m, const struct str *parts, size_t count, uint64_t value,
		struct error *err)
{
	char buffer[KEY_MAX];
	struct str key = join(buffer, parts, count);
	uint64_t *slot = key.p ? map_get(m, key) : NULL;
	if (key.p && !slot) {
		struct str copy = arena_str(&n->arena, key);
		slot = copy.p ? map_put(m, copy, NULL) : NULL;
		if (slot)
			*slot = value;
	}
	return slot || error_memory(err);
}

static bool put_pointer(struct normaliser *n, struct map *m, struct str a, struct str b, const void *value,
			struct error *err)
{
	return put(n, m, (const struct str[]){a, b}, b.p ? 2 : 1, (uint64_t)(uintptr_t)value, err);
}

const void *normal_find(const struct map *m, const char *kind, struct str a, struct str b)
{
	char buffer[KEY_MAX];
	const struct str parts[] = {str_from(kind), a, b};
	struct str key = join(buffer, kind ? parts : parts + 1, (kind ? 1 : 0) + (b.p ? 2u : 1u));
	const uint64_t *slot = key.p ? map_get(m, key) : NULL;
	return slot ? (const void *)(uintptr_t)*slot : NULL;
}

/* ---- code systems ------------------------------------------------------------------------------------------------ */

static int rank_of(struct str system)
{
	return str_starts(system, S("http://terminology.hl7.org/")) || str_starts(system, S("http://hl7.org/fhir/"))
		       ? 10
		       : 60;
}

static const struct system_spelling *add_system(struct normaliser *n, struct str name, struct error *err)
{
	const uint64_t *slot = map_get(&n->systems, name);
	if (slot)
		return (const struct system_spelling *)(uintptr_t)*slot;
	struct known_system *known = ARENA_NEW(&n->arena, struct known_system);
	struct system_spelling *spelling = ARENA_NEW(&n->arena, struct system_spelling);
	if (!known || !spelling) {
		error_memory(err);
		return NULL;
	}
	*known = (struct known_system){.name = name,
				       .rank = rank_of(name),
				       .loinc = str_is(name, NORMAL_LOINC),
				       .snomed = str_is(name, NORMAL_SNOMED)};
	*spelling = (struct system_spelling){.known = known, .source = STR_NULL};
	return put_pointer(n, &n->systems, name, STR_NULL, spelling, err) ? spelling : NULL;
}

static bool load_systems(struct normaliser *n, struct error *err)
{
	static const char *const columns[] = {"spelling", "system", "when", "source"};
	struct tsv t;
	struct str f[4];
	struct error trouble = {0};
	if (!tsv_open(&t, "code_systems", TABLE(code_systems), columns, 4, err))
		return false;
	while (tsv_next(&t, f, &trouble)) {
		const struct system_spelling *own = add_system(n, f[1], err);
		struct system_spelling *spelling = ARENA_NEW(&n->arena, struct system_spelling);
		if (!own || !spelling)
			return error_memory(err);
		*spelling =
			(struct system_spelling){.known = own->known, .alone = str_is(f[2], "alone"), .source = f[3]};
		if (!put_pointer(n, &n->systems, f[0], STR_NULL, spelling, err))
			return false;
	}
	return !trouble.code || error_set(err, trouble.code, "%s", trouble.text);
}

static bool load_order(struct normaliser *n, struct error *err)
{
	static const char *const columns[] = {"element", "system", "code", "rank"};
	struct tsv t;
	struct str f[4];
	struct error trouble = {0};
	if (!tsv_open(&t, "coding_order", TABLE(coding_order), columns, 4, err))
		return false;
	while (tsv_next(&t, f, &trouble)) {
		uint64_t rank;
		const struct system_spelling *spelling = add_system(n, f[1], err);
		if (!spelling)
			return false;
		if (!str_to_u64(f[3], &rank) || rank > 1000)
			return error_set(err, ERR_CONFIG, "Line %zu of the table coding_order has no rank.", t.line);
		if (str_is(f[0], "*") && !f[2].n)
			((struct known_system *)spelling->known)->rank = (int)rank;
		else if (!put(n, &n->order, f, f[2].n ? 3 : 2, rank + 1, err) || !put(n, &n->ordered, f, 1, 1, err))
			return false;
	}
	return !trouble.code || error_set(err, trouble.code, "%s", trouble.text);
}

/* ---- codes and identifiers --------------------------------------------------------------------------------------- */

static bool load_vendor_codes(struct normaliser *n, struct error *err)
{
	static const char *const columns[] = {"system",		"code",	    "target_system", "target_code",
					      "target_display", "verified", "source"};
	struct tsv t;
	struct str f[7];
	struct error trouble = {0};
	if (!tsv_open(&t, "vendor_codes", TABLE(vendor_codes), columns, 7, err))
		return false;
	while (tsv_next(&t, f, &trouble)) {
		const struct system_spelling *target = add_system(n, f[2], err);
		struct vendor_code *row = ARENA_NEW(&n->arena, struct vendor_code);
		if (!target || !row)
			return error_memory(err);
		*row = (struct vendor_code){.system = target->known,
					    .code = f[3],
					    .display = f[4],
					    .verified = str_is(f[5], "yes"),
					    .source = f[6]};
		if (!put_pointer(n, &n->vendor, f[0], f[1], row, err))
			return false;
	}
	return !trouble.code || error_set(err, trouble.code, "%s", trouble.text);
}

static bool load_kinds(struct normaliser *n, struct error *err)
{
	static const char *const columns[] = {"match", "value", "kind", "v2_0203", "rank", "verified", "source"};
	struct tsv t;
	struct str f[7];
	struct error trouble = {0};
	const struct system_spelling *v2 = add_system(n, S(NORMAL_V2_ID), err);
	if (!v2 || !tsv_open(&t, "identifier_kinds", TABLE(identifier_kinds), columns, 7, err))
		return false;
	while (tsv_next(&t, f, &trouble)) {
		uint64_t rank;
		struct identifier_kind *row = ARENA_NEW(&n->arena, struct identifier_kind);
		if (!row)
			return error_memory(err);
		if (!str_to_u64(f[4], &rank))
			return error_set(err, ERR_CONFIG, "Line %zu of the table identifier_kinds has no rank.",
					 t.line);
		*row = (struct identifier_kind){
			.kind = f[2],
			.rank = (int)rank,
			.type = {.system = v2->known, .code = f[3], .verified = str_is(f[5], "yes"), .source = f[6]}};
		if (!put_pointer(n, &n->kinds, f[0], f[1], row, err))
			return false;
	}
	return !trouble.code || error_set(err, trouble.code, "%s", trouble.text);
}

/* ---- units ------------------------------------------------------------------------------------------------------- */

static bool load_spellings(struct normaliser *n, struct error *err)
{
	static const char *const columns[] = {"spelling", "ucum", "source"};
	struct tsv t;
	struct str f[3];
	struct error trouble = {0};
	if (!tsv_open(&t, "unit_spellings", TABLE(unit_spellings), columns, 3, err))
		return false;
	while (tsv_next(&t, f, &trouble)) {
		struct unit_spelling *row = ARENA_NEW(&n->arena, struct unit_spelling);
		if (!row)
			return error_memory(err);
		*row = (struct unit_spelling){f[1], f[2]};
		if (!put_pointer(n, &n->spellings, f[0], STR_NULL, row, err) || !put(n, &n->ucum, &f[1], 1, 1, err))
			return false;
	}
	return !trouble.code || error_set(err, trouble.code, "%s", trouble.text);
}

static bool load_results(struct normaliser *n, struct error *err)
{
	static const char *const columns[] = {"loinc",	"ucum",	      "other_ucum", "factor",
					      "offset", "monovalent", "source"};
	struct tsv t;
	struct str f[7];
	struct error trouble = {0};
	if (!tsv_open(&t, "result_units", TABLE(result_units), columns, 7, err))
		return false;
	while (tsv_next(&t, f, &trouble)) {
		struct result_unit *row = ARENA_NEW(&n->arena, struct result_unit);
		if (!row)
			return error_memory(err);
		*row = (struct result_unit){
			.ucum = f[1], .other = f[2], .monovalent = str_is(f[5], "1"), .source = f[6]};
		if (f[2].n && (!decimal_parse(f[3], &row->factor) || decimal_is_zero(&row->factor) ||
			       !decimal_parse(f[4], &row->offset)))
			return error_set(err, ERR_CONFIG, "Line %zu of the table result_units has no factor.", t.line);
		if (!put_pointer(n, &n->results, f[0], STR_NULL, row, err) || !put(n, &n->ucum, &f[1], 1, 1, err) ||
		    (f[2].n && !put(n, &n->ucum, &f[2], 1, 1, err)))
			return false;
	}
	return !trouble.code || error_set(err, trouble.code, "%s", trouble.text);
}

bool normal_tables_load(struct normaliser *n, struct error *err)
{
	struct map *const maps[] = {&n->systems, &n->vendor,	&n->ordered, &n->order,
				    &n->kinds,	 &n->spellings, &n->ucum,    &n->results};
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		map_init(maps[i], ENTRIES_MAX);
	return load_systems(n, err) && load_order(n, err) && load_vendor_codes(n, err) && load_kinds(n, err) &&
	       load_spellings(n, err) && load_results(n, err);
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

const struct system_spelling *normal_system(const struct normaliser *n, struct str name)
{
	const uint64_t *slot = name.n ? map_get(&n->systems, name) : NULL;
	return slot ? (const struct system_spelling *)(uintptr_t)*slot : NULL;
}

bool normal_system_is_local(struct str name)
{
	return str_starts(name, S("urn:oid:1.2.840.114350.")) || str_find(name, S("epic.com/")) != STR_NONE ||
	       str_find(name, S("cerner.com/")) != STR_NONE;
}

struct str normal_epic_suffix(struct str system)
{
	struct str prefix = S("urn:oid:1.2.840.114350.1.13.");
	if (!str_starts(system, prefix))
		return STR_NULL;
	/* The customer and the environment, two numbers or three, then 7. */
	struct str rest = str_slice(system, prefix.n, system.n);
	size_t at = str_find(rest, S(".7."));
	return at == STR_NONE ? STR_NULL : str_slice(rest, at + 3, rest.n);
}

const struct vendor_code *normal_vendor_code(const struct normaliser *n, struct str system, struct str code)
{
	const struct vendor_code *row = normal_find(&n->vendor, NULL, system, code);
	struct str suffix = row ? STR_NULL : normal_epic_suffix(system);
	char name[160];
	if (!suffix.p || suffix.n + 5 > sizeof(name))
		return row;
	memcpy(name, "epic:", 5);
	memcpy(name + 5, suffix.p, suffix.n);
	return normal_find(&n->vendor, NULL, str_make(name, suffix.n + 5), code);
}

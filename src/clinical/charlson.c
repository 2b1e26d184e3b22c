/*
 * The Charlson index over Condition resources. A code belongs to a comorbidity when it starts with one of the table's
 * prefixes, dots left out. All codings of a Condition are looked at: vendors send the same problem in several code
 * systems side by side, and which of them carry ICD-10 differs. A comorbidity counts once however often it is found.
 */
#include "clinical/charlson.h"

#include "clinical/tsv.h"

#define GROUPS_MAX 64 /* comorbidities; a set of them is one 64-bit word */

struct group {
	struct str condition, label;
	int weight;
	struct str suppressors; /* names, '|' between them */
	uint64_t suppressed_by; /* the same as a set */
};
struct prefix {
	struct str text;
	unsigned group;
};
struct mapping {
	struct str snomed, icd10;
	bool verified;
};
struct charlson {
	struct group groups[GROUPS_MAX];
	size_t group_count;
	struct prefix *prefixes;
	size_t prefix_count;
	struct mapping *mappings;
	size_t mapping_count;
};

static bool table_error(struct error *err, const struct tsv *t, const char *what)
{
	error_set(err, ERR_CONFIG, "Line %zu of the table %s has %s.", t->line, t->table, what);
	if (err)
		err->line = t->line;
	return false;
}

static size_t group_find(const struct charlson *c, struct str condition)
{
	for (size_t i = 0; i < c->group_count; i++) {
		if (str_eq(c->groups[i].condition, condition))
			return i;
	}
	return STR_NONE;
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

static bool resolve_suppressors(struct charlson *c, struct error *err)
{
	for (size_t i = 0; i < c->group_count; i++) {
		for (struct str rest = c->groups[i].suppressors; rest.p && rest.n;) {
			size_t by = group_find(c, str_split(&rest, '|'));
			if (by == STR_NONE)
				return error_set(err, ERR_CONFIG,
						 "The weights table suppresses %.*s by an unknown condition.",
						 STR_ARG(c->groups[i].condition));
			c->groups[i].suppressed_by |= UINT64_C(1) << by;
		}
	}
	return true;
}

static bool load_weights(struct charlson *c, struct str text, struct error *err)
{
	static const char *const columns[] = {"condition", "label", "weight_quan2011", "suppressed_if_present"};
	struct tsv t;
	struct str f[4];
	struct error row = {0};
	if (!tsv_open(&t, "charlson_weights", text, columns, 4, err))
		return false;
	while (tsv_next(&t, f, &row)) {
		uint64_t weight = 0;
		if (c->group_count == GROUPS_MAX)
			return table_error(err, &t, "more conditions than fit");
		if (!str_to_u64(f[2], &weight) || weight > 100)
			return table_error(err, &t, "a weight that is no number from 0 to 100");
		if (!f[0].n || group_find(c, f[0]) != STR_NONE)
			return table_error(err, &t, "a condition that is empty or there twice");
		c->groups[c->group_count++] = (struct group){f[0], f[1], (int)weight, f[3], 0};
	}
	if (row.code) {
		*err = row;
		return false;
	}
	return resolve_suppressors(c, err);
}

static bool load_codes(struct charlson *c, struct arena *a, struct str text, struct error *err)
{
	static const char *const columns[] = {"condition", "icd10_prefix", "match"};
	struct tsv t;
	struct str f[3];
	struct error row = {0};
	size_t capacity = 0;
	if (!tsv_open(&t, "charlson_codes", text, columns, 3, err))
		return false;
	while (tsv_next(&t, f, &row)) {
		size_t group = group_find(c, f[0]);
		if (group == STR_NONE)
			return table_error(err, &t, "a condition without a weight");
		if (!f[1].n || !str_is(f[2], "prefix"))
			return table_error(err, &t, "no prefix to match");
		struct prefix *grown =
			arena_grow(a, c->prefixes, c->prefix_count, &capacity, c->prefix_count + 1, sizeof(*grown));
		if (!grown)
			return error_memory(err);
		c->prefixes = grown;
		c->prefixes[c->prefix_count++] = (struct prefix){f[1], (unsigned)group};
	}
	if (row.code)
		*err = row;
	return !row.code;
}

static bool load_mappings(struct charlson *c, struct arena *a, struct str text, struct error *err)
{
	static const char *const columns[] = {"snomed_code", "icd10cm_code", "verified"};
	struct tsv t;
	struct str f[3];
	struct error row = {0};
	size_t capacity = 0;
	if (!tsv_open(&t, "snomed_icd10cm", text, columns, 3, err))
		return false;
	while (tsv_next(&t, f, &row)) {
		if (!f[0].n || !f[1].n)
			return table_error(err, &t, "an empty code");
		struct mapping *grown =
			arena_grow(a, c->mappings, c->mapping_count, &capacity, c->mapping_count + 1, sizeof(*grown));
		if (!grown)
			return error_memory(err);
		c->mappings = grown;
		c->mappings[c->mapping_count++] = (struct mapping){f[0], f[1], str_is(f[2], "yes")};
	}
	if (row.code)
		*err = row;
	return !row.code;
}

struct charlson *charlson_new(struct arena *a, struct str codes_tsv, struct str weights_tsv, struct str snomed_tsv,
			      struct error *err)
{
	struct error local = {0};
	if (!err)
		err = &local;
	struct charlson *c = ARENA_NEW(a, struct charlson);
	if (!c) {
		error_memory(err);
		return NULL;
	}
	if (!load_weights(c, weights_tsv, err) || !load_codes(c, a, codes_tsv, err) ||
	    !load_mappings(c, a, snomed_tsv, err))
		return NULL;
	return c;
}

extern const char data_charlson_codes[], data_charlson_codes_end[];
extern const char data_charlson_weights[], data_charlson_weights_end[];
extern const char data_snomed_icd10cm[], data_snomed_icd10cm_end[];

static struct str between(const char *from, const char *end)
{
	return str_make(from, (size_t)(end - from));
}

struct charlson *charlson_builtin(struct arena *a, struct error *err)
{
	return charlson_new(a, between(data_charlson_codes, data_charlson_codes_end),
			    between(data_charlson_weights, data_charlson_weights_end),
			    between(data_snomed_icd10cm, data_snomed_icd10cm_end), err);
}

/* ---- codes ----------------------------------------------------------------------------------------------------- */

static bool system_is_icd10(struct str system)
{
	return str_is(system, "http://hl7.org/fhir/sid/icd-10-cm") ||
	       str_is(system, "urn:oid:2.16.840.1.113883.6.90") || str_is(system, "http://hl7.org/fhir/sid/icd-10") ||
	       str_is(system, "urn:oid:2.16.840.1.113883.6.3");
}

static bool system_is_snomed(struct str system)
{
	return str_is(system, "http://snomed.info/sct") || str_is(system, "urn:oid:2.16.840.1.113883.6.96");
}

#define CODE_MAX 16
/* "e11.22 " becomes "E1122", as the prefixes are written. Empty when it cannot be an ICD-10 code. */
static struct str icd10_normal(struct str code, char text[CODE_MAX])
{
	size_t n = 0;
	code = str_trim(code);
	for (size_t i = 0; i < code.n; i++) {
		char ch = code.p[i];
		if (ch == '.')
			continue;
		if (n == CODE_MAX)
			return S("");
		text[n++] = ch >= 'a' && ch <= 'z' ? (char)(ch - 'a' + 'A') : ch;
	}
	return str_make(text, n);
}

static uint64_t groups_of_icd10(const struct charlson *c, struct str code)
{
	char text[CODE_MAX];
	uint64_t set = 0;
	struct str normal = icd10_normal(code, text);
	for (size_t i = 0; i < c->prefix_count; i++) {
		if (str_starts(normal, c->prefixes[i].text))
			set |= UINT64_C(1) << c->prefixes[i].group;
	}
	return set;
}

static const struct mapping *mapping_find(const struct charlson *c, struct str snomed)
{
	for (size_t i = 0; i < c->mapping_count; i++) {
		if (str_eq(c->mappings[i].snomed, snomed))
			return &c->mappings[i];
	}
	return NULL;
}

/* ---- one patient ----------------------------------------------------------------------------------------------- */

struct finding {
	bool found;
	struct charlson_evidence evidence;
};

/* Better evidence replaces worse: a recorded ICD-10 code says more than our map, a checked row more than another. */
static int evidence_rank(const struct charlson_evidence *e)
{
	return e->mapped ? e->unverified ? 0 : 1 : 2;
}

static void take(struct finding *findings, uint64_t set, const struct charlson_evidence *evidence)
{
	for (unsigned g = 0; set; g++, set >>= 1) {
		struct finding *f = &findings[g];
		if (!(set & 1) || (f->found && evidence_rank(&f->evidence) >= evidence_rank(evidence)))
			continue;
		f->found = true;
		f->evidence = *evidence;
	}
}

/* True when the coding is one that the tables can judge. */
static bool judge_coding(const struct charlson *c, const struct json *coding, struct finding *findings)
{
	struct str system = json_get_str(coding, S("system"));
	struct str code = str_trim(json_get_str(coding, S("code")));
	if (!code.n)
		return false;
	if (system_is_icd10(system)) {
		struct charlson_evidence e = {.code = code, .icd10 = code};
		take(findings, groups_of_icd10(c, code), &e);
		return true;
	}
	const struct mapping *m = system_is_snomed(system) ? mapping_find(c, code) : NULL;
	if (!m)
		return false;
	struct charlson_evidence e = {.code = code, .icd10 = m->icd10, .mapped = true, .unverified = !m->verified};
	take(findings, groups_of_icd10(c, m->icd10), &e);
	return true;
}

static bool withdrawn(const struct json *condition)
{
	struct json_iter it = json_iter(json_get(json_get(condition, S("verificationStatus")), S("coding")));
	while (json_next(&it)) {
		struct str code = str_trim(json_get_str(it.value, S("code")));
		if (str_is(code, "entered-in-error") || str_is(code, "refuted"))
			return true;
	}
	return false;
}

static bool judge_condition(const struct charlson *c, const struct json *condition, struct finding *findings)
{
	bool judged = false;
	struct json_iter it = json_iter(json_get(json_get(condition, S("code")), S("coding")));
	while (json_next(&it))
		judged |= judge_coding(c, it.value, findings);
	return judged;
}

static bool suppressed(const struct charlson *c, const struct finding *findings, size_t group)
{
	uint64_t by = c->groups[group].suppressed_by;
	for (unsigned g = 0; by; g++, by >>= 1) {
		if ((by & 1) && findings[g].found)
			return true;
	}
	return false;
}

static void add_up(const struct charlson *c, const struct finding *findings, struct charlson_score *score)
{
	for (size_t g = 0; g < c->group_count; g++) {
		if (!findings[g].found)
			continue;
		struct charlson_evidence *e = &score->evidence[score->evidence_count++];
		*e = findings[g].evidence;
		e->condition = c->groups[g].condition;
		e->label = c->groups[g].label;
		e->weight = suppressed(c, findings, g) ? 0 : c->groups[g].weight;
		score->score += e->weight;
		score->unverified |= e->weight && e->unverified;
	}
}

bool charlson_score(const struct charlson *c, struct arena *a, const struct json *const *conditions, size_t count,
		    struct charlson_score *ret_score, struct error *err)
{
	struct finding findings[GROUPS_MAX] = {0};
	struct charlson_score score = {.evidence = ARENA_ARRAY(a, struct charlson_evidence, c->group_count + 1)};
	if (!score.evidence)
		return error_memory(err);
	for (size_t i = 0; i < count; i++) {
		if (!str_is(json_get_str(conditions[i], S("resourceType")), "Condition") || withdrawn(conditions[i]))
			continue;
		if (!judge_condition(c, conditions[i], findings))
			score.unmapped++;
	}
	add_up(c, findings, &score);
	*ret_score = score;
	return true;
}

/*
 * Codes as numbers. RXCUIs, SNOMED CT identifiers, NDCs and the digits of NUIs are decimal; UNIIs and ATC codes are
 * written in 36 characters. With the system in the top four bits each is one 64-bit key, and one hash table holds all.
 */
#include "clinical/knowledge_priv.h"

static const struct {
	const char *name;
	enum code_system system;
} systems[] = {
	{"http://www.nlm.nih.gov/research/umls/rxnorm", CODE_RXNORM},
	{"urn:oid:2.16.840.1.113883.6.88", CODE_RXNORM},
	{"rxnorm", CODE_RXNORM},
	{"http://snomed.info/sct", CODE_SNOMED},
	{"urn:oid:2.16.840.1.113883.6.96", CODE_SNOMED},
	{"snomed", CODE_SNOMED},
	{"urn:oid:2.16.840.1.113883.3.26.1.5", CODE_NDFRT},
	{"http://rxnav.nlm.nih.gov/REST/Ndfrt", CODE_NDFRT},
	{"http://hl7.org/fhir/ndfrt", CODE_NDFRT},
	{"http://va.gov/terminology/medrt", CODE_NDFRT},
	{"urn:oid:2.16.840.1.113883.6.345", CODE_NDFRT},
	{"http://www.nlm.nih.gov/research/umls/ndfrt", CODE_NDFRT},
	{"ndfrt", CODE_NDFRT},
	{"http://fdasis.nlm.nih.gov", CODE_UNII},
	{"urn:oid:2.16.840.1.113883.4.9", CODE_UNII},
	{"unii", CODE_UNII},
	{"http://www.whocc.no/atc", CODE_ATC},
	{"urn:oid:2.16.840.1.113883.6.73", CODE_ATC},
	{"atc", CODE_ATC},
	{"http://hl7.org/fhir/sid/ndc", CODE_NDC},
	{"urn:oid:2.16.840.1.113883.6.69", CODE_NDC},
	{"ndc", CODE_NDC},
	{"epic-allergen", CODE_EPIC_ALLERGEN},
};

enum code_system knowledge_system(struct str system)
{
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		if (str_is(system, systems[i].name))
			return systems[i].system;
	}
	/* Epic's allergen master file (ELG, item .1 is 798268): the OID carries the organisation in the middle. */
	if (str_starts(system, S("urn:oid:1.2.840.114350.1.13.")) && str_ends(system, S(".2.798268")))
		return CODE_EPIC_ALLERGEN;
	return CODE_NONE;
}

static uint64_t base36(struct str code)
{
	uint64_t n = 0;
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];
		unsigned digit = 0;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'A' && c <= 'Z')
			digit = (unsigned)(c - 'A') + 10;
		else if (c >= 'a' && c <= 'z')
			digit = (unsigned)(c - 'a') + 10;
		else
			return 0;
		n = n * 36 + digit;
	}
	return n;
}

/* An NDC as eleven digits: hyphens show the segments, which are filled up to 5-4-2. Ten digits without hyphens could be
 * three different products and are refused. */
static bool ndc_digits(struct str code, uint64_t *ret)
{
	static const size_t widths[] = {5, 4, 2};
	char digits[11];
	size_t n = 0, part = 0;
	if (str_find_char(code, '-', 0) == STR_NONE)
		return code.n == 11 && str_to_u64(code, ret);
	for (struct str rest = code; rest.p; part++) {
		struct str piece = str_split(&rest, '-');
		if (part == 3 || !piece.n || piece.n > widths[part])
			return false;
		for (size_t i = piece.n; i < widths[part]; i++)
			digits[n++] = '0';
		memcpy(digits + n, piece.p, piece.n);
		n += piece.n;
	}
	return part == 3 && n == sizeof(digits) && str_to_u64(str_make(digits, n), ret);
}

uint64_t knowledge_key(enum code_system system, struct str code)
{
	uint64_t n = 0;
	bool ok = false;
	code = str_trim(code);
	switch (system) {
	case CODE_NDFRT: /* N0000175497 */
		ok = code.n == 11 && code.p[0] == 'N' && str_to_u64(str_slice(code, 1, code.n), &n);
		break;
	case CODE_UNII:
		ok = code.n == 10 && (n = base36(code)) != 0;
		break;
	case CODE_ATC:
		ok = code.n == 7 && (n = base36(code)) != 0;
		break;
	case CODE_NDC:
		ok = ndc_digits(code, &n);
		break;
	case CODE_NONE:
		break;
	default:
		ok = code.n <= 18 && str_to_u64(code, &n);
		break;
	}
	return ok && n && n < UINT64_C(1) << 60 ? (uint64_t)system << 60 | n : 0;
}

static size_t slot_of(uint64_t key, size_t capacity)
{
	key ^= key >> 29;
	key *= UINT64_C(0x9E3779B97F4A7C15);
	return (size_t)(key >> 20) & (capacity - 1);
}

static void put(struct code_slot *slots, size_t capacity, uint64_t key, uint32_t entry, size_t *count)
{
	size_t at = slot_of(key, capacity);
	while (slots[at].key && slots[at].key != key)
		at = (at + 1) & (capacity - 1);
	*count += !slots[at].key;
	slots[at] = (struct code_slot){key, entry};
}

bool knowledge_add_code(struct knowledge *k, uint64_t key, uint32_t entry, struct error *err)
{
	if ((k->code_count + 1) * 3 > k->code_capacity * 2) {
		size_t capacity = k->code_capacity ? k->code_capacity * 2 : 65536, count = 0;
		struct code_slot *slots = ARENA_ARRAY(k->arena, struct code_slot, capacity);
		if (!slots)
			return error_memory(err);
		for (size_t i = 0; i < k->code_capacity; i++) {
			if (k->codes[i].key)
				put(slots, capacity, k->codes[i].key, k->codes[i].entry, &count);
		}
		k->codes = slots;
		k->code_capacity = capacity;
	}
	put(k->codes, k->code_capacity, key, entry, &k->code_count);
	return true;
}

bool knowledge_find(const struct knowledge *k, uint64_t key, uint32_t *ret_entry)
{
	if (!key || !k->code_capacity)
		return false;
	size_t at = slot_of(key, k->code_capacity);
	while (k->codes[at].key && k->codes[at].key != key)
		at = (at + 1) & (k->code_capacity - 1);
	*ret_entry = k->codes[at].entry;
	return k->codes[at].key != 0;
}

void knowledge_meaning(const struct knowledge *k, const struct entry *e, struct meaning *ret)
{
	*ret = (struct meaning){
		.kind = (enum meaning_kind)e->kind,
		.ingredients = k->pool + e->from,
		.count = e->count,
		.drug_class = e->drug_class,
		.token = e->token,
		.product = e->product,
		.partial = e->partial,
		.alone = e->alone,
		.ambiguous = e->ambiguous,
		.route = (enum drug_route)e->route,
		.mg = (double)e->mg,
		.verified = (enum verified)e->verified,
		.source = k->sources[e->source],
	};
}

bool knowledge_code(const struct knowledge *k, struct str system, struct str code, struct meaning *ret)
{
	uint32_t entry = 0;
	if (!knowledge_find(k, knowledge_key(knowledge_system(system), code), &entry))
		return false;
	knowledge_meaning(k, &k->entries[entry], ret);
	return true;
}

int knowledge_rxcui(const struct knowledge *k, struct str rxcui)
{
	uint32_t entry = 0;
	if (!knowledge_find(k, knowledge_key(CODE_RXNORM, rxcui), &entry))
		return -1;
	const struct entry *e = &k->entries[entry];
	return e->kind == MEANS_INGREDIENTS && !e->product && e->count == 1 ? k->pool[e->from] : -1;
}

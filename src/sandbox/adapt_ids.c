/*
 * Ids as the vendors form them, computed from the id that a resource came with, so that loading the same patient twice
 * gives the same ids and links need no table. Forms: captured responses of both public sandboxes.
 */
#include "sandbox/adapt_priv.h"

#include "base/random.h"
#include "sandbox/reshape_priv.h"
#include "sandbox/synthetic_priv.h"

/* How long ids are. digits are random decimal digits behind the prefix; types that are not here use the last row. */
static const struct {
	const char *type;
	unsigned epic_length; /* all of it, with the letter in front and the digit behind */
	char epic_first, epic_last;
	const char *cerner_prefix;
	unsigned cerner_digits;
} forms[] = {
	{"Patient", 24, 'e', '3', "1", 9},
	{"Encounter", 24, 'e', '3', "9", 11},
	{"Condition", 24, 'e', '3', "p", 11},
	{"Practitioner", 24, 'e', '3', "4", 8},
	{"Organization", 24, 'e', '3', "6", 8},
	{"Observation", 45, 'f', '4', "L-", 12},
	{"Immunization", 45, 'e', '3', "M", 11},
	{"Flag", 45, 'e', '3', "5", 11},
	{"", 45, 'e', '3', "3", 11},
};

static size_t form_of(struct str type)
{
	size_t last = sizeof(forms) / sizeof(*forms) - 1;
	for (size_t i = 0; i < last; i++) {
		if (str_is(type, forms[i].type))
			return i;
	}
	return last;
}

static uint64_t fold(uint64_t h, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * UINT64_C(1099511628211);
	return (h ^ text.n) * UINT64_C(1099511628211);
}

/* Two different 64-bit digests feed the dice, so ids depend on about 128 bits of their input. */
static struct dice dice_of(struct str type, struct str id)
{
	uint64_t one = fold(fold(UINT64_C(14695981039346656037), type), id);
	uint64_t two = fold(fold(UINT64_C(0x6A09E667F3BCC909), id), type);
	return dice_new(one, two);
}

uint64_t adapter_number(struct str type, struct str id, uint64_t limit)
{
	struct dice d = dice_of(type, id);
	return dice_below(&d, limit);
}

static struct str epic_id(struct arena *a, struct dice *d, size_t form)
{
	/* Base64 with '.' and '-' for the two signs that FHIR does not allow in ids. */
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	unsigned n = forms[form].epic_length;
	char *p = arena_alloc(a, n + 1);
	if (!p)
		return STR_NULL;
	p[0] = forms[form].epic_first;
	for (unsigned i = 1; i < n - 1; i++)
		p[i] = alphabet[dice_below(d, 64)];
	p[n - 1] = forms[form].epic_last;
	p[n] = 0;
	return str_make(p, n);
}

static bool is_vital(const struct json *resource)
{
	return reshape_has(json_get(resource, S("category")), "vital-signs");
}

/* Is this half of a blood pressure there? Half 0 is the systolic one. Of other panels both are. */
static bool has_half(const struct json *resource, size_t half)
{
	struct json_iter it = json_iter(json_get(resource, S("component")));
	while (json_next(&it))
		if (reshape_has(json_get(it.value, S("code")), half ? "8462-4" : "8480-6"))
			return !json_get(it.value, S("dataAbsentReason"));
	return true;
}

/* "BP-a-b": the number of each half, 0 for one that is not there. A panel that was there before keeps its number. */
static struct str pressure_id(struct arena *a, struct dice *d, const struct json *resource)
{
	struct str rest = json_get_str(resource, S("id"));
	uint64_t numbers[2], kept[2] = {0, 0};
	if (str_starts(rest, S("BP-"))) {
		(void)str_split(&rest, '-');
		for (size_t i = 0; i < 2; i++)
			if (!str_to_u64(str_split(&rest, '-'), &kept[i]))
				kept[i] = 0;
	}
	bool joins = has_half(resource, 0) && has_half(resource, 1) && (!kept[0] || !kept[1]);
	for (size_t i = 0; i < 2; i++) {
		numbers[i] = has_half(resource, i) ? 100000000 + dice_below(d, 900000000) : 0;
		numbers[i] = joins && kept[i] ? kept[i] : numbers[i];
	}
	return arena_printf(a, "BP-%llu-%llu", (unsigned long long)numbers[0], (unsigned long long)numbers[1]);
}

/* "CE<uuid>-<number>-<time>" */
static struct str event_of(const struct json *identifier)
{
	struct str value = json_get_str(identifier, S("value"));
	size_t end = str_rfind_char(value, '-');
	size_t start = end == STR_NONE ? end : str_rfind_char(str_slice(value, 0, end), '-');
	struct str number = start == STR_NONE ? STR_NULL : str_slice(value, start + 1, end);
	uint64_t ignored;
	bool own = str_is(json_get_str(identifier, S("system")), "https://fhir.cerner.com/ceuuid");
	return own && number.n && number.n < 16 && str_to_u64(number, &ignored) ? number : STR_NULL;
}

struct str adapter_event_id(struct arena *a, const struct json *resource)
{
	const struct json *identifiers = json_get(resource, S("identifier"));
	struct str first = event_of(json_at(identifiers, 0)), second = event_of(json_at(identifiers, 1));
	if (!first.p || !str_is(json_get_str(resource, S("resourceType")), "Observation"))
		return STR_NULL;
	if (!is_vital(resource) || !json_get(resource, S("component")))
		return arena_printf(a, "%s%.*s", is_vital(resource) ? "VS-" : "L-", STR_ARG(first));
	if (!has_half(resource, 0))
		return arena_printf(a, "BP-0-%.*s", STR_ARG(first));
	return arena_printf(a, "BP-%.*s-%.*s", STR_ARG(first), STR_ARG(second.p ? second : S("0")));
}

static struct str cerner_id(struct arena *a, struct dice *d, size_t form, const struct json *resource)
{
	char digits[16];
	unsigned n = forms[form].cerner_digits;
	for (unsigned i = 0; i < n; i++)
		digits[i] = (char)('0' + dice_below(d, i ? 10 : 9) + (i ? 0 : 1));
	const char *prefix = forms[form].cerner_prefix;
	if (is_vital(resource))
		prefix = json_get(resource, S("component")) ? "BP-" : "VS-";
	if (prefix[0] == 'B')
		return pressure_id(a, d, resource);
	return arena_printf(a, "%s%.*s", prefix, (int)n, digits);
}

static struct str id_from(enum ehr_vendor vendor, struct arena *a, struct dice d, struct str type,
			  const struct json *resource)
{
	size_t form = form_of(type);
	return vendor == EHR_EPIC ? epic_id(a, &d, form) : cerner_id(a, &d, form, resource);
}

struct str adapter_id(enum ehr_vendor vendor, struct arena *a, struct str type, struct str id,
		      const struct json *resource)
{
	if (vendor != EHR_EPIC && vendor != EHR_CERNER)
		return arena_str(a, id);
	const char *known = synthetic_actor_id(vendor, type, id);
	if (known)
		return str_from(known);
	return id_from(vendor, a, dice_of(type, id), type, resource);
}

struct str adapter_fresh_id(enum ehr_vendor vendor, struct arena *a, struct str type, const struct json *resource)
{
	uint64_t seed[2];
	random_bytes(seed, sizeof(seed));
	if (vendor == EHR_EPIC && str_is(type, "Condition")) { /* seen after a create: "O." and 62 more */
		struct dice d = dice_new(seed[0], seed[1]);
		struct str one = epic_id(a, &d, form_of(S("Observation"))), two = epic_id(a, &d, form_of(S("Patient")));
		return arena_printf(a, "O.%.*s%.*s", STR_ARG(str_slice(one, 1, 44)), STR_ARG(str_slice(two, 1, 20)));
	}
	return id_from(vendor, a, dice_new(seed[0], seed[1]), type, resource);
}

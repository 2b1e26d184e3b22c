/* What an update leaves as it is at the EHR, by the vendor's rules: checked once it is known what stands there. */
#include "population/writing_priv.h"

enum what { CHANGED = 1, REMOVED = 2 };

static const struct {
	enum ehr_vendor vendor;
	const char *type, *path;
	unsigned what;
	const char *text;
} rules[] = {
#define KEEPS(vendor, type, path, what, text) {EHR_##vendor, type, path, what, text},
#include "population/writing_rules.def"
};

static bool is_below(struct str path, struct str type, const char *member)
{
	struct str rest = path.n > type.n ? str_slice(path, type.n + 1, path.n) : STR_NULL;
	struct str name = str_split(&rest, '.');
	return str_is(str_split(&name, '['), member);
}

/* The kind of a measurement's value stays; that of a result may change, but neither from nor to a time. */
static bool value_stays(const struct json *sent, const struct json *shown)
{
	struct json_iter new = json_iter(sent), old = json_iter(shown);
	if (!json_next_prefixed(&new, S("value")) || !json_next_prefixed(&old, S("value")) || str_eq(new.key, old.key))
		return true;
	bool result = writing_has_code(json_get(shown, S("category")),
				       "http://terminology.hl7.org/CodeSystem/observation-category", "laboratory");
	return result && !str_is(new.key, "valueDateTime") && !str_is(old.key, "valueDateTime");
}

const char *writing_keeps(const struct definitions *d, enum ehr_vendor vendor, struct arena *a, struct str type,
			  const struct json *sent, const struct json *shown)
{
	struct writing_differences differences;
	struct error ignored = {0};
	if (!writing_compare(d, vendor, a, sent, shown, &differences, &ignored))
		return NULL;
	for (size_t i = 0; i < differences.count; i++) {
		/* What the EHR has and the file has not would be gone. */
		unsigned what = differences.items[i].change == WRITING_ADDED ? REMOVED : CHANGED;
		for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++)
			if (rules[r].vendor == vendor && str_is(type, rules[r].type) && rules[r].what == what &&
			    is_below(differences.items[i].path, type, rules[r].path))
				return rules[r].text;
	}
	bool measurement = vendor == EHR_CERNER && str_is(type, "Observation");
	return measurement && !value_stays(sent, shown) ? "the kind of the value cannot be changed" : NULL;
}

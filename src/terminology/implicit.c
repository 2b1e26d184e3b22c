/*
 * Value sets that have no resource because their URL spells them out: all codes of a system (SYSTEM?fhir_vs, or
 * CodeSystem.valueSet), SNOMED CT by a concept, a reference set or an expression constraint
 * (http://hl7.org/fhir/R4/snomedct.html#implicit), LOINC by an answer list or a part
 * (http://hl7.org/fhir/R4/loinc.html#implicit). Each becomes the definition that it stands for.
 */
#include "terminology/release_priv.h"
#include "terminology/terminology_priv.h"

static const struct str marker = {"?fhir_vs", 8};

bool implicit_possible(const struct terminology *t, struct str canonical)
{
	struct str rest = canonical, url = str_split(&rest, '|');
	return str_find(canonical, marker) != STR_NONE || str_starts(canonical, S(LOINC_URL "/vs")) ||
	       str_find_char(canonical, '#', 1) != STR_NONE || map_get(&t->all_codes, url) != NULL;
}

static struct json_writer begin(struct buf *text, struct str url)
{
	buf_init(text, 1 << 16);
	struct json_writer w = json_writer(text);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("ValueSet"));
	json_put_member(&w, S("url"), url);
	json_put_member(&w, S("status"), S("active"));
	json_key(&w, S("compose"));
	return w;
}

static const struct json *finish(struct terminology *t, struct json_writer *w, struct buf *text, struct error *err)
{
	json_object_end(w);
	struct str copy = buf_ok(text) ? arena_str(&t->arena, buf_str(text)) : STR_NULL;
	buf_done(text);
	if (!copy.p) {
		error_set(err, ERR_LIMIT, "the URL of a value set is too long");
		return NULL;
	}
	return json_parse(&t->arena, copy, 0, err);
}

/* An include of the system with at most one filter. */
static const struct json *define(struct terminology *t, struct str url, struct str system, struct str version,
				 const char *property, const char *op, struct str value, struct error *err)
{
	struct buf text;
	struct json_writer w = begin(&text, url);
	json_object_begin(&w);
	json_key(&w, S("include"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("system"), system);
	json_put_member(&w, S("version"), version);
	if (property) {
		json_key(&w, S("filter"));
		json_array_begin(&w);
		json_object_begin(&w);
		json_put_member(&w, S("property"), str_from(property));
		json_put_member(&w, S("op"), str_from(op));
		json_put_member(&w, S("value"), value);
		json_object_end(&w);
		json_array_end(&w);
	}
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
	return finish(t, &w, &text, err);
}

/* Constraints come percent-encoded, or as they are. */
static struct str decoded(struct arena *a, struct str text)
{
	char *to = arena_alloc(a, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; to && i < text.n; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *high = NULL, *low = NULL;
		if (text.p[i] == '%' && i + 2 < text.n) {
			high = memchr(digits, text.p[i + 1] | 32, 16);
			low = memchr(digits, text.p[i + 2] | 32, 16);
		}
		to[n++] = high && low ? (char)((high - digits) * 16 + (low - digits)) : text.p[i];
		i += high && low ? 2 : 0;
	}
	return to ? str_make(to, n) : STR_NULL;
}

static const struct json *of_constraint(struct terminology *t, struct str url, struct str version, struct str ecl,
					struct error *err)
{
	struct buf text;
	struct str plain = decoded(&t->arena, ecl);
	struct json_writer w = begin(&text, url);
	if (plain.p && ecl_write_compose(&w, plain, version, err))
		return finish(t, &w, &text, err);
	buf_done(&text);
	if (!plain.p)
		error_memory(err);
	return NULL;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* base: the URL in front of ?fhir_vs, with edition and version perhaps; what: behind it. */
static const struct json *of_snomed(struct terminology *t, struct str url, struct str base, struct str what,
				    struct error *err)
{
	struct str system = S(SNOMED_URL), version = base.n > system.n ? base : STR_NULL;
	if (!what.n)
		return define(t, url, system, version, NULL, NULL, STR_NULL, err);
	if (str_is(what, "=refset"))
		return define(t, url, system, version, "refset", "exists", S("true"), err);
	struct str isa = S("=isa/"), refset = S("=refset/"), ecl = S("=ecl/");
	if (str_starts(what, ecl))
		return of_constraint(t, url, version, str_slice(what, ecl.n, what.n), err);
	if (str_starts(what, isa) && all_digits(str_slice(what, isa.n, what.n)))
		return define(t, url, system, version, "concept", "is-a", str_slice(what, isa.n, what.n), err);
	if (str_starts(what, refset) && all_digits(str_slice(what, refset.n, what.n)))
		return define(t, url, system, version, "refset", "=", str_slice(what, refset.n, what.n), err);
	error_set(err, ERR_NOT_SUPPORTED, "value sets of SNOMED CT by \"%.*s\" cannot be evaluated",
		  STR_ARG(str_slice(what, 1, 60)));
	return NULL;
}

static const struct json *of_loinc(struct terminology *t, struct str url, struct str what, struct error *err)
{
	struct str system = S(LOINC_URL);
	if (!what.n)
		return define(t, url, system, STR_NULL, "STATUS", "exists", S("true"), err);
	if (str_starts(what, S("/LL")))
		return define(t, url, system, STR_NULL, "LIST", "=", str_slice(what, 1, what.n), err);
	return str_starts(what, S("/LP"))
		       ? define(t, url, system, STR_NULL, "ancestor", "=", str_slice(what, 1, what.n), err)
		       : NULL;
}

/* "url#id": the value set that is contained in a resource with a url. */
static const struct json *of_container(struct terminology *t, struct str url, struct str id,
				       const struct canonical *from, struct error *err)
{
	const struct canonical *entry = canonicals_find(t->canonicals, STR_NULL, url, from);
	const struct json *container = entry ? canonical_json(t->canonicals, entry, err) : NULL;
	for (struct json_iter it = json_iter(json_get(container, S("contained"))); json_next(&it);)
		if (str_eq(json_get_str(it.value, S("id")), id) &&
		    str_is(json_get_str(it.value, S("resourceType")), "ValueSet"))
			return it.value;
	return NULL;
}

const struct json *implicit_value_set(struct terminology *t, struct str canonical, const struct canonical *from,
				      struct error *err)
{
	struct str version = canonical, url = str_split(&version, '|'), loinc = S(LOINC_URL "/vs");
	if (str_find(canonical, S("?fhir_vs=ecl/")) != STR_NONE)
		url = canonical; /* bars are around terms */
	size_t mark = str_find(url, marker);
	const uint64_t *all = map_get(&t->all_codes, url);
	if (all)
		return define(t, url, ((const struct canonical *)(uintptr_t)*all)->url, version, NULL, NULL, STR_NULL,
			      err);
	if (str_starts(url, loinc) && (url.n == loinc.n || url.p[loinc.n] == '/'))
		return of_loinc(t, url, str_slice(url, loinc.n, url.n), err);
	size_t hash = str_find_char(canonical, '#', 0);
	if (mark == STR_NONE)
		return hash == STR_NONE ? NULL
					: of_container(t, str_slice(canonical, 0, hash),
						       str_slice(canonical, hash + 1, canonical.n), from, err);
	struct str base = str_slice(url, 0, mark), what = str_slice(url, mark + marker.n, url.n);
	if (str_starts(base, S(SNOMED_URL)) &&
	    (base.n == sizeof(SNOMED_URL) - 1 || base.p[sizeof(SNOMED_URL) - 1] == '/'))
		return of_snomed(t, url, base, what, err);
	if (what.n || !system_find_locked(t, base, STR_NULL, from))
		return NULL;
	return define(t, url, base, version, NULL, NULL, STR_NULL, err);
}

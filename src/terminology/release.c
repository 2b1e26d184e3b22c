/* Releases of terminologies into images: what the three kinds have in common. */
#include "terminology/release_priv.h"

static const struct {
	const char *name, *url, *title;
	bool (*read)(struct release *r);
	struct str (*version)(struct release *r);
	const char *suffixes[3];
} kinds[RELEASE_KINDS] = {
	{"loinc", LOINC_URL, "LOINC", loinc_read, NULL, {".csv", ".txt"}},
	{"snomed", SNOMED_URL, "SNOMED CT", snomed_read, snomed_version, {".txt"}},
	{"rxnorm", RXNORM_URL, "RxNorm", rxnorm_read, rxnorm_version, {".rrf"}},
};

bool release_kind_find(struct str name, enum release_kind *ret_kind)
{
	for (size_t i = 0; i < RELEASE_KINDS; i++)
		if (str_eq_nocase(name, str_from(kinds[i].name))) {
			*ret_kind = (enum release_kind)i;
			return true;
		}
	return false;
}

const char *release_kind_name(enum release_kind kind)
{
	return kinds[kind].name;
}

bool release_wants(enum release_kind kind, struct str name)
{
	for (size_t i = 0; i < 3 && kinds[kind].suffixes[i]; i++) {
		struct str suffix = str_from(kinds[kind].suffixes[i]);
		if (name.n > suffix.n && str_eq_nocase(str_slice(name, name.n - suffix.n, name.n), suffix))
			return true;
	}
	return false;
}

void release_property(struct release *r, uint32_t id, uint32_t definition, struct str value)
{
	if (value.n)
		image_add_property(r->maker, id, definition, value, STR_NULL);
}

static bool check_texts(const struct release *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!str_is_utf8(r->files[i].text))
			return error_set(r->err, ERR_UTF8, "%.*s is not in UTF-8",
					 STR_ARG(str_slice(r->files[i].name, 0, 120)));
	return true;
}

bool release_make(enum release_kind kind, struct release_file *files, size_t count, struct str version, struct arena *a,
		  struct buf *out, struct release_report *ret_report, struct error *err)
{
	struct image_maker maker;
	struct release r = {files, count, version, a, &maker, err};
	struct image image;
	if (!check_texts(&r))
		return false;
	if (!r.version.n && kinds[kind].version)
		r.version = kinds[kind].version(&r);
	struct image_facts facts = {.url = str_from(kinds[kind].url),
				    .version = r.version.n ? r.version : STR_NULL,
				    .name = str_from(kinds[kind].title),
				    .hierarchy = S("is-a"),
				    .content = IMAGE_COMPLETE};
	size_t before = out->n;
	image_maker_init(&maker, &facts);
	bool ok = kinds[kind].read(&r) && image_finish(&maker, out, err);
	image_maker_done(&maker);
	if (!ok || !image_open(str_make(out->p + before, out->n - before), &image, err))
		return false;
	*ret_report = (struct release_report){.url = facts.url, .version = r.version, .concepts = image_count(&image)};
	return true;
}

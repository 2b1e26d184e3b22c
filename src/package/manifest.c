/* package.json, and the names and versions that packages go by. */
#include "package/package_priv.h"

static bool read_versions(struct arena *a, const struct json *j, struct package_manifest *m, struct error *err)
{
	/* Old publishers wrote fhir-version-list. */
	const struct json *list = json_get(j, S("fhirVersions"));
	if (!json_is(list, JSON_ARRAY))
		list = json_get(j, S("fhir-version-list"));
	struct str *versions = ARENA_ARRAY(a, struct str, json_size(list) + 1);
	if (!versions)
		return error_memory(err);
	struct json_iter it = json_iter(json_is(list, JSON_ARRAY) ? list : NULL);
	while (json_next(&it))
		if (json_is(it.value, JSON_STRING))
			versions[m->fhir_version_count++] = json_str(it.value);
	m->fhir_versions = versions;
	return true;
}

static bool read_dependencies(struct arena *a, const struct json *j, struct package_manifest *m, struct error *err)
{
	const struct json *object = json_get(j, S("dependencies"));
	struct canonical_dependency *list = ARENA_ARRAY(a, struct canonical_dependency, json_size(object) + 1);
	if (!list)
		return error_memory(err);
	struct json_iter it = json_iter(json_is(object, JSON_OBJECT) ? object : NULL);
	while (json_next(&it))
		if (package_name_valid(it.key) && json_is(it.value, JSON_STRING))
			list[m->dependency_count++] = (struct canonical_dependency){it.key, json_str(it.value)};
	m->dependencies = list;
	return true;
}

bool manifest_read(struct arena *a, struct str text, struct package_manifest *ret_manifest, struct error *err)
{
	const struct json *j = json_parse(a, text, 0, err);
	if (!j)
		return error_context(err, "package.json");
	struct package_manifest m = {.name = json_get_str(j, S("name")),
				     .version = json_get_str(j, S("version")),
				     .title = json_get_str(j, S("title")),
				     .description = json_get_str(j, S("description")),
				     .canonical = json_get_str(j, S("canonical")),
				     .type = json_get_str(j, S("type")),
				     .license = json_get_str(j, S("license"))};
	if (!package_name_valid(m.name))
		return error_set(err, ERR_STRUCTURE, "package.json has no usable name");
	if (!package_version_valid(m.version))
		return error_set(err, ERR_STRUCTURE, "package.json has no usable version");
	if (!read_versions(a, j, &m, err) || !read_dependencies(a, j, &m, err))
		return false;
	*ret_manifest = m;
	return true;
}

static bool made_of(struct str text, const char *others, size_t max)
{
	if (!text.n || text.n > max || text.p[0] == '.')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!plain && !strchr(others, c))
			return false;
	}
	return true;
}

bool package_name_valid(struct str name)
{
	return made_of(name, ".-_", 128) && !memchr(name.p, 0, name.n);
}

bool package_version_valid(struct str version)
{
	return made_of(version, ".-_+", 64) && !memchr(version.p, 0, version.n);
}

bool spec_parse(struct str spec, struct str *ret_name, struct str *ret_version)
{
	struct str version = spec;
	char mark = str_find_char(spec, '#', 0) != STR_NONE ? '#' : '@';
	struct str name = str_split(&version, mark);
	if (!package_name_valid(name) || (version.p && !package_version_valid(version)))
		return false;
	*ret_name = name;
	*ret_version = version;
	return true;
}

enum package_release package_release(const struct package_manifest *m)
{
	enum package_release found = m->fhir_version_count ? PACKAGE_OTHER_RELEASE : PACKAGE_ANY_RELEASE;
	for (size_t i = 0; i < m->fhir_version_count; i++) {
		if (str_starts(m->fhir_versions[i], S("4.0")))
			return PACKAGE_R4;
		if (str_starts(m->fhir_versions[i], S("4.3")) || str_starts(m->fhir_versions[i], S("4.1")))
			found = PACKAGE_R4B;
	}
	return found;
}

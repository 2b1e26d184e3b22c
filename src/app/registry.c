/* See registry.h. */
#include "app/registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config_priv.h"
#include "base/file.h"

enum { REGISTRY_MAX = 4096, FILE_MAX = 64 << 10 };

static struct str directory_of(const struct config *c, struct arena *a)
{
	return arena_printf(a, "%.*s/ehrs", STR_ARG(c->data));
}

struct str registry_path(const struct config *c, struct arena *a, struct str name)
{
	return arena_printf(a, "%.*s/ehrs/%.*s.yaml", STR_ARG(c->data), STR_ARG(name));
}

bool registry_has(const struct config *c, const struct ehr_config *ehr)
{
	return ehr >= c->ehrs + c->ehr_listed && ehr < c->ehrs + c->ehr_count;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct names {
	struct str *items;
	size_t count, capacity;
};

static int by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool list_names(struct arena *a, struct str directory, struct names *names, struct error *err)
{
	DIR *d = opendir(directory.p);
	if (!d)
		return errno == ENOENT ||
		       error_set(err, ERR_IO, "%.*s cannot be read: %s", STR_ARG(directory), strerror(errno));
	bool ok = true;
	for (struct dirent *e = readdir(d); e && ok; e = readdir(d)) {
		struct str file = str_from(e->d_name);
		if (!str_ends(file, S(".yaml")) || file.p[0] == '.')
			continue;
		struct str *items =
			arena_grow(a, names->items, names->count, &names->capacity, names->count + 1, sizeof(*items));
		struct str name = arena_str(a, str_slice(file, 0, file.n - 5));
		ok = items && name.p
			     ? names->count < REGISTRY_MAX || error_set(err, ERR_LIMIT, "%.*s holds more than %d EHRs",
									STR_ARG(directory), REGISTRY_MAX)
			     : error_memory(err);
		if (!ok)
			break;
		names->items = items;
		names->items[names->count++] = name;
	}
	closedir(d);
	if (ok && names->count)
		qsort(names->items, names->count, sizeof(*names->items), by_name);
	return ok;
}

static bool load_one(struct config *c, struct arena *a, struct str name, struct error *err)
{
	struct str text, path = registry_path(c, a, name), was = c->directory;
	if (!path.p)
		return error_memory(err);
	for (size_t i = 0; i < c->ehr_listed; i++)
		if (str_eq(c->ehrs[i].name, name))
			return error_set(err, ERR_CONFIG, "EHR %.*s is in %.*s and in %.*s: one of them must go",
					 STR_ARG(name), STR_ARG(c->file), STR_ARG(path));
	if (!file_read(a, path, FILE_MAX, &text, err))
		return false;
	c->directory = directory_of(c, a); /* relative paths count from the file */
	bool ok = c->directory.p ? config_parse_ehr(c, a, text, path, err) : error_memory(err);
	c->directory = was;
	if (!ok)
		return false;
	if (!str_eq(c->ehrs[c->ehr_count - 1].name, name))
		return error_set(err, ERR_CONFIG, "%.*s is about an EHR named %.*s; the file must be named like it",
				 STR_ARG(path), STR_ARG(c->ehrs[c->ehr_count - 1].name));
	return true;
}

bool registry_load(struct config *c, struct arena *a, struct error *err)
{
	struct names names = {0};
	struct str directory = directory_of(c, a);
	c->ehr_listed = c->ehr_count;
	if (!directory.p)
		return error_memory(err);
	if (!list_names(a, directory, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (!load_one(c, a, names.items[i], err))
			return false;
	return config_ehr_environment(c, a, c->ehr_listed, err);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* A YAML text in double quotes. False: it holds what no value of ours does. */
static bool add_quoted(struct buf *out, struct str text)
{
	buf_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, text.p[i]);
	}
	buf_char(out, '"');
	return true;
}

static bool add_key(struct buf *out, const struct config_key *key, const struct ehr_config *ehr, struct error *err)
{
	const void *field = (const char *)ehr + key->offset;
	struct str text;
	int64_t number;
	switch (key->kind) {
	case CONFIG_VENDOR:
		buf_printf(out, "%s: %s\n", key->name, ehr_vendor_name(*(const enum ehr_vendor *)field));
		return true;
	case CONFIG_PORT:
	case CONFIG_COUNT:
	case CONFIG_TIME:
		memcpy(&number, field, sizeof(number));
		if (number)
			buf_printf(out, "%s: %lld%s\n", key->name, (long long)number,
				   key->kind == CONFIG_TIME ? " ms" : "");
		return true;
	default:
		memcpy(&text, field, sizeof(text));
		if (!text.n)
			return true;
		buf_printf(out, "%s: ", key->name);
		if (!add_quoted(out, text) || !str_is_utf8(text))
			return error_set(err, ERR_VALUE, "%s holds a character that cannot be kept", key->name);
		buf_char(out, '\n');
		return true;
	}
}

static bool make_directory(struct str path, struct error *err)
{
	return mkdir(path.p, 0700) == 0 || errno == EEXIST ||
	       error_set(err, ERR_IO, "%.*s cannot be made: %s", STR_ARG(path), strerror(errno));
}

bool registry_save(const struct config *c, struct arena *a, const struct ehr_config *ehr, struct error *err)
{
	const struct config_section *section = config_section_find(S("ehrs"));
	struct str data = arena_str(a, c->data), directory = directory_of(c, a);
	struct str path = registry_path(c, a, ehr->name);
	struct buf text;
	if (!data.p || !directory.p || !path.p)
		return error_memory(err);
	buf_init(&text, FILE_MAX);
	bool ok = true;
	for (size_t i = 0; i < section->key_count && ok; i++)
		ok = add_key(&text, &section->keys[i], ehr, err);
	if (ok && !buf_ok(&text))
		ok = error_set(err, ERR_LIMIT, "what is to be kept of EHR %.*s is longer than %d bytes",
			       STR_ARG(ehr->name), FILE_MAX);
	ok = ok && make_directory(data, err) && make_directory(directory, err) &&
	     file_write(path, buf_str(&text), 0600, err);
	buf_done(&text);
	return ok;
}

bool registry_remove(const struct config *c, struct arena *a, struct str name, struct error *err)
{
	struct str path = registry_path(c, a, name);
	if (!path.p)
		return error_memory(err);
	struct str calls = arena_printf(a, "%.*s/ehrs/%.*s.calls", STR_ARG(c->data), STR_ARG(name));
	if (str_find_char(name, '/', 0) == STR_NONE && unlink(path.p) == 0) {
		if (calls.p)
			unlink(calls.p); /* what was asked of it (ehr/budget.h) */
		return true;
	}
	return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "no EHR named '%.*s' is kept in %.*s/ehrs",
			 STR_ARG(str_slice(name, 0, 40)), STR_ARG(c->data));
}

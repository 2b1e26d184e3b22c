/*
 * JSON to XML to JSON, and XML to JSON to XML, over whole packages: what comes back must be what went in, decimals to
 * the digit, lists and members in order. XML has one order of elements, JSON any: where a source has its members in
 * another order than the definitions, or a list of extensions shorter than its list of values, it comes back in the
 * form of the specification, and such files are counted. An XML file beside a JSON file of the same name must read as
 * the same resource. Usage: roundtrip_suite FILE|DIRECTORY|PACKAGE.tgz. A line per failing case, then "N passed, N
 * failed".
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fhir/xml.h"
#include "gen/package.h"
#include "known.h"
#include "same.h"

enum { MAX_FILE = 512 << 20, MAX_PATH = 4096 };

static size_t passed, failed, reordered;
static struct known known;

enum sameness { SAME, SAME_BUT_FORM, DIFFERENT };

/* Where the first difference is, for the report. */
static char difference[512];

static enum sameness differ(struct str path, const char *what)
{
	snprintf(difference, sizeof(difference), "%.*s: %s", STR_ARG(path), what);
	return DIFFERENT;
}

/* Behind "&name;" or "&#number;" at the start of the text; 0 when there is none. */
static size_t end_of_entity(struct str s, bool number)
{
	size_t end = str_starts(s, number ? S("&#") : S("&")) ? str_find_char(s, ';', 0) : STR_NONE;
	return end == STR_NONE || end > 12 || (!number && s.n > 1 && s.p[1] == '#') ? 0 : end + 1;
}

/* XML has no name for most entities of HTML: &reg; becomes &#174;. */
static bool same_but_entities(struct str a, struct str b)
{
	while (a.n && b.n) {
		size_t x = 1, y = 1;
		if (*a.p == '&' && *b.p == '&' && end_of_entity(b, true) && end_of_entity(a, false)) {
			x = end_of_entity(a, false);
			y = end_of_entity(b, true);
		} else if (*a.p != *b.p) {
			return false;
		}
		a = str_slice(a, x, a.n);
		b = str_slice(b, y, b.n);
	}
	return a.n == b.n;
}

static enum sameness compare_texts(struct str a, struct str b, struct str path)
{
	if (str_eq(a, b))
		return SAME;
	return str_starts(a, S("<div")) && same_but_entities(a, b) ? SAME_BUT_FORM : differ(path, "another text");
}

static enum sameness compare(const struct json *a, const struct json *b, struct buf *path);

static enum sameness compare_objects(const struct json *a, const struct json *b, struct buf *path)
{
	enum sameness worst = SAME;
	struct json_iter ordered = json_iter(b);
	for (struct json_iter it = json_iter(a); json_next(&it);) {
		size_t n = path->n;
		buf_printf(path, ".%.*s", STR_ARG(it.key));
		const struct json *other = json_get(b, it.key);
		enum sameness same = other ? compare(it.value, other, path) : differ(buf_str(path), "missing");
		if (same == SAME && (!json_next(&ordered) || !str_eq(ordered.key, it.key)))
			same = SAME_BUT_FORM;
		path->n = n;
		worst = same > worst ? same : worst;
		if (same == DIFFERENT)
			break;
	}
	return worst;
}

static enum sameness compare_arrays(const struct json *a, const struct json *b, struct buf *path)
{
	enum sameness worst = SAME;
	struct json_iter ia = json_iter(a), ib = json_iter(b);
	for (size_t i = 0;; i++) {
		size_t n = path->n;
		bool more_a = json_next(&ia), more_b = json_next(&ib);
		if (!more_a && !more_b)
			return worst;
		buf_printf(path, "[%zu]", i);
		enum sameness same = SAME_BUT_FORM; /* null behind the end of a list of extensions */
		if (more_a && more_b)
			same = compare(ia.value, ib.value, path);
		else if (!json_is(more_a ? ia.value : ib.value, JSON_NULL))
			same = differ(buf_str(path), "another number of items");
		path->n = n;
		worst = same > worst ? same : worst;
	}
}

static enum sameness compare(const struct json *a, const struct json *b, struct buf *path)
{
	if (json_type(a) != json_type(b))
		return differ(buf_str(path), "another type");
	switch (json_type(a)) {
	case JSON_OBJECT:
		return json_size(a) == json_size(b) ? compare_objects(a, b, path)
						    : differ(buf_str(path), "another number of members");
	case JSON_ARRAY:
		return compare_arrays(a, b, path);
	case JSON_STRING:
		return compare_texts(json_str(a), json_str(b), buf_str(path));
	case JSON_NUMBER:
		return str_eq(json_number(a), json_number(b)) ? SAME : differ(buf_str(path), "another number");
	default:
		return json_bool(a) == json_bool(b) ? SAME : differ(buf_str(path), "another value");
	}
}

static enum sameness compare_documents(const struct json *a, const struct json *b)
{
	struct buf path;
	buf_init(&path, 1 << 20);
	enum sameness same = compare(a, b, &path);
	buf_done(&path);
	return same;
}

/* JSON to XML and back. */
static const struct json *round_trip(struct arena *a, const struct json *source, struct buf *xml, struct error *err)
{
	struct arena scratch;
	arena_init(&scratch, (size_t)2 << 30);
	buf_reset(xml);
	bool written = xml_write_resource(xml, &scratch, definitions_builtin(), source, err);
	arena_done(&scratch);
	if (!written)
		return NULL;
	if (!buf_ok(xml)) {
		error_memory(err);
		return NULL;
	}
	return xml_read_resource(a, definitions_builtin(), buf_str(xml), NULL, err);
}

static void count(const char *name, bool good, const char *reason)
{
	const char *slash = strrchr(name, '/');
	bool listed = known_has(&known, str_from(slash ? slash + 1 : name));
	if (listed && good)
		reason = "passes, and must leave the list of known failures";
	if (listed != good)
		passed++;
	else
		failed++;
	if (listed == good)
		printf("FAILED %s: %s\n", name, reason);
}

static void check_json(const char *name, struct str text)
{
	struct arena a;
	struct buf xml;
	struct error err = {0};
	arena_init(&a, (size_t)4 << 30);
	buf_init(&xml, MAX_FILE);
	const struct json *source = json_parse(&a, text, 0, &err), *back = NULL;
	if (source && !json_get(source, S("resourceType"))) {
		arena_done(&a); /* package.json, .index.json */
		buf_done(&xml);
		return;
	}
	if (source)
		back = round_trip(&a, source, &xml, &err);
	enum sameness same = back ? compare_documents(source, back) : DIFFERENT;
	if (same == SAME_BUT_FORM) {
		/* The order is the definitions' now, so a second trip must change nothing at all. */
		const struct json *again = round_trip(&a, back, &xml, &err);
		same = again ? compare_documents(back, again) : DIFFERENT;
		reordered += same == SAME;
	}
	count(name, same == SAME, err.code ? err.text : difference);
	buf_done(&xml);
	arena_done(&a);
}

static void check_twin(struct arena *a, const char *path, const struct json *read)
{
	char twin_path[MAX_PATH];
	struct str text;
	struct error err = {0};
	snprintf(twin_path, sizeof(twin_path), "%.*s.json", (int)(strlen(path) - 4), path);
	if (access(twin_path, R_OK) != 0 || !file_read(a, str_from(twin_path), MAX_FILE, &text, &err))
		return;
	const struct json *twin = json_parse(a, text, 0, &err);
	char name[MAX_PATH + 8];
	snprintf(name, sizeof(name), "%s (twin)", twin_path);
	count(name, twin && same_json(a, twin, read, true), err.code ? err.text : "differs from its XML twin");
}

static void check_xml(const char *path, struct str text)
{
	struct arena a;
	struct buf xml;
	struct error err = {0};
	arena_init(&a, (size_t)4 << 30);
	buf_init(&xml, MAX_FILE);
	const struct json *source = xml_read_resource(&a, definitions_builtin(), text, NULL, &err), *back = NULL;
	if (source)
		back = round_trip(&a, source, &xml, &err);
	if (back)
		check_twin(&a, path, source);
	count(path, back && compare_documents(source, back) == SAME, err.code ? err.text : difference);
	buf_done(&xml);
	arena_done(&a);
}

static bool check_file(const char *path, struct error *err)
{
	struct arena a;
	struct str text;
	arena_init(&a, MAX_FILE + (1 << 20));
	bool read = file_read(&a, str_from(path), MAX_FILE, &text, err);
	if (read && str_ends(str_from(path), S(".xml")))
		check_xml(path, text);
	else if (read)
		check_json(path, text);
	arena_done(&a);
	return read;
}

static bool check_packed(void *ctx, struct str name, struct str content, struct error *err)
{
	char shown[MAX_PATH];
	(void)ctx;
	(void)err;
	snprintf(shown, sizeof(shown), "%.*s", STR_ARG(name));
	if (str_ends(name, S(".json")))
		check_json(shown, content);
	return true;
}

static bool check_directory(const char *path, struct error *err)
{
	DIR *d = opendir(path);
	if (!d)
		return error_set(err, ERR_IO, "%s cannot be opened", path);
	bool good = true;
	for (struct dirent *e; good && (e = readdir(d));) {
		char name[MAX_PATH];
		struct str s = str_from(e->d_name);
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.' && (str_ends(s, S(".json")) || str_ends(s, S(".xml"))))
			good = check_file(name, err);
	}
	closedir(d);
	return good;
}

int main(int argc, char **argv)
{
	struct stat about;
	struct error err = {0};
	struct arena names;
	if (argc != 2 || stat(argv[1], &about) != 0) {
		fprintf(stderr, "usage: roundtrip_suite FILE|DIRECTORY|PACKAGE.tgz\n");
		return 2;
	}
	arena_init(&names, 1 << 20);
	bool read = known_read(&known, &names, "roundtrip", &err);
	if (read)
		read = S_ISDIR(about.st_mode)			? check_directory(argv[1], &err)
		       : str_ends(str_from(argv[1]), S(".tgz")) ? package_each(argv[1], check_packed, NULL, &err)
								: check_file(argv[1], &err);
	if (!read)
		fprintf(stderr, "%s\n", err.text);
	if (reordered)
		printf("%zu came back in the order and form of the specification, which are not those of the source\n",
		       reordered);
	printf("%zu passed, %zu failed\n", passed, failed);
	arena_done(&names);
	return !read || failed ? 1 : 0;
}

/* See sources.h. */
#include "server/bulk/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { MAX_SOURCES = 1000, MAX_URL = 4000 };

/* ---- which ------------------------------------------------------------------------------------------------------- */

static bool is_plain(struct str url)
{
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("\\\"<>^`{|}#@", c))
			return false;
	}
	return url.n <= MAX_URL && str_find(url, S("/../")) == STR_NONE && str_find(url, S("/./")) == STR_NONE &&
	       !str_ends(url, S("/..")) && str_find(url, S("%2e")) == STR_NONE && str_find(url, S("%2E")) == STR_NONE &&
	       str_find(url, S("%2f")) == STR_NONE && str_find(url, S("%2F")) == STR_NONE;
}

bool bulk_url_allowed(struct str allowed, struct str url)
{
	if (!is_plain(url) || !(str_starts(url, S("https://")) || str_starts(url, S("http://"))))
		return false;
	while (allowed.p) {
		struct str prefix = str_trim(str_split(&allowed, ' '));
		while (prefix.n && prefix.p[prefix.n - 1] == '/')
			prefix.n--;
		if (prefix.n && str_starts(url, prefix) && url.n > prefix.n && url.p[prefix.n] == '/')
			return true;
	}
	return false;
}

struct reading {
	const struct bulk_import *b;
	struct arena *arena;
	struct bulk_source *sources;
	size_t count, capacity;
	struct error *err;
};

static bool add(struct reading *r, struct bulk_source source)
{
	if (!source.url.p)
		return error_set(r->err, ERR_REQUIRED, "An input has no url");
	if (r->count == MAX_SOURCES)
		return error_set(r->err, ERR_LIMIT, "There are more than %d inputs", MAX_SOURCES);
	if (!r->b->allowed.n)
		return error_set(
			r->err, ERR_FORBIDDEN,
			"This server fetches nothing: server.import_from names no URL; upload the NDJSON instead");
	if (!bulk_url_allowed(r->b->allowed, source.url))
		return error_set(r->err, ERR_FORBIDDEN,
				 "The url of input %zu is not below one of the prefixes that server.import_from allows",
				 r->count + 1);
	struct bulk_source *sources =
		arena_grow(r->arena, r->sources, r->count, &r->capacity, r->count + 1, sizeof(*sources));
	if (!sources)
		return error_memory(r->err);
	r->sources = sources;
	sources[r->count++] = source;
	return true;
}

static bool check_format(struct reading *r, struct str format)
{
	if (!format.p || str_is(format, "application/fhir+ndjson") || str_is(format, "application/ndjson"))
		return true;
	return error_set(r->err, ERR_NOT_SUPPORTED, "inputFormat must be application/fhir+ndjson");
}

static struct str value_of(const struct json *parameter)
{
	static const char *const names[] = {"valueUri", "valueUrl", "valueString", "valueCode"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str text = json_get_str(parameter, str_from(names[i]));
		if (text.p)
			return text;
	}
	return STR_NULL;
}

static bool read_part(struct reading *r, const struct json *input)
{
	struct bulk_source source = {0};
	struct json_iter it = json_iter(json_get(input, S("part")));
	while (json_next(&it)) {
		struct str name = json_get_str(it.value, S("name"));
		if (str_is(name, "type"))
			source.type = value_of(it.value);
		else if (str_is(name, "url"))
			source.url = value_of(it.value);
		else
			return error_set(r->err, ERR_NOT_SUPPORTED, "An input has a part other than type and url");
	}
	return add(r, source);
}

static bool read_parameters(struct reading *r, const struct json *body)
{
	struct json_iter it = json_iter(json_get(body, S("parameter")));
	while (json_next(&it)) {
		struct str name = json_get_str(it.value, S("name"));
		bool known = str_is(name, "inputSource") || str_is(name, "mode") || str_is(name, "storageDetail");
		if (str_is(name, "input") ? !read_part(r, it.value)
		    : str_is(name, "inputFormat")
			    ? !check_format(r, value_of(it.value))
			    : !known && !error_set(r->err, ERR_NOT_SUPPORTED, "The parameter %.*s is not known",
						   STR_ARG(str_slice(name, 0, 64))))
			return false;
	}
	return true;
}

static bool read_plain(struct reading *r, const struct json *body)
{
	struct json_iter it = json_iter(json_get(body, S("input")));
	if (!check_format(r, json_get_str(body, S("inputFormat"))))
		return false;
	while (json_next(&it))
		if (!add(r, (struct bulk_source){json_get_str(it.value, S("type")), json_get_str(it.value, S("url"))}))
			return false;
	return true;
}

bool bulk_sources_read(const struct bulk_import *b, struct arena *a, const struct json *body,
		       struct bulk_source **ret_sources, size_t *ret_count, struct error *err)
{
	struct reading r = {.b = b, .arena = a, .err = err};
	struct str type = json_get_str(body, S("resourceType"));
	if (type.p && !str_is(type, "Parameters"))
		return error_set(err, ERR_STRUCTURE, "The body of $import is a Parameters resource, or NDJSON");
	if (!(type.p ? read_parameters(&r, body) : read_plain(&r, body)))
		return false;
	if (!r.count)
		return error_set(err, ERR_REQUIRED, "There is no input with a url");
	*ret_sources = r.sources;
	*ret_count = r.count;
	return true;
}

/* ---- fetching ---------------------------------------------------------------------------------------------------- */

int bulk_source_fetch(const struct bulk_import *b, struct http_client *client, struct arena *a,
		      const struct bulk_source *source, const struct http_file *into, struct error *err)
{
	struct http_answer answer;
	struct http_file file = *into;
	struct str spool = arena_str(a, b->spool);
	const struct http_header accept = {S("Accept"),
					   S("application/fhir+ndjson, application/ndjson;q=0.9, */*;q=0.1")};
	file.fd = spool.p ? file_nameless(spool.p) : -1;
	file.max = b->max_bytes;
	if (file.fd < 0) {
		error_set(err, ERR_STORE_FULL, "What is fetched cannot be kept: %s", strerror(errno));
		return -1;
	}
	const struct http_call call = {
		.method = S("GET"), .url = source->url, .headers = &accept, .header_count = 1, .into = &file};
	bool ok = http_call(client, a, &call, &answer, err);
	if (ok && answer.status >= 300 && answer.status < 400)
		ok = error_set(err, ERR_REMOTE, "it answered with a redirect (%d), which is not followed",
			       answer.status);
	else if (ok && answer.status != 200)
		ok = error_set(err, ERR_REMOTE, "it answered with status %d", answer.status);
	if (ok && lseek(file.fd, 0, SEEK_SET) == 0)
		return file.fd;
	close(file.fd);
	error_set(err, ERR_IO, "What was fetched cannot be read back");
	return -1;
}

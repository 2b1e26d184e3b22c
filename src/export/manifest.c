/* The manifest of an export: which files there are, of what type, and how many lines each should have. */
#include "export/export_priv.h"

static const struct {
	const char *name;
	enum export_list list;
} lists[] = {{"output", EXPORT_OUTPUT}, {"deleted", EXPORT_DELETED}, {"error", EXPORT_ERROR}};

/* A type becomes a part of a file's name. */
static bool is_name(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return false;
	}
	return text.n > 0 && text.n <= 60;
}

static bool add(struct run *r, enum export_list list, const struct json *item, struct map *by_type, struct error *err)
{
	struct str type = json_get_str(item, S("type")), url = json_get_str(item, S("url"));
	const struct json *count = json_get(item, S("count"));
	if (list == EXPORT_ERROR && !type.p)
		type = S("OperationOutcome");
	if (list == EXPORT_DELETED && !type.p)
		type = S("Bundle");
	if (!is_name(type) || !url.n)
		return error_set(err, ERR_REMOTE, "The manifest names a file without a type or a url");
	if (r->file_count == EXPORT_MAX_FILES)
		return error_set(err, ERR_LIMIT, "The manifest names more than %d files", EXPORT_MAX_FILES);
	struct export_file *files =
		arena_grow(r->a, r->files, r->file_count, &r->file_capacity, r->file_count + 1, sizeof(*files));
	if (!files)
		return error_memory(err);
	r->files = files;
	struct export_file *f = &files[r->file_count];
	*f = (struct export_file){.list = list, .type = type, .url = url, .promised = -1};
	int64_t promised;
	if (str_to_i64(json_number(count), &promised))
		f->promised = promised;
	f->number = (uint32_t)r->file_count++;
	uint64_t *of_type = map_put(by_type, arena_printf(r->a, "%d %.*s", (int)list, STR_ARG(type)), NULL);
	if (!of_type)
		return error_memory(err);
	f->of_type = (uint32_t)++ * of_type;
	return true;
}

/* The same files, in the same order: only where they are may have changed. */
static bool renew_one(struct run *r, size_t number, enum export_list list, const struct json *item, struct error *err)
{
	struct export_file *f = number < r->file_count ? &r->files[number] : NULL;
	struct str url = json_get_str(item, S("url")), type = json_get_str(item, S("type"));
	if (!f || f->list != list || (type.p && !str_eq(type, f->type)) || !url.n)
		return error_set(err, ERR_REMOTE, "The server's manifest names other files than before");
	f->url = url;
	return true;
}

bool manifest_take(struct run *r, struct str text, bool renew, struct error *err)
{
	struct error why = {0};
	struct map by_type;
	size_t number = 0;
	bool ok = true;
	const struct json *manifest = text.p ? json_parse(r->a, text, 0, &why) : NULL;
	if (!json_is(manifest, JSON_OBJECT) || !json_is(json_get(manifest, S("output")), JSON_ARRAY))
		return error_set(err, ERR_REMOTE, "The server's manifest is no JSON object with a list of files");
	if (json_is(json_get(manifest, S("link")), JSON_ARRAY) && json_size(json_get(manifest, S("link"))))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "The server's manifest goes on at a link, which is not followed");
	map_init(&by_type, EXPORT_MAX_FILES);
	for (size_t i = 0; ok && i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct json_iter it = json_iter(json_get(manifest, str_from(lists[i].name)));
		while (ok && json_next(&it))
			ok = renew ? renew_one(r, number++, lists[i].list, it.value, err)
				   : add(r, lists[i].list, it.value, &by_type, err);
	}
	map_done(&by_type);
	if (ok && renew && number != r->file_count)
		ok = error_set(err, ERR_REMOTE, "The server's manifest names other files than before");
	r->manifest = text;
	r->transaction_time = json_get_str(manifest, S("transactionTime"));
	r->guarded = json_bool(json_get(manifest, S("requiresAccessToken")));
	return ok;
}

/*
 * The configuration of the npm bulk-data-client (its options as it documents them), as a configuration of an EHR and
 * options of an export. Options that say how its own program works are named, so that nobody thinks they hold.
 */
#include "export/config_priv.h"

struct reading {
	struct arena *a;
	struct export_config *c;
	bool open; /* tokenUrl "none": a server without tokens */
	struct error *err;
};

static bool is_unset(const struct json *value)
{
	struct str text = json_str(value);
	return json_is(value, JSON_NULL) || (json_is(value, JSON_STRING) && !text.n) ||
	       (json_is(value, JSON_BOOL) && !json_bool(value)) || (json_is(value, JSON_OBJECT) && !json_size(value)) ||
	       (json_is(value, JSON_ARRAY) && !json_size(value));
}

/* A list, or a text with commas, as a text with commas. */
static struct str words(struct reading *r, const struct json *value)
{
	struct str all = json_str(value);
	for (struct json_iter it = json_iter(json_is(value, JSON_ARRAY) ? value : NULL); json_next(&it);) {
		struct str one = json_str(it.value);
		all = all.p ? arena_printf(r->a, "%.*s,%.*s", STR_ARG(all), STR_ARG(one)) : one;
	}
	return all;
}

static bool take_list(struct reading *r, struct str text, const struct str **ret_items, size_t *ret_count)
{
	size_t count = 1;
	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == ',';
	struct str *items = ARENA_ARRAY(r->a, struct str, count);
	if (!items)
		return error_memory(r->err);
	for (*ret_count = 0; text.n;)
		items[(*ret_count)++] = str_trim(str_split(&text, ','));
	*ret_items = items;
	return true;
}

static bool take_filters(struct reading *r, const struct json *value)
{
	struct export_options *o = &r->c->options;
	struct str *items = ARENA_ARRAY(r->a, struct str, json_size(value) + 1);
	if (!items)
		return error_memory(r->err);
	if (json_is(value, JSON_STRING))
		items[o->filter_count++] = json_str(value); /* several are the server's to part */
	for (struct json_iter it = json_iter(json_is(value, JSON_ARRAY) ? value : NULL); json_next(&it);)
		items[o->filter_count++] = json_str(it.value);
	o->filters = items;
	return true;
}

static bool take_key(struct reading *r, const struct json *value)
{
	struct buf out;
	if (json_is(value, JSON_STRING)) {
		r->c->ehr.key_text = json_str(value);
		return true;
	}
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, value);
	r->c->ehr.key_text = buf_ok(&out) ? arena_str(r->a, buf_str(&out)) : STR_NULL;
	if (out.p)
		explicit_bzero(out.p, out.n);
	buf_done(&out);
	return r->c->ehr.key_text.p || error_memory(r->err);
}

static bool take_text(struct reading *r, struct str key, const struct json *value, bool *ret_taken)
{
	struct export_config *c = r->c;
	const struct {
		const char *name;
		struct str *into;
	} texts[] = {{"fhirUrl", &c->ehr.base_url},	     {"tokenUrl", &c->ehr.token_url},
		     {"clientId", &c->ehr.client_id},	     {"scope", &c->ehr.scopes},
		     {"group", &c->options.group},	     {"_since", &c->options.since},
		     {"_type", &c->options.types},	     {"_elements", &c->options.elements},
		     {"destination", &c->options.directory}, {"includeAssociatedData", &c->options.associated}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!str_is(key, texts[i].name))
			continue;
		*texts[i].into = words(r, value);
		*ret_taken = true;
		return texts[i].into->p || error_set(r->err, ERR_CONFIG, "%s must be a text", texts[i].name);
	}
	return true;
}

static bool take_option(struct reading *r, struct str key, const struct json *value)
{
	struct export_options *o = &r->c->options;
	bool taken = false;
	if (is_unset(value))
		return true;
	if (!take_text(r, key, value, &taken))
		return false;
	if (taken)
		return true;
	if (str_is(key, "privateKey"))
		return take_key(r, value);
	if (str_is(key, "_typeFilter"))
		return take_filters(r, value);
	if (str_is(key, "patient"))
		return take_list(r, words(r, value), &o->patients, &o->patient_count);
	if (str_is(key, "global")) {
		o->scope = EXPORT_OF_SYSTEM;
	} else if (str_is(key, "lenient")) {
		o->lenient = true;
	} else if (str_is(key, "parallelDownloads")) {
		int64_t n = 0;
		if (!str_to_i64(json_number(value), &n) || n < 1)
			return error_set(r->err, ERR_CONFIG, "parallelDownloads must be a number from 1");
		o->parallel = n < EXPORT_MAX_PARALLEL ? (unsigned)n : EXPORT_MAX_PARALLEL;
	} else if (str_is(key, "_outputFormat") || str_is(key, "accessTokenLifetime") || str_is(key, "saveManifest") ||
		   str_is(key, "ndjsonValidateFHIRResourceType") || str_is(key, "ndjsonValidateFHIRResourceCount")) {
		return true; /* NDJSON, short-lived assertions and all checks are what there is */
	} else {
		r->c->ignored = r->c->ignored.n ? arena_printf(r->a, "%.*s, %.*s", STR_ARG(r->c->ignored), STR_ARG(key))
						: arena_str(r->a, key);
	}
	return true;
}

static bool settle(struct reading *r)
{
	struct export_config *c = r->c;
	c->ehr.name = S("config");
	if (!c->ehr.base_url.n)
		return error_set(r->err, ERR_CONFIG, "fhirUrl is missing");
	if (str_is(c->ehr.token_url, "none")) {
		c->ehr.token_url = STR_NULL;
		c->ehr.client_id = STR_NULL;
		c->ehr.key_text = STR_NULL;
	} else if (c->ehr.client_id.n && !c->ehr.key_text.n) {
		return error_set(r->err, ERR_CONFIG,
				 "clientId needs privateKey, a private JWK; tokenUrl \"none\" stands "
				 "for a server without tokens");
	}
	if (c->options.group.n)
		c->options.scope = EXPORT_OF_GROUP;
	else if (c->options.scope != EXPORT_OF_SYSTEM)
		c->options.scope = EXPORT_OF_PATIENTS;
	return true;
}

bool export_config_read(struct arena *a, struct str text, struct export_config *ret_config, struct error *err)
{
	struct reading r = {.a = a, .c = ret_config, .err = err};
	struct error why = {0};
	struct buf out;
	*ret_config = (struct export_config){0};
	ret_config->options.scope = EXPORT_OF_PATIENTS;
	const struct json *json = json_parse(a, text, 0, &why);
	if (!json) {
		buf_init(&out, 4 << 20);
		bool ok = config_js_to_json(text, &out, err);
		struct str copy = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
		if (out.p)
			explicit_bzero(out.p, out.n);
		buf_done(&out);
		json = copy.p ? json_parse(a, copy, 0, err) : NULL;
	}
	if (!json)
		return false;
	if (!json_is(json, JSON_OBJECT))
		return error_set(err, ERR_CONFIG, "The configuration is no object");
	for (struct json_iter it = json_iter(json); json_next(&it);)
		if (!take_option(&r, it.key, it.value))
			return false;
	return settle(&r);
}

/*
 * Reading firth.yaml with libyaml: the document is walked against the schema of config.c, and whatever does not fit is
 * an error that says where (line and column), what, and what would fit.
 */
#include "app/config_priv.h"
#include "app/site_file_priv.h"

struct reader {
	yaml_document_t *document;
	struct config *config;
	struct arena *arena;
	struct str file;
	struct error *err;
};

/* An error at a node: "firth.yaml:3:5: text". */
static bool complain(struct reader *r, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool complain(struct reader *r, const yaml_node_t *node, const char *format, ...)
{
	struct error err = {0};
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(r->arena, format, args);
	va_end(args);
	size_t line = node->start_mark.line + 1, column = node->start_mark.column + 1;
	error_set(&err, ERR_CONFIG, "%.*s:%zu:%zu: %.*s", STR_ARG(r->file), line, column, STR_ARG(text));
	err.line = line;
	err.column = column;
	if (r->err && r->err->code == ERR_NONE)
		*r->err = err;
	return false;
}

static yaml_node_t *node_at(struct reader *r, int id)
{
	return yaml_document_get_node(r->document, id);
}

static struct str scalar(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return STR_NULL;
	return str_make((const char *)node->data.scalar.value, node->data.scalar.length);
}

static const char *node_kind(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_SCALAR_NODE:
		return "a single value";
	case YAML_SEQUENCE_NODE:
		return "a list";
	case YAML_MAPPING_NODE:
		return "a mapping";
	default:
		return "nothing";
	}
}

static bool is_null(const yaml_node_t *node)
{
	struct str text = scalar(node);
	if (!text.p || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return text.n == 0 || str_is(text, "~") || str_is(text, "null");
}

/* A list of texts joined by spaces: scopes. */
static bool join_list(struct reader *r, const yaml_node_t *node, struct str *ret_text)
{
	struct str joined = STR_NULL;
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		yaml_node_t *item = node_at(r, *i);
		struct str text = scalar(item);
		if (!text.p || text.n == 0)
			return complain(r, item, "a scope must be a text, not %s", node_kind(item));
		joined = joined.p ? arena_printf(r->arena, "%.*s %.*s", STR_ARG(joined), STR_ARG(text)) : text;
		if (!joined.p)
			return error_memory(r->err);
	}
	if (!joined.p)
		return complain(r, node, "the list of scopes is empty");
	*ret_text = joined;
	return true;
}

static bool read_value(struct reader *r, const struct config_key *key, const yaml_node_t *node, void *item)
{
	struct str text = scalar(node);
	if (key->kind == CONFIG_SCOPES && node->type == YAML_SEQUENCE_NODE) {
		if (!join_list(r, node, &text))
			return false;
	} else if (!text.p || is_null(node)) {
		return complain(r, node, "'%s' is %s; expected %s", key->name,
				is_null(node) ? "empty" : node_kind(node), key->hint);
	}
	bool plain = node->type != YAML_SCALAR_NODE || node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (!plain && (key->kind == CONFIG_PORT || key->kind == CONFIG_SWITCH))
		return complain(r, node, "'%s' is a quoted text; expected %s, without quotes", key->name, key->hint);
	/* The document is freed after reading; values must outlive it. */
	struct str copy = arena_str(r->arena, text);
	if (!copy.p)
		return error_memory(r->err);
	struct error err = {0};
	if (!config_value(r->arena, r->config->directory, key, copy, item, &err))
		return complain(r, node, "'%s' %s; expected %s", key->name, err.text, key->hint);
	config_given(r->config, key);
	return true;
}

static bool unknown_key(struct reader *r, const yaml_node_t *node, struct str name, const char *where,
			const char *const *names, size_t count)
{
	const char *near = near_name(name, names, count);
	if (near)
		return complain(r, node, "unknown key '%.*s' in %s; did you mean '%s'?",
				STR_ARG(str_slice(name, 0, 60)), where, near);
	struct str list = STR_NULL;
	for (size_t i = 0; i < count; i++)
		list = list.p ? arena_printf(r->arena, "%.*s, %s", STR_ARG(list), names[i]) : str_from(names[i]);
	return complain(r, node, "unknown key '%.*s' in %s; known are %.*s", STR_ARG(str_slice(name, 0, 60)), where,
			STR_ARG(list));
}

/* Has the key of this pair occurred in an earlier pair of the mapping? */
static bool repeated(struct reader *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair)
{
	struct str name = scalar(node_at(r, pair->key));
	for (yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
		if (str_eq(scalar(node_at(r, p->key)), name))
			return true;
	}
	return false;
}

/* The name of a pair's key; complains about keys that are no text or occur twice. */
static bool key_name(struct reader *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair, struct str *ret_name)
{
	yaml_node_t *key = node_at(r, pair->key);
	*ret_name = scalar(key);
	if (!ret_name->p)
		return complain(r, key, "a key must be a text, not %s", node_kind(key));
	if (repeated(r, mapping, pair))
		return complain(r, key, "key '%.*s' is given twice", STR_ARG(str_slice(*ret_name, 0, 60)));
	return true;
}

static bool read_item(struct reader *r, const struct config_section *section, const yaml_node_t *node, void *item)
{
	enum { MAX = 32 };
	const char *names[MAX];
	bool seen[MAX] = {false};
	size_t count = 0;
	if (node->type != YAML_MAPPING_NODE)
		return complain(r, node, "%s %s is %s; expected keys and values",
				section->list ? "an entry of" : "section", section->name, node_kind(node));
	for (; count < section->key_count && count < MAX; count++)
		names[count] = section->keys[count].name;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		struct str name;
		if (!key_name(r, node, p, &name))
			return false;
		const struct config_key *key = config_key_find(section, name);
		if (!key)
			return unknown_key(r, node_at(r, p->key), name, section->name, names, count);
		seen[key - section->keys] = true;
		if (!read_value(r, key, node_at(r, p->value), item))
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (section->keys[i].required && !seen[i])
			return complain(r, node, "this entry of %s needs '%s': %s", section->name, names[i],
					section->keys[i].hint);
	}
	return true;
}

/* Names of a list must differ, since everything refers to them. */
static bool check_unique(struct reader *r, const struct config_section *section, const char *items, size_t last,
			 const yaml_node_t *node)
{
	size_t offset = config_key_find(section, str_from(section->id))->offset;
	const struct str *name = (const void *)(items + last * section->item_size + offset);
	for (size_t i = 0; i < last; i++) {
		if (str_eq(*(const struct str *)(const void *)(items + i * section->item_size + offset), *name))
			return complain(r, node, "two entries of %s have the %s '%.*s'", section->name, section->id,
					STR_ARG(*name));
	}
	return true;
}

static bool is_digest(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
			return false;
	return text.n == 64;
}

/* What goes together is said by the room of the clients; here what a file can get wrong. */
static bool check_client(struct reader *r, const struct config_client *config, const yaml_node_t *node)
{
	const struct smart_client *c = &config->client;
	if (config->jwks_file.p && c->jwks_url.p)
		return complain(r, node, "client '%.*s' has jwks_file and jwks_url; one of them is enough",
				STR_ARG(c->client_id));
	if (!config->jwks_file.p && !c->jwks_url.p && !c->secret_sha256.p && !c->redirect_uris.p)
		return complain(r, node,
				"client '%.*s' needs jwks_file, jwks_url or secret_sha256, or for a public app "
				"redirect_uris",
				STR_ARG(c->client_id));
	if (c->secret_sha256.p && !is_digest(c->secret_sha256))
		return complain(r, node, "secret_sha256 of client '%.*s' is not 64 hexadecimal digits in lower case",
				STR_ARG(c->client_id));
	return true;
}

static bool read_list(struct reader *r, const struct config_section *section, const yaml_node_t *node)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return complain(r, node, "section %s is %s; expected a list (- %s: ...)", section->name,
				node_kind(node), section->id);
	size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	char *items = arena_calloc(r->arena, count + 1, section->item_size);
	if (!items)
		return error_memory(r->err);
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *entry = node_at(r, node->data.sequence.items.start[i]);
		void *item = items + i * section->item_size;
		if (!read_item(r, section, entry, item) || !check_unique(r, section, items, i, entry))
			return false;
		if (str_is(str_from(section->name), "clients") && !check_client(r, item, entry))
			return false;
	}
	char *base = (char *)r->config;
	memcpy(base + section->items_offset, &items, sizeof(items));
	memcpy(base + section->count_offset, &count, sizeof(count));
	return true;
}

/* validation: types and what they must conform to, a text or a list of texts. */
static bool read_rules(struct reader *r, const yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE)
		return complain(r, node, "section validation is %s; expected types and their rules", node_kind(node));
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		struct str type, text;
		struct error err = {0};
		yaml_node_t *value = node_at(r, p->value);
		if (!key_name(r, node, p, &type))
			return false;
		text = scalar(value);
		if (value->type == YAML_SEQUENCE_NODE && !join_list(r, value, &text))
			return false;
		/* The document is freed after reading; rules must outlive it. */
		type = arena_str(r->arena, type);
		text = text.p ? arena_str(r->arena, text) : S("");
		if (!config_rule(r->config, r->arena, type, text, &err))
			return complain(r, value, "validation of %.*s: %s", STR_ARG(str_slice(type, 0, 60)), err.text);
	}
	return true;
}

static bool read_document(struct reader *r)
{
	const char *names[24];
	size_t count = 0;
	yaml_node_t *root = yaml_document_get_root_node(r->document);
	if (!root || is_null(root))
		return true; /* an empty file says nothing, which is allowed */
	if (root->type != YAML_MAPPING_NODE)
		return complain(r, root,
				"the file is %s; expected sections such as server: and ehrs:", node_kind(root));
	for (; count < config_section_count; count++)
		names[count] = config_sections[count].name;
	names[count] = "validation";
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		struct str name;
		if (!key_name(r, root, p, &name))
			return false;
		const struct config_section *section = NULL;
		for (size_t i = 0; i < count; i++) {
			if (str_is(name, names[i]))
				section = &config_sections[i];
		}
		yaml_node_t *value = node_at(r, p->value);
		bool rules = str_is(name, "validation");
		if (!section && !rules)
			return unknown_key(r, node_at(r, p->key), name, "the file", names, count + 1);
		if (is_null(value))
			continue;
		if (rules && !read_rules(r, value))
			return false;
		if (rules)
			continue;
		if (section->list ? !read_list(r, section, value) : !read_item(r, section, value, r->config))
			return false;
	}
	return true;
}

/* A file of the registry: one mapping, an entry of `ehrs:` by itself. It is added to those that are there. */
static bool read_ehr(struct reader *r)
{
	struct config *c = r->config;
	const struct config_section *section = config_section_find(S("ehrs"));
	yaml_node_t *root = yaml_document_get_root_node(r->document);
	if (!root || root->type != YAML_MAPPING_NODE)
		return error_set(r->err, ERR_CONFIG, "%.*s holds no keys and values of an EHR", STR_ARG(r->file));
	struct ehr_config *items =
		arena_grow(r->arena, c->ehrs, c->ehr_count, &c->ehr_capacity, c->ehr_count + 1, sizeof(*items));
	if (!items)
		return error_memory(r->err);
	c->ehrs = items;
	items[c->ehr_count] = (struct ehr_config){0};
	if (!read_item(r, section, root, &items[c->ehr_count]) ||
	    !check_unique(r, section, (const char *)items, c->ehr_count, root))
		return false;
	c->ehr_count++;
	return true;
}

/* What a document is given to. */
struct parse {
	struct reader *reader;
	bool (*read)(struct reader *r);
};

static bool take(void *ctx, yaml_document_t *document)
{
	const struct parse *p = ctx;
	p->reader->document = document;
	return p->read(p->reader);
}

static bool parse(struct reader *r, struct str text, bool (*read)(struct reader *r))
{
	struct parse p = {r, read};
	return yaml_each_document(text, r->file, take, &p, r->err);
}

bool config_parse(struct config *c, struct arena *a, struct str text, struct str file, struct error *err)
{
	struct reader r = {.config = c, .arena = a, .file = file, .err = err};
	if (!parse(&r, text, read_document))
		return false;
	c->file = file;
	return true;
}

bool config_parse_ehr(struct config *c, struct arena *a, struct str text, struct str file, struct error *err)
{
	struct reader r = {.config = c, .arena = a, .file = file, .err = err};
	return parse(&r, text, read_ehr);
}

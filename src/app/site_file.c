/* YAML as JSON; see site_file.h. The JSON is written and then parsed, so that one reader of JSON says what is valid. */
#include "app/site_file.h"

#include "app/site_file_priv.h"

enum { DEPTH_MAX = 40, JSON_MAX = 64 << 20 };

/* ---- one document --------------------------------------------------------------------------------------------------
 */

static bool fail_at(struct error *err, struct str file, const yaml_mark_t *mark, const char *text)
{
	struct error mine = {.line = mark->line + 1, .column = mark->column + 1};
	error_set(&mine, ERR_CONFIG, "%.*s:%zu:%zu: %s", STR_ARG(file), mine.line, mine.column, text);
	if (err && err->code == ERR_NONE)
		*err = mine;
	return false;
}

static bool syntax_error(const yaml_parser_t *parser, struct str file, struct error *err)
{
	char text[160];
	snprintf(text, sizeof(text), "this is not valid YAML: %s", parser->problem ? parser->problem : "unreadable");
	return fail_at(err, file, &parser->problem_mark, text);
}

/* Anything after the first document would be ignored; that is refused. */
static bool read_end(yaml_parser_t *parser, struct str file, struct error *err)
{
	yaml_document_t second;
	if (!yaml_parser_load(parser, &second))
		return syntax_error(parser, file, err);
	yaml_node_t *root = yaml_document_get_root_node(&second);
	bool ok =
		!root || fail_at(err, file, &root->start_mark, "a second document starts here; a file is one document");
	yaml_document_delete(&second);
	return ok;
}

bool yaml_each_document(struct str text, struct str file, bool (*take)(void *ctx, yaml_document_t *document), void *ctx,
			struct error *err)
{
	yaml_parser_t parser;
	yaml_document_t document;
	if (!yaml_parser_initialize(&parser))
		return error_memory(err);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	bool ok = yaml_parser_load(&parser, &document);
	if (!ok) {
		syntax_error(&parser, file, err);
	} else {
		ok = take(ctx, &document) && (!yaml_document_get_root_node(&document) || read_end(&parser, file, err));
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return ok;
}

/* ---- values ---------------------------------------------------------------------------------------------------------
 */

struct writer {
	yaml_document_t *document;
	struct json_writer json;
	struct arena *arena;
	struct str file;
	bool *written; /* of each node: one that is met again was named by an alias */
	struct error *err;
};

static struct str scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE
		       ? str_make((const char *)node->data.scalar.value, node->data.scalar.length)
		       : STR_NULL;
}

/* A number of JSON's form; others, such as 010 and 0x1F, stay texts. */
static bool is_number(struct str s)
{
	size_t i = 0, digits, start;
	i += i < s.n && s.p[i] == '-';
	for (start = i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
		i++;
	if (i == start || (s.p[start] == '0' && i > start + 1))
		return false;
	if (i < s.n && s.p[i] == '.') {
		for (digits = ++i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
		if (i == digits)
			return false;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		for (digits = i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
		if (i == digits)
			return false;
	}
	return i == s.n;
}

static void put_scalar(struct writer *w, const yaml_node_t *node)
{
	struct str text = scalar(node);
	bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (plain && (!text.n || str_is(text, "~") || str_is(text, "null")))
		json_put_raw(&w->json, S("null"));
	else if (plain && (str_is(text, "true") || str_is(text, "false")))
		json_put_bool(&w->json, str_is(text, "true"));
	else if (plain && is_number(text))
		json_put_raw(&w->json, text);
	else
		json_put_str(&w->json, text);
}

static bool put_node(struct writer *w, int id, unsigned depth);

static bool put_pair(struct writer *w, const yaml_node_t *mapping, const yaml_node_pair_t *pair, unsigned depth)
{
	const yaml_node_t *key = yaml_document_get_node(w->document, pair->key);
	struct str name = scalar(key);
	if (!name.p)
		return fail_at(w->err, w->file, &key->start_mark, "a key must be a text");
	if (str_is(name, "<<"))
		return fail_at(w->err, w->file, &key->start_mark, "merged keys are not supported");
	for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++)
		if (str_eq(scalar(yaml_document_get_node(w->document, p->key)), name))
			return fail_at(w->err, w->file, &key->start_mark, "this key is given twice");
	json_key(&w->json, name);
	return put_node(w, pair->value, depth);
}

static bool put_mapping(struct writer *w, const yaml_node_t *node, unsigned depth)
{
	json_object_begin(&w->json);
	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
		if (!put_pair(w, node, p, depth))
			return false;
	json_object_end(&w->json);
	return true;
}

static bool put_sequence(struct writer *w, const yaml_node_t *node, unsigned depth)
{
	json_array_begin(&w->json);
	for (const yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
		if (!put_node(w, *i, depth))
			return false;
	json_array_end(&w->json);
	return true;
}

static bool put_node(struct writer *w, int id, unsigned depth)
{
	const yaml_node_t *node = yaml_document_get_node(w->document, id);
	if (w->written[id])
		return fail_at(w->err, w->file, &node->start_mark, "aliases (*name) are not supported");
	w->written[id] = true;
	if (depth > DEPTH_MAX)
		return fail_at(w->err, w->file, &node->start_mark, "this is nested too deeply");
	if (node->type == YAML_MAPPING_NODE)
		return put_mapping(w, node, depth + 1);
	if (node->type == YAML_SEQUENCE_NODE)
		return put_sequence(w, node, depth + 1);
	put_scalar(w, node);
	return true;
}

static bool take_document(void *ctx, yaml_document_t *document)
{
	struct writer *w = ctx;
	const yaml_node_t *root = yaml_document_get_root_node(document);
	const yaml_mark_t start = {0};
	w->document = document;
	if (!root || root->type == YAML_SCALAR_NODE)
		return fail_at(w->err, w->file, root ? &root->start_mark : &start, "the file has no names and values");
	w->written = ARENA_ARRAY(w->arena, bool, (size_t)(document->nodes.top - document->nodes.start) + 1);
	return w->written ? put_node(w, 1, 0) : error_memory(w->err);
}

static bool is_json(struct str text)
{
	struct str trimmed = str_trim(text);
	return str_starts(trimmed, S("{")) || str_starts(trimmed, S("["));
}

static const struct json *parse_json(struct arena *a, struct str text, struct str file, struct error *err)
{
	struct error why = {0};
	const struct json *document = json_parse(a, text, 0, &why);
	if (document)
		return document;
	struct error mine = {.line = why.line, .column = why.column};
	error_set(&mine, why.code, "%.*s:%zu:%zu: %s", STR_ARG(file), why.line, why.column, why.text);
	if (err && err->code == ERR_NONE)
		*err = mine;
	return NULL;
}

const struct json *site_file_read(struct arena *a, struct str text, struct str file, struct error *err)
{
	struct buf out;
	const struct json *document = NULL;
	if (is_json(text))
		return parse_json(a, text, file, err);
	buf_init(&out, JSON_MAX);
	struct writer w = {.json = json_writer(&out), .arena = a, .file = file, .err = err};
	if (yaml_each_document(text, file, take_document, &w, err)) {
		if (buf_ok(&out))
			document = parse_json(a, buf_str(&out), file, err);
		else
			error_set(err, ERR_TOO_LARGE, "%.*s is too large", STR_ARG(file));
	}
	buf_done(&out);
	return document;
}

/* ---- places ---------------------------------------------------------------------------------------------------------
 */

struct search {
	const struct json_step *steps;
	size_t count, line, column;
};

/* The value under a name; its key's place is what people look for. */
static int member(yaml_document_t *document, const yaml_node_t *node, struct str name, struct search *s)
{
	if (node->type != YAML_MAPPING_NODE)
		return 0;
	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(document, p->key);
		if (!str_eq(scalar(key), name))
			continue;
		s->line = key->start_mark.line + 1;
		s->column = key->start_mark.column + 1;
		return p->value;
	}
	return 0;
}

static int item(yaml_document_t *document, const yaml_node_t *node, size_t index, struct search *s)
{
	if (node->type != YAML_SEQUENCE_NODE ||
	    index >= (size_t)(node->data.sequence.items.top - node->data.sequence.items.start))
		return 0;
	int id = node->data.sequence.items.start[index];
	const yaml_node_t *found = yaml_document_get_node(document, id);
	s->line = found->start_mark.line + 1;
	s->column = found->start_mark.column + 1;
	return id;
}

static bool search_document(void *ctx, yaml_document_t *document)
{
	struct search *s = ctx;
	int id = yaml_document_get_root_node(document) ? 1 : 0;
	s->line = s->column = 1;
	for (size_t i = 0; id && i < s->count; i++) {
		if (s->steps[i].name.p)
			id = member(document, yaml_document_get_node(document, id), s->steps[i].name, s);
		if (id && s->steps[i].index != JSON_NO_INDEX)
			id = item(document, yaml_document_get_node(document, id), s->steps[i].index, s);
	}
	return true;
}

bool site_file_locate(struct arena *a, struct str text, struct str path, size_t *ret_line, size_t *ret_column)
{
	struct json_step steps[64];
	struct error why = {0};
	struct search s = {.steps = steps};
	if (!json_path_parse(a, path, steps, 64, &s.count))
		return false;
	if (is_json(text)) {
		json_locate(text, steps, s.count, ret_line, ret_column);
		return true;
	}
	if (!yaml_each_document(text, S(""), search_document, &s, &why))
		return false;
	*ret_line = s.line;
	*ret_column = s.column;
	return true;
}

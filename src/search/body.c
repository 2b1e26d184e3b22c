/*
 * Criteria that index rows cannot decide: texts beside codes, the narrative, all strings of a resource. Texts are
 * compared folded; a value is met where it stands at the beginning of a word.
 */
#include "search/search_priv.h"

struct reading {
	struct arena *arena;
	const struct criterion *criterion; /* NULL: each text is given to word instead */
	search_word *word;
	void *ctx;
	bool meets;
	struct error *err;
};

static bool give_words(struct reading *r, struct str folded)
{
	for (struct str rest = folded; rest.p && rest.n;) {
		struct search_word w = search_word_key(str_split(&rest, ' '), false);
		if (w.key.n && !r->word(r->ctx, &w, r->err))
			return false;
	}
	return true;
}

/* Does a text have one of the criterion's values at the start of a word? */
static bool read_text(struct reading *r, struct str text)
{
	struct str folded = text.n && !r->meets ? str_fold(r->arena, text) : S("");
	if (!folded.p)
		return error_memory(r->err);
	if (!r->criterion)
		return give_words(r, folded);
	for (size_t i = 0; i < r->criterion->value_count && !r->meets; i++) {
		struct str value = r->criterion->values[i].code;
		for (size_t at = 0; at + value.n <= folded.n && !r->meets; at++)
			r->meets = (at == 0 || folded.p[at - 1] == ' ') && memcmp(folded.p + at, value.p, value.n) == 0;
	}
	return true;
}

/* ---- narrative ------------------------------------------------------------------------------------------------- */

static void put_code_point(struct buf *out, uint32_t c)
{
	char bytes[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (n == 1)
		bytes[0] = (char)c;
	else {
		for (size_t i = n - 1; i > 0; i--, c >>= 6)
			bytes[i] = (char)(0x80 | (c & 0x3f));
		bytes[0] = (char)(((0xf00 >> n) & 0xff) | c);
	}
	buf_add(out, str_make(bytes, n));
}

/* "&#233;" is a letter; the others that XHTML knows without a list of names are punctuation. */
static void put_entity(struct buf *out, struct str name)
{
	uint64_t c = 0;
	bool hex = name.n > 2 && name.p[0] == '#' && (name.p[1] == 'x' || name.p[1] == 'X');
	for (size_t i = hex ? 2 : 1; name.n && name.p[0] == '#' && i < name.n && c < 0x110000; i++) {
		char digit = name.p[i];
		unsigned v =
			digit >= '0' && digit <= '9' ? (unsigned)(digit - '0') : (unsigned)((digit | 32) - 'a' + 10);
		c = c * (hex ? 16 : 10) + v;
	}
	if (c > 0 && c < 0x110000 && !(c >= 0xd800 && c < 0xe000))
		put_code_point(out, (uint32_t)c);
	else
		buf_char(out, ' ');
}

/* The text of XHTML: tags are gaps between words. */
static bool read_narrative(struct reading *r, struct str div)
{
	struct buf out;
	buf_init(&out, div.n + 16);
	for (size_t i = 0; i < div.n; i++) {
		char c = div.p[i];
		size_t end = c == '<' ? str_find_char(div, '>', i) : c == '&' ? str_find_char(div, ';', i) : STR_NONE;
		if (end == STR_NONE) {
			buf_char(&out, c);
			continue;
		}
		if (c == '<')
			buf_char(&out, ' ');
		else
			put_entity(&out, str_slice(div, i + 1, end));
		i = end;
	}
	struct str text = buf_ok(&out) ? arena_str(r->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text.p ? read_text(r, text) : error_memory(r->err);
}

/* ---- all strings ----------------------------------------------------------------------------------------------- */

static bool read_strings(struct reading *r, const struct json *value)
{
	if (json_is(value, JSON_STRING))
		return read_text(r, json_str(value));
	if (!json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY))
		return true;
	for (struct json_iter it = json_iter(value); !r->meets && json_next(&it);) {
		bool ok = true;
		if (json_is(value, JSON_OBJECT) && str_is(it.key, "div"))
			ok = read_narrative(r, json_str(it.value));
		else if (!json_is(value, JSON_OBJECT) || !str_is(it.key, "resourceType"))
			ok = read_strings(r, it.value);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static bool has_digit(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= '0' && text.p[i] <= '9')
			return true;
	return false;
}

struct search_word search_word_key(struct str word, bool begun)
{
	/* Ids, hashes and instants are as many as resources: a few characters of each are enough. */
	bool number = word.n > SEARCH_NUMBER_KEY && has_digit(str_slice(word, 0, SEARCH_NUMBER_KEY));
	size_t most = number ? SEARCH_NUMBER_KEY : SEARCH_WORD_KEY;
	if (word.n <= most)
		return (struct search_word){word, begun && word.n < SEARCH_WORD_KEY};
	return (struct search_word){str_slice(word, 0, most), false};
}

bool search_words_of(struct arena *a, const struct json *resource, search_word *word, void *ctx, struct error *err)
{
	struct reading r = {.arena = a, .word = word, .ctx = ctx, .err = err};
	return read_strings(&r, resource);
}

/* ---- :text ----------------------------------------------------------------------------------------------------- */

static bool read_concept(struct reading *r, const struct json *concept)
{
	if (!read_text(r, json_get_str(concept, S("text"))))
		return false;
	for (struct json_iter it = json_iter(json_get(concept, S("coding"))); json_next(&it);)
		if (!read_text(r, json_get_str(it.value, S("display"))))
			return false;
	return true;
}

static bool read_item(struct reading *r, const struct path_item *item)
{
	if (item->kind != PATH_ELEMENT || !item->value)
		return true;
	switch (value_class_of(item->type)) {
	case VALUE_CONCEPT:
		return read_concept(r, item->value);
	case VALUE_CODING:
		return read_text(r, json_get_str(item->value, S("display")));
	case VALUE_IDENTIFIER:
		return read_concept(r, json_get(item->value, S("type")));
	default:
		return true;
	}
}

static bool read_param(struct reading *r, const struct extractor *x, const struct search_resource *resource)
{
	const struct definitions *d = extractor_definitions(x);
	const struct path_program *program =
		extractor_program(x, r->arena, resource->type, r->criterion->param, r->err);
	struct path_context context = {.resource = resource->body};
	struct path_item focus = path_item_resource(d, resource->body);
	struct path_items found;
	if (!program || !path_eval(program, r->arena, &context, &focus, &found, r->err))
		return false;
	for (size_t i = 0; i < found.count && !r->meets; i++)
		if (!read_item(r, &found.items[i]))
			return false;
	return true;
}

/* ---- trees ----------------------------------------------------------------------------------------------------- */

static bool leaf_meets(const struct extractor *x, struct arena *a, const struct criterion *c,
		       const struct search_resource *resource, bool *ret_meets, struct error *err)
{
	struct reading r = {.arena = a, .criterion = c, .err = err};
	bool ok = true;
	if (!resource->body)
		ok = true;
	else if (c->kind == CRITERION_NARRATIVE)
		ok = read_narrative(&r, json_get_str(json_get(resource->body, S("text")), S("div")));
	else if (c->kind == CRITERION_CONTENT)
		ok = read_strings(&r, resource->body);
	else
		ok = read_param(&r, x, resource);
	*ret_meets = r.meets;
	return ok;
}

/* Does a resource that a CHAIN or HAS leads to meet one of the inner parts? */
static bool inner_meets(const struct extractor *x, struct arena *a, const struct criterion *c,
			const struct search_resource *other, const struct search_world *world, bool *ret_meets,
			struct error *err)
{
	bool visible;
	*ret_meets = false;
	if (!search_access_meets(x, a, world->access, other, world, &visible, err))
		return false;
	for (size_t i = 0; visible && i < c->inner_count && !*ret_meets; i++) {
		const struct search_part *part = &c->inner[i];
		bool meets = part->type == other->type;
		for (size_t k = 0; k < part->criterion_count && meets; k++)
			if (!search_body_meets(x, a, &part->criteria[k], other, world, &meets, err))
				return false;
		*ret_meets = meets;
	}
	return true;
}

static bool linked_meets(const struct extractor *x, struct arena *a, const struct criterion *c,
			 const struct search_resource *resource, const struct search_world *world, bool *ret_meets,
			 struct error *err)
{
	*ret_meets = false;
	for (size_t i = 0; world && i < world->count && !*ret_meets; i++)
		if (criterion_links(c, resource, &world->resources[i]) &&
		    !inner_meets(x, a, c, &world->resources[i], world, ret_meets, err))
			return false;
	return true;
}

bool search_body_meets(const struct extractor *x, struct arena *a, const struct criterion *c,
		       const struct search_resource *resource, const struct search_world *world, bool *ret_meets,
		       struct error *err)
{
	switch (c->kind) {
	case CRITERION_CHAIN:
	case CRITERION_HAS:
		return linked_meets(x, a, c, resource, world, ret_meets, err);
	case CRITERION_NARRATIVE:
	case CRITERION_CONTENT:
		return leaf_meets(x, a, c, resource, ret_meets, err);
	case CRITERION_PARAM:
		if (c->modifier == MOD_TEXT)
			return leaf_meets(x, a, c, resource, ret_meets, err);
		break;
	case CRITERION_AND:
	case CRITERION_OR:
	case CRITERION_NOT:
		*ret_meets = c->kind != CRITERION_OR;
		for (size_t i = 0; i < c->child_count && *ret_meets == (c->kind != CRITERION_OR); i++)
			if (!search_body_meets(x, a, &c->children[i], resource, world, ret_meets, err))
				return false;
		*ret_meets = *ret_meets != (c->kind == CRITERION_NOT);
		return true;
	default:
		break;
	}
	*ret_meets = criterion_holds(c, resource, world);
	return true;
}

bool search_access_meets(const struct extractor *x, struct arena *a, const struct search_access *access,
			 const struct search_resource *resource, const struct search_world *world, bool *ret_meets,
			 struct error *err)
{
	const struct criterion *c = search_access_of(access, resource->type, SIGHT_SEARCHED);
	struct search_world all = {.resources = world ? world->resources : NULL, .count = world ? world->count : 0};
	*ret_meets = true;
	return !c || search_body_meets(x, a, c, resource, &all, ret_meets, err);
}

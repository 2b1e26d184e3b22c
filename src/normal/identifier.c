/* Identifiers: canonical systems, a type where the system or the label tells the kind, and an order of importance. So
 * does the order of names. */
#include "normal/normal_priv.h"

enum { RANK_PLAIN = 5, RANK_ENDED = 10 };

static const struct identifier_kind *kind_by_codeset(const struct walk *k, const struct json *type)
{
	struct json_iter it = json_iter(json_get(type, S("coding")));
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system"));
		size_t at = str_find(system, S("/codeSet/"));
		char name[64];
		struct str set = at == STR_NONE ? STR_NULL : str_slice(system, at + 9, system.n);
		struct str code = json_get_str(it.value, S("code"));
		if (!set.n || !code.n || set.n + code.n + 1 > sizeof(name))
			continue;
		memcpy(name, set.p, set.n);
		name[set.n] = '/';
		memcpy(name + set.n + 1, code.p, code.n);
		const struct identifier_kind *kind =
			normal_find(&k->n->kinds, "codeset", str_make(name, set.n + code.n + 1), STR_NULL);
		if (kind)
			return kind;
	}
	return NULL;
}

static const struct identifier_kind *kind_of(const struct walk *k, const struct json *identifier)
{
	struct str system = str_trim(json_get_str(identifier, S("system")));
	const struct system_spelling *spelling = normal_system(k->n, system);
	const struct identifier_kind *kind = NULL;
	struct str suffix = normal_epic_suffix(system);
	if (system.n)
		kind = normal_find(&k->n->kinds, "system", spelling ? spelling->known->name : system, STR_NULL);
	if (!kind && suffix.n)
		kind = normal_find(&k->n->kinds, "oid", suffix, STR_NULL);
	const struct json *type = json_get(identifier, S("type"));
	if (!kind && type)
		kind = kind_by_codeset(k, type);
	struct str label = json_get_str(type, S("text"));
	if (!kind && label.n && k->options->vendor == NORMAL_EPIC)
		kind = normal_find(&k->n->kinds, "text", label, STR_NULL);
	return kind;
}

static bool has_ended(const struct json *j)
{
	return str_is(json_get_str(j, S("use")), "old") || json_get(json_get(j, S("period")), S("end"));
}

int walk_identifier_rank(const struct walk *k, const struct json *identifier)
{
	const struct identifier_kind *kind = kind_of(k, identifier);
	int rank = kind ? kind->rank : RANK_PLAIN;
	struct json_iter it = json_iter(json_get(json_get(identifier, S("type")), S("coding")));
	while (!kind && json_next(&it))
		if (str_is(json_get_str(it.value, S("system")), NORMAL_V2_ID) &&
		    str_is(json_get_str(it.value, S("code")), "MR"))
			rank = 1;
	return rank + (has_ended(identifier) ? RANK_ENDED : 0);
}

int walk_name_rank(const struct json *name)
{
	struct str use = str_trim(json_get_str(name, S("use")));
	int rank = str_is(use, "official") ? 0 : str_is(use, "usual") ? 1 : str_is(use, "maiden") ? 4 : 2;
	return rank + (has_ended(name) ? RANK_ENDED : 0);
}

/* A reference names a resource; the type of its identifier is told there. */
static bool in_reference(const struct spot *at)
{
	return at->parent && at->parent->element && at->parent->element->type_count &&
	       str_is(at->parent->element->types[0].type->name, "Reference");
}

void walk_identifier(struct walk *k, const struct json *j, const struct spot *at)
{
	const struct identifier_kind *kind = kind_of(k, j);
	const struct vendor_code *type = kind && kind->type.code.n && !in_reference(at) ? &kind->type : NULL;
	const struct system_spelling *spelling = normal_system(k->n, str_trim(json_get_str(j, S("system"))));
	if (type && !json_get(j, S("type")))
		walk_note(k, NORMAL_ID_KIND, at, "type", STR_NULL, kind->kind, type->source);
	json_object_begin(&k->w);
	if (type && !json_get(j, S("type"))) {
		const struct spot here = {.parent = at, .name = S("type"), .index = JSON_NO_INDEX};
		json_key(&k->w, S("type"));
		walk_concept(k, NULL, type, &here);
	}
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		if (type && str_is(it.key, "type") && json_is(it.value, JSON_OBJECT)) {
			const struct spot here = {.parent = at, .name = S("type"), .index = JSON_NO_INDEX};
			json_key(&k->w, it.key);
			walk_concept(k, it.value, type, &here);
		} else if (spelling && !spelling->alone && str_is(it.key, "system") && json_is(it.value, JSON_STRING)) {
			json_key(&k->w, it.key);
			json_put_str(&k->w, walk_system(k, spelling, json_str(it.value), at));
		} else {
			walk_member(k, k->n->identifier, it.key, it.value, at);
		}
	}
	json_object_end(&k->w);
}

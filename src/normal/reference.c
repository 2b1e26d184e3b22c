/* References and addresses: to the same server relative, to entries of a bundle and by identifier resolved, to merged
 * patients those who replaced them. */
#include "normal/normal_priv.h"

struct str walk_below_base(const struct walk *k, struct str url)
{
	struct str base = k->options->base_url;
	if (!base.n || url.n <= base.n + 1 || !str_starts(url, base) || url.p[base.n] != '/')
		return STR_NULL;
	return str_slice(url, base.n + 1, url.n);
}

static struct str entry_of(const struct walk *k, struct str text)
{
	const struct normal_book *book = k->options->book;
	const uint64_t *slot = book && text.n ? map_get(&book->entries, text) : NULL;
	return slot ? *(const struct str *)(uintptr_t)*slot : STR_NULL;
}

/* Links between merged records, and records about records, mean the one that they name. */
static bool means_the_record(const struct spot *at)
{
	const struct spot *top = at;
	while (top->parent)
		top = top->parent;
	return (at->element && str_is(at->element->path, "Patient.link.other")) || str_is(top->name, "Provenance") ||
	       str_is(top->name, "AuditEvent");
}

static struct str survivor_of(const struct walk *k, struct str reference)
{
	const struct normal_options *o = k->options;
	struct str found = o->merges ? normal_book_survivor(o->merges, reference) : STR_NULL;
	return !found.n && o->book ? normal_book_survivor(o->book, reference) : found;
}

static struct str resolved(struct walk *k, struct str text, const struct spot *at)
{
	struct str entry = entry_of(k, text), below = walk_below_base(k, text);
	if (below.p) {
		walk_note(k, NORMAL_REFERENCE, at, "reference", text, below, STR_NULL);
		text = below;
	} else if (entry.n) {
		walk_note(k, NORMAL_REFERENCE_ENTRY, at, "reference", text, entry, STR_NULL);
		text = entry;
	}
	struct str survivor =
		str_starts(text, S("Patient/")) && !means_the_record(at) ? survivor_of(k, text) : STR_NULL;
	if (!survivor.n)
		return text;
	walk_note(k, NORMAL_MERGED, at, "reference", text, survivor, STR_NULL);
	return survivor;
}

static struct str found_by_identifier(struct walk *k, const struct json *j, const struct spot *at)
{
	const struct json *identifier = json_get(j, S("identifier"));
	struct str system = json_get_str(identifier, S("system")),
		   value = str_trim(json_get_str(identifier, S("value")));
	const struct normal_book *book = k->options->book;
	if (!book || !value.n || !system.n)
		return STR_NULL;
	const struct system_spelling *spelling = normal_system(k->n, system);
	const char *type = json_is(json_get(j, S("type")), JSON_STRING)
				   ? arena_str(&k->scratch, json_get_str(j, S("type"))).p
				   : "";
	const struct str *found =
		normal_find(&book->identifiers, type ? type : "", spelling ? spelling->known->name : system, value);
	if (!found)
		found = normal_find(&book->identifiers, type ? type : "", system, value);
	if (!found || !found->n)
		return STR_NULL;
	walk_note(k, NORMAL_REFERENCE_FOUND, at, "reference", STR_NULL, *found, STR_NULL);
	return *found;
}

void walk_reference(struct walk *k, const struct json *j, const struct spot *at)
{
	json_object_begin(&k->w);
	const struct json *literal = json_get(j, S("reference"));
	if (!literal) {
		struct str found = found_by_identifier(k, j, at);
		if (found.n)
			json_put_member(&k->w, S("reference"), found);
		else
			walk_note(k, NORMAL_REFERENCE_OPEN, at, NULL, json_get_str(j, S("display")), STR_NULL,
				  STR_NULL);
	}
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		if (!str_is(it.key, "reference") || !json_is(it.value, JSON_STRING)) {
			walk_member(k, k->n->reference, it.key, it.value, at);
			continue;
		}
		json_key(&k->w, it.key);
		json_put_str(&k->w, resolved(k, json_str(it.value), at));
	}
	json_object_end(&k->w);
}

void walk_attachment(struct walk *k, const struct json *j, const struct spot *at)
{
	json_object_begin(&k->w);
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		struct str below = str_is(it.key, "url") ? walk_below_base(k, json_str(it.value)) : STR_NULL;
		if (!below.p) {
			walk_member(k, k->n->attachment, it.key, it.value, at);
			continue;
		}
		walk_note(k, NORMAL_ATTACHMENT, at, "url", json_str(it.value), below, STR_NULL);
		json_key(&k->w, it.key);
		json_put_str(&k->w, below);
	}
	json_object_end(&k->w);
}

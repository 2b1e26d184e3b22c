/* Which base a profile has, and its tree, by a snapshot that is there or one that is made. */
#include "profile/snapshot_priv.h"

/* What everything is derived from in later releases, and logical models for R4 that were written with them: it has no
 * elements. */
#define BASE "http://hl7.org/fhir/StructureDefinition/Base"

static const char literals[] =
	"{\"zero\":0,"
	"\"extensionSlicing\":{\"discriminator\":[{\"type\":\"value\",\"path\":\"url\"}],\"ordered\":false,\"rules\":"
	"\"open\"},"
	"\"choiceSlicing\":{\"discriminator\":[{\"type\":\"type\",\"path\":\"$this\"}],\"ordered\":false,\"rules\":"
	"\"open\"},"
	"\"closedSlicing\":{\"discriminator\":[{\"type\":\"type\",\"path\":\"$this\"}],\"ordered\":false,"
	"\"rules\":\"closed\"},"
	"\"Base\":{\"resourceType\":\"StructureDefinition\",\"url\":\"" BASE "\",\"type\":\"Base\",\"snapshot\":"
	"{\"element\":[{\"id\":\"Base\",\"path\":\"Base\",\"min\":0,\"max\":\"*\"}]}}}";

static const struct json *elements_of(const struct json *profile, struct str part)
{
	return json_get(json_get(profile, part), S("element"));
}

static struct snap_node *fail(struct error *err, enum error_code code, const struct json *profile, const char *what)
{
	struct str url = str_slice(json_get_str(profile, S("url")), 0, 160);
	error_set(err, code, "%.*s: %s", STR_ARG(url), what);
	return NULL;
}

/* ---- making one ---------------------------------------------------------------------------------------------------
 */

static const struct json *base_of(struct snap *s, const struct json *profile, const struct canonical *from,
				  const struct canonical **ret_from, struct error *err)
{
	struct str url = json_get_str(profile, S("baseDefinition"));
	const struct canonical *base = url.p ? canonicals_find(s->set, S("StructureDefinition"), url, from) : NULL;
	*ret_from = base;
	if (!base && str_is(url, BASE))
		return literal(s, S("Base"));
	if (!url.p)
		error_set(err, ERR_STRUCTURE, "it has neither a snapshot nor a base");
	else if (!base)
		error_set(err, ERR_NOT_FOUND, "its base %.*s is not at hand", STR_ARG(str_slice(url, 0, 160)));
	return base ? canonical_json(s->set, base, err) : NULL;
}

static struct snap_node *generate(struct snap *s, const struct json *profile, const struct canonical *from,
				  struct error *err)
{
	const struct json *differential = elements_of(profile, S("differential"));
	const struct canonical *base_from;
	const struct json *base = base_of(s, profile, from, &base_from, err);
	const struct snap_node *base_tree = base ? tree_of(s, base, base_from, err) : NULL;
	struct snap_node *root = base_tree ? node_copy(s, base_tree, err) : NULL;
	if (!root || !json_size(differential))
		return root;
	struct snap_job job = {.s = s,
			       .profile = profile,
			       .from = from,
			       .url = json_get_str(profile, S("url")),
			       .base = base,
			       .specialization = !str_is(json_get_str(profile, S("derivation")), "constraint")};
	const struct snap_node *d = tree_read_differential(s, differential, err);
	return d && apply_differential(&job, root, d, err) ? root : NULL;
}

static struct snap_node *make(struct snap *s, const struct json *profile, const struct canonical *from, bool anew,
			      struct error *err)
{
	for (size_t i = 0; i < s->making_count; i++)
		if (s->making[i] == profile)
			return fail(err, ERR_STRUCTURE, profile, "it is built on itself");
	if (s->making_count == SNAPSHOT_MAX_BASES)
		return fail(err, ERR_LIMIT, profile, "too many definitions are built on each other");
	s->making[s->making_count++] = profile;
	const struct json *snapshot = elements_of(profile, S("snapshot"));
	struct snap_node *root = snapshot && !anew ? tree_read(s, snapshot, err) : generate(s, profile, from, err);
	s->making_count--;
	if (!root)
		error_context(err, "%.*s", STR_ARG(str_slice(json_get_str(profile, S("url")), 0, 120)));
	return root;
}

const struct snap_node *tree_of(struct snap *s, const struct json *profile, const struct canonical *from,
				struct error *err)
{
	for (const struct snap_known *k = s->known; k; k = k->next)
		if (k->profile == profile)
			return k->root;
	struct snap_known *k = ARENA_NEW(s->a, struct snap_known);
	if (!k) {
		error_memory(err);
		return NULL;
	}
	struct snap_node *root = make(s, profile, from, false, err);
	if (!root)
		return NULL;
	*k = (struct snap_known){profile, root, s->known};
	s->known = k;
	return root;
}

const struct snap_node *tree_of_canonical(struct snap *s, struct str canonical, const struct canonical *from,
					  struct error *err)
{
	const struct canonical *found = str_find_char(canonical, ':', 0) == STR_NONE
						? canonicals_find_type(s->set, canonical)
						: canonicals_find(s->set, S("StructureDefinition"), canonical, from);
	if (!found && (str_is(canonical, "Base") || str_is(canonical, BASE)))
		return tree_of(s, literal(s, S("Base")), NULL, err);
	if (!found) {
		error_set(err, ERR_NOT_FOUND, "%.*s is not at hand", STR_ARG(str_slice(canonical, 0, 160)));
		return NULL;
	}
	const struct json *json = canonical_json(s->set, found, err);
	return json ? tree_of(s, json, found, err) : NULL;
}

/* ---- the door -----------------------------------------------------------------------------------------------------
 */

const struct json *profile_snapshot(struct arena *a, const struct canonicals *c, const struct json *profile,
				    const struct snapshot_options *options, struct error *err)
{
	static const struct snapshot_options none = {0};
	const struct snapshot_options *o = options ? options : &none;
	struct error failed = {0};
	if (elements_of(profile, S("snapshot")) && !o->anew)
		return profile;
	struct snap s = {.a = a, .set = c, .problems = o->problems};
	s.literals = json_parse(a, str_from(literals), 0, &failed);
	struct snap_node *root = s.literals ? make(&s, profile, o->from, true, &failed) : NULL;
	if (!root) {
		struct str path = str_from(failed.path);
		error_set_at(err, failed.code ? failed.code : ERR_MEMORY, path, "%s", failed.text);
		return NULL;
	}
	struct buf out;
	buf_init(&out, 256u << 20);
	snapshot_write(&out, &s, profile, root);
	const struct json *whole = buf_ok(&out) ? json_parse(a, buf_str(&out), 0, err) : NULL;
	if (!buf_ok(&out))
		error_memory(err);
	buf_done(&out);
	return whole;
}

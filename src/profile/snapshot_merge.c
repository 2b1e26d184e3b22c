/*
 * How an element of a differential changes the element of the base (http://hl7.org/fhir/R4/elementdefinition.html):
 * most members replace what was there, constraints and conditions accumulate, bindings are filled up from the base.
 * What only a careless author would write is noted and passed over.
 */
#include "profile/snapshot_priv.h"

#include <stdarg.h>

void problem(const struct snap_job *job, const struct snap_node *n, const char *format, ...)
{
	char text[240];
	va_list args;
	if (!job->s->problems)
		return;
	va_start(args, format);
	struct buf out;
	buf_init(&out, sizeof(text));
	buf_vprintf(&out, format, args);
	va_end(args);
	struct str said = str_slice(buf_str(&out), 0, 200);
	issues_add(job->s->problems, ISSUE_ERROR, ERR_STRUCTURE, node_id(job->s, n), "%.*s", STR_ARG(said));
	buf_done(&out);
}

const struct json *literal(struct snap *s, struct str name)
{
	return json_get(s->literals, name);
}

bool add_constraint(struct snap *s, struct snap_node *n, const struct json *constraint, struct str source,
		    struct error *err)
{
	struct str key = json_get_str(constraint, S("key"));
	for (size_t i = 0; i < n->constraint_count; i++) {
		if (!str_eq(json_get_str(n->constraints[i].json, S("key")), key))
			continue;
		n->constraints[i] = (struct snap_constraint){constraint, source};
		return true;
	}
	struct snap_constraint *grown = arena_grow(s->a, n->constraints, n->constraint_count, &n->constraint_capacity,
						   n->constraint_count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	n->constraints = grown;
	n->constraints[n->constraint_count++] = (struct snap_constraint){constraint, source};
	return true;
}

/* ---- joining of values ------------------------------------------------------------------------------------------- */

/* JSON that is put together: written, and read back into the arena. */
static const struct json *finish(struct snap *s, struct buf *out, struct error *err)
{
	const struct json *joined = NULL;
	if (buf_ok(out))
		joined = json_parse(s->a, buf_str(out), 0, err);
	else
		error_memory(err);
	buf_done(out);
	return joined;
}

static bool has_text(const struct json *list, const struct json *item)
{
	struct json_iter it = json_iter(list);
	while (json_next(&it))
		if (json_is(item, JSON_STRING) && str_eq(json_str(it.value), json_str(item)))
			return true;
	return false;
}

/* Two lists of texts, each text once. */
static const struct json *join_lists(struct snap *s, const struct json *a, const struct json *b, struct error *err)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	struct json_iter it = json_iter(a);
	json_array_begin(&w);
	while (json_next(&it))
		json_put_value(&w, it.value);
	it = json_iter(b);
	while (json_next(&it))
		if (!has_text(a, it.value))
			json_put_value(&w, it.value);
	json_array_end(&w);
	return finish(s, &out, err);
}

static bool has_extension(const struct json *list, struct str url)
{
	struct json_iter it = json_iter(list);
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("url")), url))
			return true;
	return false;
}

/* Extensions of the base stay unless the differential has its own of the same url. */
static void write_extensions(struct json_writer *w, const struct json *base, const struct json *own)
{
	struct json_iter it = json_iter(base);
	json_array_begin(w);
	while (json_next(&it))
		if (!has_extension(own, json_get_str(it.value, S("url"))))
			json_put_value(w, it.value);
	it = json_iter(own);
	while (json_next(&it))
		json_put_value(w, it.value);
	json_array_end(w);
}

static const struct json *join_extensions(struct snap *s, const struct json *base, const struct json *own,
					  struct error *err)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	write_extensions(&w, base, own);
	return finish(s, &out, err);
}

/* A binding that says only its strength keeps the value set of the base, and the other way round. */
static const struct json *join_bindings(struct snap *s, const struct json *base, const struct json *own,
					struct error *err)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	struct json_iter it = json_iter(base);
	json_object_begin(&w);
	while (json_next(&it)) {
		bool replaced = json_get(own, it.key) != NULL;
		if (replaced || (str_is(it.key, "description") && json_get(own, S("valueSet"))))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	it = json_iter(own);
	while (json_next(&it)) {
		json_key(&w, it.key);
		if (str_is(it.key, "extension"))
			write_extensions(&w, json_get(base, S("extension")), it.value);
		else
			json_put_value(&w, it.value);
	}
	json_object_end(&w);
	return finish(s, &out, err);
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static uint64_t max_of(const struct json *max)
{
	uint64_t value;
	struct str text = json_str(max);
	return !text.p || str_is(text, "*") || !str_to_u64(text, &value) ? UINT64_MAX : value;
}

static uint64_t min_of(const struct json *min)
{
	uint64_t value;
	return str_to_u64(json_number(min), &value) ? value : 0;
}

/* A cardinality may only become narrower; what is wider is cut to the base's. */
static bool merge_cardinality(const struct snap_job *job, struct snap_node *into, struct str key,
			      const struct json *value, bool fresh, struct error *err)
{
	const struct json *base = node_get(into, key);
	bool is_min = str_is(key, "min");
	if (base && is_min && !fresh && min_of(value) < min_of(base)) {
		problem(job, into, "min %.*s is less than %.*s in the base", STR_ARG(json_number(value)),
			STR_ARG(json_number(base)));
		return true;
	}
	if (base && !is_min && max_of(value) > max_of(base)) {
		problem(job, into, "max %.*s is more than %.*s in the base", STR_ARG(json_str(value)),
			STR_ARG(json_str(base)));
		return true;
	}
	return node_set(job->s, into, key, value, err);
}

/* Types that stand for all: a base of them allows any. */
static bool is_general(struct str code)
{
	static const char *const names[] = {"Resource", "DomainResource", "Element", "BackboneElement", "Base", "*"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(code, names[i]))
			return true;
	return false;
}

static bool type_allowed(const struct json *base, struct str code)
{
	struct json_iter it = json_iter(base);
	if (!json_size(base))
		return true;
	while (json_next(&it)) {
		struct str allowed = json_get_str(it.value, S("code"));
		if (str_eq(allowed, code) || is_general(allowed))
			return true;
		/* The first releases of R4 wrote references to definitions both ways. */
		if (str_is(allowed, "uri") && (str_is(code, "canonical") || str_is(code, "url")))
			return true;
		if (str_starts(allowed, S("http://hl7.org/fhirpath/")) ||
		    str_starts(code, S("http://hl7.org/fhirpath/")))
			return true;
	}
	return false;
}

static void check_types(const struct snap_job *job, const struct snap_node *into, const struct json *types)
{
	const struct json *base = node_get(into, S("type"));
	struct json_iter it = json_iter(types);
	while (!job->specialization && json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		if (code.p && !type_allowed(base, code))
			problem(job, into, "the type %.*s is none of those of the base",
				STR_ARG(str_slice(code, 0, 80)));
	}
}

/* ---- members ------------------------------------------------------------------------------------------------------
 */

static struct str choice_stem(struct str key)
{
	static const char *const stems[] = {"fixed", "pattern", "minValue", "maxValue", "defaultValue"};
	for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
		struct str stem = str_from(stems[i]);
		if (key.n > stem.n && str_starts(key, stem))
			return stem;
	}
	return STR_NULL;
}

static void unset_choice(struct snap_node *n, struct str stem)
{
	for (size_t i = n->member_count; i-- > 0;)
		if (str_eq(choice_stem(n->members[i].key), stem))
			node_unset(n, n->members[i].key);
}

/* Slices may be added to those of the base, but not told apart by something else. */
static void check_slicing(const struct snap_job *job, const struct snap_node *into, const struct json *base,
			  const struct json *value)
{
	struct json_iter a = json_iter(json_get(base, S("discriminator")));
	struct json_iter b = json_iter(json_get(value, S("discriminator")));
	bool same = a.left <= b.left;
	while (same && json_next(&a) && json_next(&b))
		same = str_eq(json_get_str(a.value, S("type")), json_get_str(b.value, S("type"))) &&
		       str_eq(json_get_str(a.value, S("path")), json_get_str(b.value, S("path")));
	if (!same && json_get(base, S("discriminator")) && json_get(value, S("discriminator")))
		problem(job, into, "is sliced by something else than in its base");
	if (str_is(json_get_str(base, S("rules")), "closed") && json_get(value, S("rules")) &&
	    !str_is(json_get_str(value, S("rules")), "closed"))
		problem(job, into, "is open, but its slices are closed in the base");
}

static bool merge_member(const struct snap_job *job, struct snap_node *into, struct str key, const struct json *value,
			 bool fresh, struct error *err)
{
	struct snap *s = job->s;
	const struct json *base = node_get(into, key);
	if (str_is(key, "min") || str_is(key, "max"))
		return merge_cardinality(job, into, key, value, fresh, err);
	if (choice_stem(key).p)
		unset_choice(into, choice_stem(key));
	if (base && str_is(key, "slicing"))
		check_slicing(job, into, base, value);
	if (str_is(key, "type"))
		check_types(job, into, value);
	if (base && str_is(key, "binding"))
		value = join_bindings(s, base, value, err);
	else if (base && (str_is(key, "extension") || str_is(key, "modifierExtension")))
		value = join_extensions(s, base, value, err);
	else if (base && (str_is(key, "condition") || str_is(key, "alias")))
		value = join_lists(s, base, value, err);
	else if (base && str_is(key, "mapping"))
		value = join_lists(s, base, value, err);
	return value && node_set(s, into, key, value, err);
}

bool merge_element(const struct snap_job *job, struct snap_node *into, const struct json *element, bool fresh,
		   struct error *err)
{
	struct json_iter it = json_iter(element);
	while (json_next(&it)) {
		if (str_is(it.key, "id") || str_is(it.key, "path") || str_is(it.key, "sliceName") ||
		    str_is(it.key, "base"))
			continue;
		if (str_is(it.key, "constraint")) {
			struct json_iter rule = json_iter(it.value);
			while (json_next(&rule))
				if (!add_constraint(job->s, into, rule.value, job->url, err))
					return false;
		} else if (!merge_member(job, into, it.key, it.value, fresh, err)) {
			return false;
		}
	}
	return true;
}

bool merge_type_profile(const struct snap_job *job, struct snap_node *into, const struct snap_node *root,
			bool take_cardinality, struct error *err)
{
	for (size_t i = 0; i < root->member_count; i++) {
		const struct snap_member *m = &root->members[i];
		bool cardinality = str_is(m->key, "min") || str_is(m->key, "max");
		if (str_is(m->key, "base") || str_is(m->key, "type") || str_is(m->key, "slicing") ||
		    (cardinality && !take_cardinality))
			continue;
		if (!node_set(job->s, into, m->key, m->value, err))
			return false;
	}
	for (size_t i = 0; i < root->constraint_count; i++)
		if (!add_constraint(job->s, into, root->constraints[i].json, root->constraints[i].source, err))
			return false;
	return true;
}

/*
 * The site's policy: rules for people and clients, beside what scopes allow. Permits are joined by OR as soon as there
 * is one for a context; denials are taken off; a rule that cannot be understood is refused when the server starts.
 */
#include "server/access/access_priv.h"

#include "base/encode.h"

enum effect { PERMIT, DENY, MASK };

struct rule {
	const struct access_rule *said;
	enum effect effect;
	unsigned permissions;
};
struct policy {
	struct rule *rules;
	size_t count;
};

bool policy_list_has(struct str list, struct str word)
{
	while (list.p) {
		struct str item = str_split(&list, ' ');
		if (item.n && str_eq(item, word))
			return true;
	}
	return false;
}

/* ---- reading
 * ---------------------------------------------------------------------------------------------------------
 */

static bool read_effect(const struct access_rule *said, enum effect *ret_effect, struct error *err)
{
	*ret_effect = str_is(said->effect, "deny") ? DENY : str_is(said->effect, "mask") ? MASK : PERMIT;
	return !said->effect.p || *ret_effect != PERMIT || str_is(said->effect, "permit") ||
	       error_set(err, ERR_CONFIG, "effect is none of permit, deny and mask");
}

static bool read_interactions(struct str list, unsigned *ret_permissions, struct error *err)
{
	static const struct {
		const char *word;
		unsigned permission;
	} words[] = {
		{"create", SCOPE_C}, {"read", SCOPE_R}, {"update", SCOPE_U}, {"delete", SCOPE_D}, {"search", SCOPE_S}};
	*ret_permissions = list.p ? 0 : SCOPE_ALL;
	while (list.p) {
		struct str word = str_split(&list, ' ');
		unsigned permission = 0;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (str_is(word, words[i].word))
				permission = words[i].permission;
		if (word.n && !permission)
			return error_set(err, ERR_CONFIG,
					 "interactions are of create, read, update, delete and search");
		*ret_permissions |= permission;
	}
	return true;
}

static bool check_words(struct str list, const char *what, const char *const *words, size_t count, struct error *err)
{
	while (list.p) {
		struct str word = str_split(&list, ' ');
		bool known = !word.n;
		for (size_t i = 0; i < count; i++)
			known = known || str_is(word, words[i]);
		if (!known)
			return error_set(err, ERR_CONFIG, "%s: %.*s is not known", what,
					 STR_ARG(str_slice(word, 0, 60)));
	}
	return true;
}

static bool check_mask(const struct access *access, struct str list, struct error *err)
{
	while (list.p) {
		struct str element = str_split(&list, ' ');
		if (!element.n)
			continue;
		struct str whole = element, name = str_split(&element, '.');
		const struct fhir_type *type = definitions_resource(access->o.definitions, name);
		bool known = false;
		for (size_t i = 0; type && i < type->element_count; i++)
			known = known || str_eq(type->elements[i].name, element);
		if (!known || str_is(element, "id") || str_is(element, "meta"))
			return error_set(err, ERR_CONFIG,
					 "mask: %.*s is not an element at the top of a resource that can be hidden, "
					 "such as Patient.telecom",
					 STR_ARG(str_slice(whole, 0, 80)));
	}
	return true;
}

/* ---- variables
 * -------------------------------------------------------------------------------------------------------
 */

/* The text of a variable; STR_NULL for one that is not known, or that the grant has nothing for. */
static struct str variable(const struct grant *g, struct str name)
{
	size_t slash = g->fhir_user.p ? str_find_char(g->fhir_user, '/', 0) : STR_NONE;
	if (str_is(name, "fhirUser"))
		return g->fhir_user;
	if (str_is(name, "fhirUser.id") && slash != STR_NONE)
		return str_slice(g->fhir_user, slash + 1, g->fhir_user.n);
	if (str_is(name, "patient"))
		return g->patient;
	return str_is(name, "user") ? g->user : STR_NULL;
}

static bool fill(struct buf *out, const struct grant *g, struct str text)
{
	while (text.n) {
		size_t open = str_find_char(text, '{', 0);
		size_t close = open == STR_NONE ? STR_NONE : str_find_char(text, '}', open);
		if (close == STR_NONE) {
			buf_add(out, text);
			return true;
		}
		struct str value = variable(g, str_slice(text, open + 1, close));
		if (!value.n)
			return false;
		buf_add(out, str_slice(text, 0, open));
		encode_percent(out, value);
		text = str_slice(text, close + 1, text.n);
	}
	return true;
}

/* The query with the grant's values; STR_NULL when one is missing. */
static struct str filled(struct arena *a, const struct grant *g, struct str text)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	bool ok = fill(&out, g, text) && buf_ok(&out);
	struct str query = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return query;
}

/* ---- checking
 * --------------------------------------------------------------------------------------------------------
 */

static bool is_about(const struct access_rule *said, const struct fhir_type *type)
{
	return !said->types.p || policy_list_has(said->types, type->name);
}

/* Does the query fit all types of the rule? With made-up values, since there is no grant yet. */
static bool check_where(const struct access *access, const struct access_rule *said, struct error *err)
{
	const struct grant sample = {
		.fhir_user = S("Practitioner/x"), .patient = S("x"), .user = S("x"), .client_id = S("x")};
	struct arena a;
	arena_init(&a, (size_t)64 << 20);
	struct str query = filled(&a, &sample, said->where);
	bool ok = query.p || error_set(err, ERR_CONFIG,
				       "where: only {fhirUser}, {fhirUser.id}, {patient} and {user} "
				       "are known");
	for (size_t i = 0; ok && i < access->type_count; i++) {
		struct search_query parsed;
		struct error why = {0};
		const struct fhir_type *type = definitions_resource_at(access->o.definitions, i);
		if (is_about(said, type) && !access_parse(access, &a, type, query, &parsed, &why))
			ok = error_set(err, ERR_CONFIG, "where, of %.*s: %s", STR_ARG(type->name), why.text);
	}
	arena_done(&a);
	return ok;
}

static bool check_types(const struct access *access, struct str list, struct error *err)
{
	while (list.p) {
		struct str name = str_split(&list, ' ');
		if (name.n && !definitions_resource(access->o.definitions, name))
			return error_set(err, ERR_CONFIG, "types: %.*s is no resource type of FHIR R4",
					 STR_ARG(str_slice(name, 0, 60)));
	}
	return true;
}

static const char *const contexts[] = {"user", "patient", "system"};

static bool read_rule(const struct access *access, const struct access_rule *said, struct rule *ret_rule,
		      struct error *err)
{
	static const char *const places[] = {"fhirUser", "patient"};
	*ret_rule = (struct rule){.said = said};
	return read_effect(said, &ret_rule->effect, err) &&
	       read_interactions(said->interactions, &ret_rule->permissions, err) &&
	       check_words(said->contexts, "contexts", contexts, 3, err) &&
	       check_words(said->within, "within", places, 2, err) && check_types(access, said->types, err) &&
	       check_mask(access, said->mask, err) && (!said->where.p || check_where(access, said, err)) &&
	       (ret_rule->effect != MASK || said->mask.n || error_set(err, ERR_CONFIG, "mask is missing"));
}

bool policy_open(struct access *access, struct error *err)
{
	struct policy *policy = ARENA_NEW(&access->arena, struct policy);
	struct rule *rules = ARENA_ARRAY(&access->arena, struct rule, access->o.rule_count + 1);
	if (!policy || !rules)
		return error_memory(err);
	if (!check_words(access->o.consent, "consent", contexts, 3, err))
		return false;
	*policy = (struct policy){rules, access->o.rule_count};
	for (size_t i = 0; i < policy->count; i++)
		if (!read_rule(access, &access->o.rules[i], &rules[i], err))
			return error_context(err, "policy, rule %.*s",
					     STR_ARG(str_slice(access->o.rules[i].name, 0, 60)));
	access->policy = policy;
	return true;
}

struct str context_of_scope(const struct grant *g, const struct scope *scope)
{
	bool own = str_is(scope->context, "user") && g->fhir_user.p && str_starts(g->fhir_user, S("Patient/"));
	return own ? S("patient") : scope->context;
}

/* ---- whom a rule is about
 * --------------------------------------------------------------------------------------------
 */

static bool any_in(struct str list, struct str words)
{
	while (words.p)
		if (policy_list_has(list, str_split(&words, ' ')))
			return true;
	return false;
}

static bool holds_for(const struct rule *r, const struct grant *g)
{
	const struct access_rule *said = r->said;
	return (!said->roles.p || any_in(said->roles, g->roles)) &&
	       (!said->users.p || (g->user.n && policy_list_has(said->users, g->user))) &&
	       (!said->clients.p || policy_list_has(said->clients, g->client_id));
}

/* Permits are about user/ scopes unless they say otherwise, since a patient's own app needs none; the others are about
 * all that people do. */
static bool in_context(const struct rule *r, struct str context)
{
	struct str list = r->said->contexts.p ? r->said->contexts : r->effect == PERMIT ? S("user") : S("user patient");
	return policy_list_has(list, context);
}

static bool add_masks(struct access_pass *pass, struct str list, struct mask *masks)
{
	while (list.p) {
		struct str element = str_split(&list, ' ');
		if (!element.n)
			continue;
		struct str name = str_split(&element, '.');
		masks[pass->mask_count++] =
			(struct mask){definitions_resource(pass->access->o.definitions, name), element};
	}
	return true;
}

static size_t count_words(struct str list)
{
	size_t count = 0;
	while (list.p) {
		str_split(&list, ' ');
		count++;
	}
	return count;
}

static bool any_scope_in(const struct access_pass *pass, const struct rule *r)
{
	for (size_t i = 0; i < pass->grant.scope_count; i++)
		if (in_context(r, context_of_scope(&pass->grant, &pass->grant.scopes[i])))
			return true;
	return false;
}

bool policy_enter(struct access_pass *pass)
{
	const struct policy *policy = pass->access->policy;
	bool *holds = arena_calloc(&pass->arena, policy->count + 1, sizeof(*holds));
	size_t most = 0;
	for (size_t i = 0; i < policy->count; i++)
		most += count_words(policy->rules[i].said->mask);
	struct mask *masks = ARENA_ARRAY(&pass->arena, struct mask, most + 1);
	if (!holds || !masks)
		return false;
	pass->holds = holds;
	pass->masks = masks;
	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *r = &policy->rules[i];
		holds[i] = holds_for(r, &pass->grant);
		if (holds[i] && r->effect != DENY && any_scope_in(pass, r) && (!pass->broken || r->said->absolute))
			add_masks(pass, r->said->mask, masks);
	}
	return true;
}

/* ---- what a rule is about
 * ----------------------------------------------------------------------------------------------
 */

static const struct criterion *compartment_of(struct access_pass *pass, const struct fhir_type *type, struct str place)
{
	struct str id = str_is(place, "patient") ? pass->grant.patient : pass->grant.fhir_user, name = S("Patient");
	struct search_query query;
	struct error err = {0};
	if (str_is(place, "fhirUser"))
		name = id.p ? str_split(&id, '/') : STR_NULL;
	const struct fhir_type *center = name.p ? definitions_resource(pass->access->o.definitions, name) : NULL;
	if (!center || !id.n)
		return NULL;
	const struct search_scope scope = {.type = type, .compartment = center, .compartment_id = id};
	const struct search_options options = {.base = pass->access->o.base};
	if (!search_parse_scope(pass->access->o.definitions, &pass->arena, &scope, S(""), &options, &query, &err))
		return &access_nothing;
	return query.parts->criteria;
}

/* Which resources of the type; `otherwise` when the grant has nothing for a variable. NULL without memory. */
static const struct criterion *matter_of(struct access_pass *pass, const struct rule *r, const struct fhir_type *type,
					 const struct criterion *otherwise)
{
	const struct criterion *c = &access_all, *place;
	if (r->said->where.p) {
		struct str query = filled(&pass->arena, &pass->grant, r->said->where);
		if (!query.p)
			return otherwise;
		c = compile_query(pass, type, query);
	}
	if (!r->said->within.p)
		return c;
	place = compartment_of(pass, type, r->said->within);
	return place ? criterion_both(pass, c, place) : otherwise;
}

/* Is the rule one that denies something of the type to who asks? */
static bool denies(const struct access_pass *pass, size_t index, struct str context, const struct fhir_type *type,
		   unsigned permission)
{
	const struct rule *r = &pass->access->policy->rules[index];
	bool lifted = pass->broken && (permission == SCOPE_R || permission == SCOPE_S) && !r->said->absolute;
	return r->effect == DENY && in_context(r, context) && pass->holds[index] && !lifted &&
	       (r->permissions & permission) && is_about(r->said, type);
}

const struct criterion *policy_criterion(struct access_pass *pass, struct str context, const struct fhir_type *type,
					 unsigned permission)
{
	const struct policy *policy = pass->access->policy;
	const struct criterion *c = &access_all, *permitted = &access_nothing;
	bool lifted = pass->broken && (permission == SCOPE_R || permission == SCOPE_S), limited = false;
	for (size_t i = 0; permitted && i < policy->count; i++) {
		const struct rule *r = &policy->rules[i];
		if (r->effect != PERMIT || !in_context(r, context) || (lifted && !r->said->absolute))
			continue;
		limited = true;
		if (pass->holds[i] && (r->permissions & permission) && is_about(r->said, type))
			permitted = criterion_either(pass, permitted, matter_of(pass, r, type, &access_nothing));
	}
	if (limited)
		c = permitted;
	for (size_t i = 0; c && i < policy->count; i++)
		if (denies(pass, i, context, type, permission))
			c = criterion_without(pass, c, matter_of(pass, &policy->rules[i], type, &access_all));
	return c;
}

struct str policy_blame(struct access_pass *pass, struct str context, const struct fhir_type *type, unsigned permission,
			bool (*is_meant)(const void *arg, const struct criterion *matter), const void *arg)
{
	const struct policy *policy = pass->access->policy;
	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *r = &policy->rules[i];
		if (denies(pass, i, context, type, permission) && is_meant(arg, matter_of(pass, r, type, &access_all)))
			return arena_printf(&pass->arena, "the rule \"%.*s\" denies it", STR_ARG(r->said->name));
	}
	return S("no rule permits it");
}

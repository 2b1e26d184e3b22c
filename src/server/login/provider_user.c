/*
 * Claims of an outside provider made into a user. People are known by issuer and sub, which never pass to somebody else
 * (OpenID Connect Core section 5.7); names do, so a name alone links nobody but a user who was made for that: one
 * without a password and without a subject.
 */
#include "server/login/provider.h"

#include "server/login/login_priv.h"

#define SHELF S("subject") /* digest of issuer and sub: the user's name */

static struct str text_or_list(struct arena *a, const struct json *j)
{
	struct buf out;
	if (!json_is(j, JSON_ARRAY))
		return json_str(j);
	buf_init(&out, LOGIN_FIELD_MAX);
	for (struct json_iter it = json_iter(j); json_next(&it);) {
		if (out.n)
			buf_char(&out, ' ');
		buf_add(&out, json_str(it.value));
	}
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static struct str claim_name(struct str configured, struct str usual)
{
	return configured.n ? configured : usual;
}

/* "https://ehr.example/fhir/Practitioner/7" of another server says nothing of ours: only "Practitioner/7" does, or one
 * below our own base. */
static struct str local_person(const struct login *l, struct str reference)
{
	struct str base = smart_issuer(l->options.smart);
	if (str_starts(reference, base) && reference.n > base.n && reference.p[base.n] == '/')
		return str_slice(reference, base.n + 1, reference.n);
	return str_find(reference, S("://")) == STR_NONE ? reference : STR_NULL;
}

/* The claims over what is known. */
static struct login_user with_claims(struct login *l, struct arena *a, const struct json *claims,
				     const struct login_user *known)
{
	const struct login_provider *p = l->options.provider;
	struct login_user user = *known;
	struct str person = json_get_str(claims, claim_name(p->fhir_user_claim, S("fhirUser")));
	struct str display = json_get_str(claims, S("name"));
	if (person.n && local_person(l, person).n)
		user.fhir_user = local_person(l, person);
	if (display.n)
		user.display = display;
	if (p->roles_claim.n)
		user.roles = text_or_list(a, json_get(claims, p->roles_claim));
	return user;
}

static bool same(struct str a, struct str b)
{
	return (a.p != NULL) == (b.p != NULL) && str_eq(a, b);
}

static bool keep_changes(struct login *l, struct arena *a, const struct login_user *known,
			 const struct login_user *user, struct error *err)
{
	if (known->configured || (same(known->fhir_user, user->fhir_user) && same(known->display, user->display) &&
				  same(known->roles, user->roles) && same(known->subject, user->subject)))
		return true;
	return login_user_change(l, a, known, user, err);
}

static bool link_user(struct login *l, struct str key, struct str name, struct error *err)
{
	return store_fact_put(l->options.store, &(struct store_fact){.shelf = SHELF, .key = key, .value = name}, err);
}

/* Somebody who was not here before. */
static bool first_time(struct login *l, struct arena *a, const struct json *claims, struct str subject, struct str key,
		       struct login_user *ret_user, struct error *err)
{
	const struct login_provider *p = l->options.provider;
	struct str claim = json_get_str(claims, claim_name(p->user_claim, S("preferred_username")));
	struct str name = login_user_name(a, claim.n ? claim : json_get_str(claims, S("sub")));
	struct login_user known;
	if (!name.p)
		return error_set(err, ERR_FORBIDDEN, "The other provider gives no name that can be a user's here");
	if (!login_user_find(l, a, name, &known, err))
		return false;
	bool waits = known.name.p && !known.hash.p && !known.subject.p && !known.configured;
	if (known.name.p && !waits)
		return error_set(err, ERR_FORBIDDEN,
				 "There is another user of your name here, who does not sign in this way");
	if (!known.name.p && !p->make_users)
		return error_set(err, ERR_FORBIDDEN,
				 "The other provider knows you, but you are no user here yet. Ask "
				 "whoever runs this server");
	if (!known.name.p)
		known = (struct login_user){.name = name, .patients = p->patients};
	*ret_user = with_claims(l, a, claims, &known);
	ret_user->subject = subject;
	bool ok = waits ? keep_changes(l, a, &known, ret_user, err) : login_user_add(l, a, ret_user, err);
	return ok && link_user(l, key, name, err) && login_user_find(l, a, name, ret_user, err);
}

bool provider_user(struct login *l, struct arena *a, const struct json *claims, struct login_user *ret_user,
		   struct error *err)
{
	struct str subject = arena_printf(a, "%.*s %.*s", STR_ARG(l->options.provider->issuer),
					  STR_ARG(json_get_str(claims, S("sub"))));
	struct str key = token_key(a, subject), name;
	struct login_user known = {0};
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(l->options.store, a, SHELF, key, &name, err) ||
	    (name.p && !login_user_find(l, a, name, &known, err)))
		return false;
	if (!known.name.p || !str_eq(known.subject, subject))
		return first_time(l, a, claims, subject, key, ret_user, err) &&
		       (!ret_user->disabled || error_set(err, ERR_FORBIDDEN, "Your account here is disabled"));
	if (known.disabled)
		return error_set(err, ERR_FORBIDDEN, "Your account here is disabled");
	*ret_user = with_claims(l, a, claims, &known);
	return keep_changes(l, a, &known, ret_user, err);
}

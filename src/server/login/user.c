/*
 * Users: a record each on the shelf "user", and those of the configuration, which nothing but the file changes.
 * See login.h.
 */
#include "server/login/login_priv.h"

#include "base/clock.h"
#include "base/random.h"
#include "fhir/resource.h"

#define SHELF S("user")
enum { MOST_USERS = 10000 };

/* ---- rules  ----------------------------------------------------------------------------------------------------- */

struct str login_user_name(struct arena *a, struct str text)
{
	text = str_trim(text);
	if (text.n < 1 || text.n > LOGIN_LONGEST_NAME)
		return STR_NULL;
	struct str copy = arena_str(a, text);
	char *p = (char *)(uintptr_t)copy.p;
	for (size_t i = 0; i < copy.n; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
		if (!p[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789._@+-", p[i]))
			return STR_NULL;
	}
	return copy;
}

bool login_password_check(struct str password, struct str name, struct error *err)
{
	static const char *const first_tried[] = {"1234567890",	 "0123456789", "passwordpassword",
						  "password123", "qwertyuiop", "letmeinplease"};
	if (password.n < LOGIN_PASSWORD_LEAST)
		return error_set(err, ERR_VALUE, "A password has at least %d characters; a few words are better",
				 LOGIN_PASSWORD_LEAST);
	if (password.n > VAULT_PASSWORD_MAX)
		return error_set(err, ERR_VALUE, "A password has at most %d bytes", VAULT_PASSWORD_MAX);
	if (!str_is_utf8(password) || memchr(password.p, 0, password.n))
		return error_set(err, ERR_VALUE, "The password is no text");
	bool same = true;
	for (size_t i = 1; i < password.n; i++)
		same = same && password.p[i] == password.p[0];
	for (size_t i = 0; i < sizeof(first_tried) / sizeof(first_tried[0]); i++)
		same = same || str_eq_nocase(password, str_from(first_tried[i]));
	if (same || str_eq_nocase(password, name))
		return error_set(err, ERR_VALUE, "The password is one of those that are tried first");
	return true;
}

static bool short_text(struct str text, const char *field, struct error *err)
{
	if (text.n > LOGIN_FIELD_MAX)
		return error_set(err, ERR_VALUE, "%s has more than %d bytes", field, LOGIN_FIELD_MAX);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 127)
			return error_set(err, ERR_VALUE, "%s holds a control character", field);
	return str_is_utf8(text) || error_set(err, ERR_VALUE, "%s is no UTF-8", field);
}

static bool person_check(struct str reference, struct error *err)
{
	static const char *const types[] = {"Practitioner", "PractitionerRole", "Patient", "RelatedPerson", "Person"};
	struct str id = reference, type = str_split(&id, '/');
	for (size_t i = 0; id.p && i < sizeof(types) / sizeof(types[0]); i++)
		if (str_is(type, types[i]) && fhir_id_valid(id))
			return true;
	return error_set(err, ERR_VALUE,
			 "fhirUser is no reference such as Practitioner/7 (Practitioner, PractitionerRole, Patient, "
			 "RelatedPerson or Person)");
}

static bool patients_check(const struct definitions *d, struct arena *a, struct str patients, struct error *err)
{
	struct search_query query;
	const struct fhir_type *type = definitions_resource(d, S("Patient"));
	if (str_is(patients, "*"))
		return true;
	return search_parse(d, a, type, patients, &(struct search_options){0}, &query, err) ||
	       error_context(err, "patients is neither * nor a search of Patient");
}

bool login_user_check(const struct definitions *d, struct arena *a, const struct login_user *user, struct error *err)
{
	struct str name = login_user_name(a, user->name);
	if (!name.p || !str_eq(name, user->name))
		return error_set(err, ERR_VALUE, "The name of a user has 1 to %d of a-z 0-9 . _ @ + -",
				 LOGIN_LONGEST_NAME);
	if (user->hash.p && !vault_hash_is_valid(user->hash))
		return error_set(err, ERR_VALUE, "The password's hash is no argon2id hash that this server takes");
	return short_text(user->display, "The display name", err) && short_text(user->roles, "roles", err) &&
	       short_text(user->subject, "The subject", err) && short_text(user->patients, "patients", err) &&
	       (!user->fhir_user.p || person_check(user->fhir_user, err)) &&
	       (!user->patients.p || patients_check(d, a, user->patients, err));
}

/* ---- records  --------------------------------------------------------------------------------------------------- */

static struct str write_user(struct arena *a, const struct login_user *user)
{
	struct buf out;
	buf_init(&out, 64 * 1024);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("display"), user->display);
	json_put_member(&w, S("hash"), user->hash);
	json_put_member(&w, S("fhirUser"), user->fhir_user);
	json_put_member(&w, S("roles"), user->roles);
	json_put_member(&w, S("patients"), user->patients);
	json_put_member(&w, S("totp"), user->totp);
	json_put_member(&w, S("subject"), user->subject);
	json_key(&w, S("disabled"));
	json_put_bool(&w, user->disabled);
	json_key(&w, S("added"));
	json_put_i64(&w, user->added_ms);
	json_key(&w, S("password"));
	json_put_i64(&w, user->password_ms);
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static bool read_user(struct arena *a, struct str name, struct str text, struct login_user *ret_user, struct error *err)
{
	const struct json *j = json_parse(a, text, 0, err);
	if (!j)
		return error_context(err, "the record of a user");
	*ret_user = (struct login_user){
		.name = name,
		.display = json_get_str(j, S("display")),
		.hash = json_get_str(j, S("hash")),
		.fhir_user = json_get_str(j, S("fhirUser")),
		.roles = json_get_str(j, S("roles")),
		.patients = json_get_str(j, S("patients")),
		.totp = json_get_str(j, S("totp")),
		.subject = json_get_str(j, S("subject")),
		.disabled = json_bool(json_get(j, S("disabled"))),
		.added_ms = record_number(j, S("added")),
		.password_ms = record_number(j, S("password")),
	};
	return true;
}

static const struct login_user *configured(const struct login *l, struct str name)
{
	for (size_t i = 0; i < l->options.user_count; i++)
		if (str_eq(l->options.users[i].name, name))
			return &l->options.users[i];
	return NULL;
}

bool login_user_find(struct login *l, struct arena *a, struct str name, struct login_user *ret_user, struct error *err)
{
	struct str text;
	const struct login_user *fixed = configured(l, name);
	*ret_user = (struct login_user){0};
	if (fixed) {
		*ret_user = *fixed;
		return true;
	}
	if (!store_fact_get(l->options.store, a, SHELF, name, &text, err))
		return false;
	if (!text.p)
		return true;
	struct str copy = arena_str(a, name);
	return copy.p ? read_user(a, copy, text, ret_user, err) : error_memory(err);
}

bool login_user_list(struct login *l, struct arena *a, struct login_user **ret_users, size_t *ret_count,
		     struct error *err)
{
	struct store_fact *facts;
	size_t stored, count = l->options.user_count;
	if (!store_fact_list(l->options.store, a, SHELF, STR_NULL, MOST_USERS, &facts, &stored, err))
		return false;
	struct login_user *users = ARENA_ARRAY(a, struct login_user, count + stored + 1);
	if (!users)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		users[i] = l->options.users[i];
	for (size_t i = 0; i < stored; i++) {
		if (configured(l, facts[i].key))
			continue; /* the file's hides it */
		if (!read_user(a, facts[i].key, facts[i].value, &users[count++], err))
			return false;
	}
	*ret_users = users;
	*ret_count = count;
	return true;
}

bool login_user_add(struct login *l, struct arena *a, const struct login_user *user, struct error *err)
{
	struct error why = {0};
	struct login_user added = *user;
	if (!login_user_check(l->options.definitions, a, user, err))
		return false;
	if (configured(l, user->name))
		return error_set(err, ERR_CONFLICT, "The configuration has a user %.*s", STR_ARG(user->name));
	added.added_ms = login_now(l);
	added.password_ms = user->hash.p ? added.added_ms : 0;
	const struct store_fact fact = {
		.shelf = SHELF, .key = user->name, .value = write_user(a, &added), .only_new = true};
	if (!fact.value.p)
		return error_memory(err);
	if (store_fact_put(l->options.store, &fact, &why))
		return true;
	if (why.code == ERR_CONFLICT)
		return error_set(err, ERR_CONFLICT, "There is a user %.*s already", STR_ARG(user->name));
	return error_set(err, why.code, "%s", why.text);
}

bool login_user_change(struct login *l, struct arena *a, const struct login_user *before,
		       const struct login_user *after, struct error *err)
{
	struct error why = {0};
	size_t revoked;
	if (before->configured)
		return error_set(err, ERR_FORBIDDEN, "The user %.*s is in the configuration: change it there",
				 STR_ARG(before->name));
	if (!login_user_check(l->options.definitions, a, after, err))
		return false;
	const struct store_fact fact = {
		.shelf = SHELF, .key = before->name, .value = write_user(a, after), .expected = write_user(a, before)};
	if (!fact.value.p || !fact.expected.p)
		return error_memory(err);
	if (!store_fact_put(l->options.store, &fact, &why))
		return why.code == ERR_CONFLICT
			       ? error_set(err, ERR_CONFLICT, "The user %.*s was changed by someone else meanwhile",
					   STR_ARG(before->name))
			       : error_set(err, why.code, "%s", why.text);
	bool ends = (after->disabled && !before->disabled) || after->password_ms != before->password_ms;
	return !ends || !l->options.smart || smart_grants_revoke_user(l->options.smart, a, before->name, &revoked, err);
}

/* ---- one-time codes  -------------------------------------------------------------------------------------------- */

bool login_user_totp(struct login *l, struct arena *a, struct login_user *user, struct str *ret_uri, struct error *err)
{
	unsigned char secret[VAULT_OTP_SECRET];
	struct str bytes = str_make((const char *)secret, sizeof(secret)), sealed;
	struct str purpose = arena_printf(a, "totp/%.*s", STR_ARG(user->name));
	struct buf uri;
	if (!l->options.vault)
		return error_set(err, ERR_CONFIG, "One-time codes need a file of sealing keys");
	random_bytes(secret, sizeof(secret));
	buf_init(&uri, 4096);
	vault_otp_uri(&uri, l->options.title, user->name, bytes);
	bool ok = purpose.p && vault_seal(l->options.vault, a, purpose, bytes, &sealed, err);
	struct str text = ok && buf_ok(&uri) ? arena_str(a, buf_str(&uri)) : STR_NULL;
	buf_done(&uri);
	vault_wipe(secret, sizeof(secret));
	if (!ok || !text.p)
		return error_memory(err);
	user->totp = sealed;
	*ret_uri = text;
	return true;
}

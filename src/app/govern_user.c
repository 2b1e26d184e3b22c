/* Users as actions: made, listed, changed. Passwords come as hashes only. */
#include "app/govern.h"
#include "base/clock.h"

static void put_user(struct json_writer *w, const struct login_user *user)
{
	json_object_begin(w);
	json_put_member(w, S("user"), user->name);
	json_put_member(w, S("display"), user->display);
	json_put_member(w, S("fhir_user"), user->fhir_user);
	json_put_member(w, S("roles"), user->roles);
	json_put_member(w, S("patients"), user->patients);
	json_put_member(w, S("subject"), user->subject);
	json_key(w, S("password"));
	json_put_bool(w, user->hash.p != NULL);
	json_key(w, S("totp"));
	json_put_bool(w, user->totp.p != NULL);
	json_key(w, S("disabled"));
	json_put_bool(w, user->disabled);
	json_key(w, S("configured"));
	json_put_bool(w, user->configured);
	govern_put_time(w, "added", user->added_ms);
	govern_put_time(w, "password_set", user->password_ms);
	json_object_end(w);
}

bool govern_user_list(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		      struct error *err)
{
	struct login_user *users;
	size_t count;
	struct str name = json_get_str(command, S("user"));
	bool found = false;
	if (!login_user_list(g->realm->login, a, &users, &count, err))
		return false;
	json_key(w, S("users"));
	json_array_begin(w);
	for (size_t i = 0; i < count; i++) {
		if (name.n && !str_eq(users[i].name, name))
			continue;
		put_user(w, &users[i]);
		found = true;
	}
	json_array_end(w);
	return !name.n || found ||
	       error_set(err, ERR_NOT_FOUND, "There is no user %.*s", STR_ARG(str_slice(name, 0, LOGIN_LONGEST_NAME)));
}

/* What the command says over what is there; an empty text takes away. */
static void take_fields(const struct json *command, struct login_user *user)
{
	struct {
		const char *name;
		struct str *field;
	} fields[] = {{"display", &user->display},
		      {"fhir_user", &user->fhir_user},
		      {"roles", &user->roles},
		      {"patients", &user->patients},
		      {"hash", &user->hash}};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct str text = json_get_str(command, str_from(fields[i].name));
		if (text.p)
			*fields[i].field = text.n ? text : STR_NULL;
	}
	const struct json *disabled = json_get(command, S("disabled"));
	if (disabled)
		user->disabled = json_bool(disabled);
	if (str_is(json_get_str(command, S("totp")), "off"))
		user->totp = STR_NULL;
}

bool govern_user_add(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		     struct error *err)
{
	struct login_user user = {0};
	if (!govern_text(command, "user", &user.name, err))
		return false;
	take_fields(command, &user);
	if (!login_user_add(g->realm->login, a, &user, err))
		return false;
	json_put_member(w, S("user"), user.name);
	return true;
}

static bool find(const struct govern *g, struct arena *a, const struct json *command, struct login_user *ret_user,
		 struct error *err)
{
	struct str name;
	return govern_text(command, "user", &name, err) && login_user_find(g->realm->login, a, name, ret_user, err) &&
	       (ret_user->name.p || error_set(err, ERR_NOT_FOUND, "There is no user %.*s",
					      STR_ARG(str_slice(name, 0, LOGIN_LONGEST_NAME))));
}

bool govern_user_change(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			struct error *err)
{
	struct login_user before, after;
	if (!find(g, a, command, &before, err))
		return false;
	after = before;
	take_fields(command, &after);
	if (json_get(command, S("hash")))
		after.password_ms = clock_now_ms();
	if (!login_user_change(g->realm->login, a, &before, &after, err))
		return false;
	json_put_member(w, S("user"), before.name);
	/* Whoever gets a new password, or is let in again, need not wait for it. */
	return login_user_unlock(g->realm->login, before.name, err);
}

bool govern_user_totp(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		      struct error *err)
{
	struct login_user before, after;
	struct str uri;
	if (!find(g, a, command, &before, err))
		return false;
	after = before;
	if (!login_user_totp(g->realm->login, a, &after, &uri, err) ||
	    !login_user_change(g->realm->login, a, &before, &after, err))
		return false;
	json_put_member(w, S("user"), before.name);
	json_put_member(w, S("uri"), uri);
	return true;
}

bool govern_user_unlock(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			struct error *err)
{
	struct login_user user;
	if (!find(g, a, command, &user, err))
		return false;
	json_put_member(w, S("user"), user.name);
	return login_user_unlock(g->realm->login, user.name, err);
}

/*
 * What the authorization endpoint's pages ask of this room. See authorize.h.
 */
#include "server/smart/smart_priv.h"

static bool later(struct error *err)
{
	return error_set(err, ERR_NOT_SUPPORTED, "Authorization by a person is not offered here yet");
}

bool smart_launch_new(struct smart *s, struct arena *a, const struct smart_launch *launch, struct str *ret_id,
		      struct error *err)
{
	(void)s, (void)a, (void)launch, (void)ret_id;
	return later(err);
}

bool smart_launch_take(struct smart *s, struct arena *a, struct str id, struct str client_id,
		       struct smart_launch *ret_launch, struct error *err)
{
	(void)s, (void)a, (void)id, (void)client_id, (void)ret_launch;
	return later(err);
}

bool smart_request_check(struct smart *s, struct arena *a, struct str parameters, struct smart_request *ret_request,
			 struct error *err)
{
	(void)s, (void)a, (void)parameters;
	*ret_request = (struct smart_request){0};
	return later(err);
}

struct str smart_request_refuse(struct smart *s, struct arena *a, const struct smart_request *request,
				const char *error, struct str description)
{
	(void)s, (void)a, (void)error, (void)description;
	return request->redirect_uri;
}

struct str smart_request_answer(struct smart *s, struct arena *a, const struct smart_request *request, struct str code)
{
	(void)s, (void)a, (void)code;
	return request->redirect_uri;
}

bool smart_code_issue(struct smart *s, struct arena *a, const struct smart_consent *consent, struct str *ret_code,
		      struct error *err)
{
	(void)s, (void)a, (void)consent, (void)ret_code;
	return later(err);
}

bool smart_grants_of(struct smart *s, struct arena *a, struct str user, size_t max, struct smart_grant **ret_grants,
		     size_t *ret_count, struct error *err)
{
	(void)s, (void)a, (void)user, (void)max, (void)ret_grants, (void)ret_count;
	return later(err);
}

bool smart_grant_revoke(struct smart *s, struct arena *a, struct str id, struct str user, struct error *err)
{
	(void)s, (void)a, (void)id, (void)user;
	return later(err);
}

bool smart_grants_revoke_user(struct smart *s, struct arena *a, struct str user, size_t *ret_count, struct error *err)
{
	(void)s, (void)a, (void)user, (void)ret_count;
	return later(err);
}

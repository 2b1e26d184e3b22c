/* One CDS service over HTTP, for the commands that call it. */
#include "app/cds.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"

enum { TIMEOUT_MS = 10000, TOKEN_S = 300, SECRET_MAX = 64 << 10 };

bool cds_secret_read(struct arena *a, struct str path, struct str *ret_text, struct error *err)
{
	struct stat st;
	struct str name = arena_str(a, path);
	if (!name.p)
		return error_memory(err);
	if (stat(name.p, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & (S_IRWXG | S_IRWXO))
		return error_set(err, ERR_KEY, "%.*s can be read or changed by others; run chmod 600 on it",
				 STR_ARG(path));
	if (!file_read(a, name, SECRET_MAX, ret_text, err))
		return false;
	*ret_text = str_trim(*ret_text);
	return true;
}

static bool read_key(struct cds_caller *c, struct error *err)
{
	struct str text;
	if (!c->o.key.n)
		return true;
	if (!c->o.issuer.n)
		return error_set(err, ERR_USAGE, "--jwt-key needs --jwt-issuer: who is calling");
	if (!cds_secret_read(&c->app->arena, c->o.key, &text, err))
		return false;
	c->key = jose_key_parse(text, err);
	return c->key || error_context(err, "%.*s", STR_ARG(c->o.key));
}

bool cds_connect(struct cds_caller *c, struct app *app, const struct cds_caller_options *o, struct str url,
		 struct error *err)
{
	*c = (struct cds_caller){.app = app, .o = *o, .at = hook_address(url)};
	if (!str_starts(url, S("http://")) && !str_starts(url, S("https://")))
		return error_set(err, ERR_USAGE, "%.*s is no http or https URL", STR_ARG(str_slice(url, 0, 80)));
	if (!read_key(c, err))
		return false;
	c->http = http_client_new(
		&(struct http_client_options){.timeout_ms = (unsigned)(o->timeout_ms ? o->timeout_ms : TIMEOUT_MS),
					      .max_body = CDS_ANSWER_MAX},
		err);
	return c->http != NULL;
}

void cds_disconnect(struct cds_caller *c)
{
	http_client_free(c->http);
	jose_key_free(c->key);
}

struct str cds_service_url(struct arena *a, const struct cds_caller *c, struct str id, bool feedback)
{
	return arena_printf(a, "%.*s/cds-services/%.*s%s", STR_ARG(c->at.base), STR_ARG(id),
			    feedback ? "/feedback" : "");
}

/* "Trusting CDS Clients": the service knows us by a token that is made for this URL. */
static bool make_token(struct cds_caller *c, struct arena *a, struct str url, struct str *ret_header, struct error *err)
{
	char jti[UUID_SIZE];
	struct buf claims, token;
	int64_t now = clock_now_ms() / 1000;
	random_uuid(jti);
	buf_init(&claims, 1 << 16);
	buf_init(&token, 1 << 17);
	hook_claims_write(&claims, &(struct hook_claims){.issuer = c->o.issuer,
							 .audience = url,
							 .issued_s = now,
							 .expires_s = now + TOKEN_S,
							 .id = str_make(jti, UUID_SIZE)});
	bool ok = jose_sign_linked(c->key, c->o.jku.n ? c->o.jku : STR_NULL, buf_str(&claims), &token, err);
	if (ok)
		*ret_header = arena_printf(a, "Bearer %.*s", STR_ARG(buf_str(&token)));
	buf_done(&claims);
	buf_done(&token);
	return ok && (ret_header->p || error_memory(err));
}

bool cds_exchange(struct cds_caller *c, struct arena *a, struct str method, struct str url, struct str body,
		  struct cds_exchange *ret_exchange, struct error *err)
{
	struct cds_exchange x = {.method = method, .url = url, .request = body};
	struct str authorization = STR_NULL;
	struct http_answer answer = {0};
	struct error failure = {0};
	x.judged = ARENA_NEW(a, struct judgement);
	if (!x.judged || !url.p)
		return error_memory(err);
	x.judged->a = a;
	if (c->key && !make_token(c, a, url, &authorization, err))
		return false;
	const struct http_header headers[] = {
		{S("Accept"), S("application/json")},
		{body.p ? S("Content-Type") : S("Authorization"), body.p ? S("application/json") : authorization},
		{S("Authorization"), authorization}};
	size_t count = 1 + (body.p != NULL) + (authorization.p != NULL);
	int64_t began = clock_now_ms();
	if (http_call(c->http, a, &(struct http_call){method, url, headers, count, body, NULL}, &answer, &failure)) {
		x.reply.status = answer.status;
		x.reply.content_type = answer.content_type;
		x.text = answer.body;
		x.reply.body = json_parse(a, answer.body, 0, &failure);
	} else {
		x.reply.failure = arena_str(a, str_from(failure.text));
	}
	x.reply.took_ms = clock_now_ms() - began;
	*ret_exchange = x;
	return true;
}

/*
 * Token requests from anywhere. The input is an Authorization header, a scope, a token, and a form (the rest); the last
 * two are also read as keys. Beyond not crashing: a refusal has a code and a text, and the answer of the token endpoint
 * is JSON whatever came in. No client is registered, so nothing can be granted and no store is asked.
 */
#include <assert.h>

#include "fuzz.h"
#include "jose/jose.h"
#include "server/smart/smart.h"

static void check_scope(struct str text)
{
	struct scope s = {0};
	if (!scope_parse(definitions_builtin(), text, &s))
		return;
	assert(s.permissions && s.type.n && s.context.n && str_eq(s.text, text));
	assert(!s.filter.p || s.filter.n);
}

static void check_token(struct arena *a, struct str text)
{
	struct jose_token token;
	struct error err = {0};
	if (jose_peek(a, text, &token, &err))
		assert(token.algorithm.n && json_is(token.claims, JSON_OBJECT));
	else
		assert(err.code != ERR_NONE && err.text[0]);
}

static void check_keys(struct arena *a, struct str text)
{
	struct error err = {0}, set_err = {0};
	struct jose_key *key = jose_key_parse(text, &err);
	assert(key || (err.code != ERR_NONE && err.text[0]));
	if (key)
		assert(jose_key_id(key).n);
	jose_key_free(key);
	const struct json *j = json_parse(a, text, 0, &set_err);
	struct jose_key_set *set = j ? jose_key_set_parse(j, &set_err) : NULL;
	assert(set || set_err.code != ERR_NONE);
	jose_key_set_free(set);
}

static void check_request(struct arena *a, struct str form, struct str authorization)
{
	const struct smart_options options = {.definitions = definitions_builtin(),
					      .token_url = S("http://localhost/auth/token")};
	struct smart_token_answer answer = {0};
	struct error err = {0}, bad = {0};
	struct buf out;
	struct smart *s = smart_open(&options, &err);
	if (!s)
		return;
	buf_init(&out, 1 << 16);
	assert(!smart_token(s, a, form, authorization, &out, &answer, &err));
	assert(answer.error && (answer.status == 400 || answer.status == 401 || answer.status == 500));
	const struct json *j = json_parse(a, buf_str(&out), 0, &bad);
	assert(j && json_get_str(j, S("error")).n && json_get_str(j, S("error_description")).n);
	buf_done(&out);
	smart_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct str authorization = str_split(&rest, '\n'), scope = rest.p ? str_split(&rest, '\n') : S("");
	struct str token = rest.p ? str_split(&rest, '\n') : S("");
	struct arena a;
	arena_init(&a, 64 << 20);
	check_scope(scope);
	check_token(&a, token);
	check_keys(&a, token);
	check_keys(&a, rest.p ? rest : S(""));
	check_request(&a, rest.p ? rest : S(""), authorization);
	arena_done(&a);
	return 0;
}

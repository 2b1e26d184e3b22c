/*
 * What strangers say to the authorization server: the input is client metadata, a list of scopes, and the parameters of
 * an authorization request (the rest). Beyond not crashing: a refusal has a code and a text, nobody is sent to an
 * address that is not registered, a client that is accepted comes back from its own form, and what two lists of scopes
 * have in common is covered by both. One client is configured, and no store is asked.
 */
#include <assert.h>

#include "fuzz.h"
#include "server/smart/smart_priv.h"

#define REDIRECT "https://app.example.org/cb"

static void check_metadata(struct smart *s, struct arena *a, struct str text)
{
	struct smart_client client = {0}, again = {0};
	struct error err = {0};
	const char *code = NULL;
	const struct json *j = json_parse(a, text, 16, &err);
	if (!j)
		return;
	if (!smart_client_read(s, a, j, &client, &code, &err)) {
		assert(code && err.code != ERR_NONE && err.text[0]);
		return;
	}
	struct str stored = client_format(a, &client, &err);
	assert(stored.p && client_parse(a, stored, &again, &err));
	assert(str_eq(client.redirect_uris, again.redirect_uris) || !client.redirect_uris.n);
	assert(smart_client_grant_types(&client) == smart_client_grant_types(&again));
	struct str rest = client.redirect_uris;
	while (rest.n) {
		struct str uri = str_split(&rest, ' ');
		assert(!uri.n || (client_has_redirect(&again, uri) && str_find_char(uri, '#', 0) == STR_NONE &&
				  !str_starts(uri, S("javascript:"))));
	}
}

static void check_scopes(struct arena *a, struct str one, struct str other)
{
	struct scope_list lists[2], common, again;
	struct error err = {0};
	const struct definitions *d = definitions_builtin();
	if (!scope_list_read(a, d, one, &lists[0], NULL, &err) ||
	    !scope_list_read(a, d, other, &lists[1], NULL, &err) ||
	    !scope_list_common(a, &lists[0], &lists[1], SCOPES_OF_PEOPLE, &common, &err))
		return;
	assert(scope_list_covers(&lists[0], &common) && scope_list_covers(&lists[1], &common));
	assert(scope_list_read(a, d, common.text, &again, NULL, &err));
	assert(again.count == common.count && again.words == common.words);
}

static void check_request(struct smart *s, struct arena *a, struct str text)
{
	struct smart_request r;
	struct error err = {0};
	bool good = smart_request_check(s, a, text, &r, &err);
	assert(good || (err.code != ERR_NONE && err.text[0]));
	assert(!r.redirect_uri.p || str_is(r.redirect_uri, REDIRECT));
	assert((!good && r.error == NULL) || r.redirect_uri.p);
	if (!r.redirect_uri.p)
		return;
	struct str url = smart_request_refuse(s, a, &r, "access_denied", str_from(err.text));
	assert(str_starts(url, S(REDIRECT "?")));
	for (size_t i = 0; i < url.n; i++)
		assert(url.p[i] > ' ' && url.p[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct str metadata = str_split(&rest, '\n'), scopes = rest.p ? str_split(&rest, '\n') : S("");
	const struct smart_client client = {
		.client_id = S("app"), .scope = S("openid launch patient/*.rs"), .redirect_uris = S(REDIRECT)};
	const struct smart_options options = {.definitions = definitions_builtin(),
					      .token_url = S("http://localhost/auth/token"),
					      .base_url = S("http://localhost"),
					      .clients = &client,
					      .client_count = 1,
					      .people = true};
	struct error err = {0};
	struct arena a;
	struct smart *s = smart_open(&options, &err);
	if (!s)
		return 0;
	arena_init(&a, 64 << 20);
	check_metadata(s, &a, metadata);
	struct str half = scopes, first = str_split(&half, '|');
	check_scopes(&a, first, half.p ? half : scopes);
	check_request(s, &a, rest.p ? rest : S(""));
	arena_done(&a);
	smart_close(s);
	return 0;
}

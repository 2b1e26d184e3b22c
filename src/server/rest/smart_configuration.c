/* The SMART discovery document (SMART App Launch 2.2, section 3.2.2): what a client must know to get a token. */
#include "server/rest/rest_priv.h"

static void put_list(struct json_writer *w, struct str key, const char *const *items, size_t count)
{
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		json_put_str(w, str_from(items[i]));
	json_array_end(w);
}
#define PUT_LIST(w, key, ...)                                                                                          \
	put_list(w, S(key), (const char *const[]){__VA_ARGS__},                                                        \
		 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

bool smart_configuration_open(struct rest_server *s, struct error *err)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("token_endpoint"), s->o.token_url);
	PUT_LIST(&w, "token_endpoint_auth_methods_supported", "private_key_jwt");
	PUT_LIST(&w, "token_endpoint_auth_signing_alg_values_supported", "RS384", "ES384");
	PUT_LIST(&w, "grant_types_supported", "client_credentials");
	PUT_LIST(&w, "scopes_supported", "system/*.cruds", "system/*.rs", "system/*.read", "system/*.write");
	PUT_LIST(&w, "capabilities", "client-confidential-asymmetric", "permission-v1", "permission-v2");
	json_object_end(&w);
	s->smart_configuration = buf_ok(&out) ? arena_str(&s->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return s->smart_configuration.p || error_memory(err);
}

bool smart_configuration_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	if (face && face->smart_configuration && !face->smart_configuration(face->ctx, call, answer))
		return true;
	if (!call->server->o.smart && !(face && face->smart_configuration))
		return error_set(err, ERR_NOT_FOUND, "This server runs without authorization");
	if (!answer->body.n) {
		answer->content_type = S("application/json");
		buf_add(&answer->body, call->server->smart_configuration);
	}
	return true;
}

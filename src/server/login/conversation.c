/*
 * Conversations under way, kept on the shelf "pending" from the app's request to the answer, so that any process can
 * go on with any page. What the person typed into searches is not kept.
 */
#include "server/login/login_priv.h"

#define SHELF S("pending")
enum { BEGUN_WINDOW_MS = 60 * 1000, BEGUN_MOST = 600 };

static void write_launch(struct json_writer *w, const struct smart_launch *launch)
{
	json_key(w, S("launch"));
	json_object_begin(w);
	json_put_member(w, S("client"), launch->client_id);
	json_put_member(w, S("user"), launch->user);
	json_put_member(w, S("patient"), launch->patient);
	json_put_member(w, S("encounter"), launch->encounter);
	json_put_member(w, S("intent"), launch->intent);
	json_put_member(w, S("context"), launch->fhir_context);
	json_put_member(w, S("style"), launch->style_url);
	json_put_member(w, S("app"), launch->app_context);
	json_key(w, S("banner"));
	json_put_bool(w, launch->need_patient_banner);
	json_object_end(w);
}

static struct smart_launch read_launch(const struct json *j)
{
	return (struct smart_launch){.client_id = json_get_str(j, S("client")),
				     .user = json_get_str(j, S("user")),
				     .patient = json_get_str(j, S("patient")),
				     .encounter = json_get_str(j, S("encounter")),
				     .intent = json_get_str(j, S("intent")),
				     .fhir_context = json_get_str(j, S("context")),
				     .style_url = json_get_str(j, S("style")),
				     .app_context = json_get_str(j, S("app")),
				     .need_patient_banner = json_bool(json_get(j, S("banner")))};
}

static void put_number(struct json_writer *w, struct str key, int64_t value)
{
	json_key(w, key);
	json_put_i64(w, value);
}

int64_t record_number(const struct json *j, struct str key)
{
	int64_t value = 0;
	struct str text = json_number(json_get(j, key));
	return text.p && str_to_i64(text, &value) ? value : 0;
}

static struct str write_conversation(struct arena *a, const struct conversation *c)
{
	struct buf out;
	buf_init(&out, 2 * FORM_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("parameters"), c->parameters);
	json_put_member(&w, S("browser"), c->browser);
	json_put_member(&w, S("user"), c->user);
	json_put_member(&w, S("second"), c->second);
	put_number(&w, S("secondMs"), c->second_ms);
	json_put_member(&w, S("nonce"), c->provider_nonce);
	json_put_member(&w, S("verifier"), c->provider_verifier);
	json_key(&w, S("mustLogin"));
	json_put_bool(&w, c->must_login);
	if (c->launched)
		write_launch(&w, &c->launch);
	json_put_member(&w, S("patient"), c->patient);
	json_put_member(&w, S("encounter"), c->encounter);
	json_put_member(&w, S("secret"), c->secret);
	put_number(&w, S("began"), c->began_ms);
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static void read_conversation(const struct json *j, struct conversation *c)
{
	const struct json *launch = json_get(j, S("launch"));
	c->parameters = json_get_str(j, S("parameters"));
	c->browser = json_get_str(j, S("browser"));
	c->user = json_get_str(j, S("user"));
	c->second = json_get_str(j, S("second"));
	c->second_ms = record_number(j, S("secondMs"));
	c->provider_nonce = json_get_str(j, S("nonce"));
	c->provider_verifier = json_get_str(j, S("verifier"));
	c->must_login = json_bool(json_get(j, S("mustLogin")));
	c->launched = launch != NULL;
	c->launch = read_launch(launch);
	c->patient = json_get_str(j, S("patient"));
	c->encounter = json_get_str(j, S("encounter"));
	c->secret = json_get_str(j, S("secret"));
	c->began_ms = record_number(j, S("began"));
}

bool conversation_begin(struct login *l, struct arena *a, struct conversation *c, struct str address,
			struct decision *d, struct error *err)
{
	struct store_fact facts[2];
	struct error why = {0};
	uint64_t begun = 0;
	c->id = token_new(a);
	c->secret = token_new(a);
	c->began_ms = login_now(l);
	c->raw = write_conversation(a, c);
	struct str key = token_key(a, c->id), counter = token_key(a, arena_printf(a, "begun:%.*s", STR_ARG(address)));
	if (!key.p || !c->secret.p || !c->raw.p || !counter.p)
		return error_memory(err);
	facts[0] = (struct store_fact){.shelf = SHELF,
				       .key = key,
				       .value = c->raw,
				       .only_new = true,
				       .expires_ms = c->began_ms + CONVERSATION_MS,
				       .quiet = true};
	facts[1] = (struct store_fact){.shelf = S("attempt"),
				       .key = arena_printf(a, "begun:%.*s", STR_ARG(counter)),
				       .count = true,
				       .expires_ms = c->began_ms + BEGUN_WINDOW_MS,
				       .quiet = true};
	struct str seen;
	if (!store_fact_get(l->options.store, a, facts[1].shelf, facts[1].key, &seen, err))
		return false;
	if (seen.p && str_to_u64(seen, &begun) && begun >= BEGUN_MOST)
		return decision_refuse(d, CHECK_RATE, REFUSAL_THROTTLED, S("too many sign-ins begun within a minute"),
				       STR_NULL, S("Wait a minute"), err);
	struct store_txn txn = {.facts = facts, .fact_count = 2};
	return store_commit(l->options.store, &txn, &why) || error_set(err, why.code, "%s", why.text);
}

bool conversation_find(struct login *l, struct arena *a, struct str id, struct str browser, struct conversation *ret_c,
		       struct error *err)
{
	struct token_fact fact;
	*ret_c = (struct conversation){0};
	if (!token_find(l, a, SHELF, id, &fact, err))
		return false;
	if (!fact.json)
		return true;
	struct conversation c = {.raw = fact.raw};
	read_conversation(fact.json, &c);
	/* Another browser's, or nobody's yet. */
	if (c.browser.p && !(browser.p && vault_equal(c.browser, token_key(a, browser))))
		return true;
	*ret_c = c;
	ret_c->id = id;
	return true;
}

bool conversation_fact(struct login *l, struct arena *a, struct conversation *c, bool over, struct store_fact *ret_fact,
		       struct error *err)
{
	(void)l;
	struct str text = over ? STR_NULL : write_conversation(a, c);
	*ret_fact = (struct store_fact){.shelf = SHELF,
					.key = token_key(a, c->id),
					.value = text,
					.expected = c->raw,
					.expires_ms = over ? 0 : c->began_ms + CONVERSATION_MS,
					.quiet = true};
	if (!ret_fact->key.p || (!over && !text.p))
		return error_memory(err);
	return true;
}

bool conversation_keep(struct login *l, struct arena *a, struct conversation *c, struct error *err)
{
	struct store_fact fact;
	if (!conversation_fact(l, a, c, false, &fact, err) || !store_fact_put(l->options.store, &fact, err))
		return false;
	c->raw = fact.value;
	return true;
}

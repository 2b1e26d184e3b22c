/* See cds_setup.h. */
#include "app/cds_setup.h"

#include <stdlib.h>

#include "app/cds_policy.h"
#include "app/cds_rules.h"
#include "app/knowledge.h"
#include "base/log.h"
#include "base/origin.h"

struct cds_setup {
	const struct config *config;
	struct arena arena;
	struct knowledge *drugs;
	struct policy policy;
	struct hook_orders_options orders;
	struct cds_rules rules;
	bool has_rules;
	struct canonicals *canonicals; /* of its own, without packages */
	struct terminology *terminology; /* for value sets that no file lists */
	struct cds_service *services;
	size_t service_count;
	struct cds_ehr *clients;
};

/* ---- the site's own services ---------------------------------------------------------------------------------------
 */

/* Whoever keeps the services should know that one of the rules said nothing, and why. */
static void log_failures(const struct rule_service *service, const struct rule_result *result)
{
	for (size_t i = 0; i < result->failure_count; i++)
		log_event(LOG_WARN, "cds rule failed", {"service", service->id}, {"rule", result->failures[i].rule},
			  {"why", str_from(result->failures[i].error.text)});
}

static bool is_plain(const struct hook_suggestion *s)
{
	return s->action_count == 1 && s->actions[0].type != HOOK_UPDATE;
}

/* What such a client could not use is left out of the cards, which say their advice without it. */
static void make_plain(struct hook_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct hook_card *card = &answer->cards[i];
		size_t kept = 0;
		for (size_t n = 0; n < card->suggestion_count; n++)
			if (is_plain(&card->suggestions[n]))
				card->suggestions[kept++] = card->suggestions[n];
		card->suggestion_count = kept;
	}
}

static bool run_rules(void *ctx, const struct cds_call *call, struct hook_answer *answer, struct error *err)
{
	const struct rule_input input = {.context = call->request->context,
					 .prefetch = call->prefetch,
					 .now_ms = call->now_ms,
					 .zone = call->request->zone};
	struct rule_result result;
	if (!rule_run(ctx, call->arena, &input, &result, err))
		return false;
	log_failures(ctx, &result);
	if (call->plain)
		make_plain(&result.answer);
	/* Nothing to say and a rule that could not be told are not the same. */
	if (!result.answer.count && !result.answer.system_action_count && result.failure_count)
		return error_set(err, ERR_BUSINESS_RULE, "rule %.*s cannot be told of this request: %s",
				 STR_ARG(str_slice(result.failures[0].rule, 0, 60)), result.failures[0].error.text);
	*answer = result.answer;
	return true;
}

static bool add_rule_service(struct cds_setup *s, const struct rule_service *r, struct error *err)
{
	const struct hook_definition *hook = hook_named(r->hook);
	struct cds_template *templates = ARENA_ARRAY(&s->arena, struct cds_template, r->prefetch_count + 1);
	if (!hook)
		return error_set(err, ERR_CONFIG, "service %.*s: there is no hook %.*s", STR_ARG(r->id),
				 STR_ARG(r->hook));
	if (!templates)
		return error_memory(err);
	for (size_t i = 0; i < r->prefetch_count; i++)
		templates[i] = (struct cds_template){
			.key = r->prefetch[i].key, .query = r->prefetch[i].query, .optional = r->prefetch[i].optional};
	s->services[s->service_count++] = (struct cds_service){.id = r->id,
							       .hook = hook->id,
							       .title = r->title,
							       .description = r->description,
							       .usage = r->usage,
							       .prefetch = templates,
							       .prefetch_count = r->prefetch_count,
							       .run = run_rules,
							       .ctx = (void *)(uintptr_t)r};
	return true;
}

static bool open_terminology(struct cds_setup *s, const struct knowledge_options *k, struct error *err)
{
	if (!k->canonicals)
		s->canonicals = canonicals_new(err);
	if (!k->canonicals && !s->canonicals)
		return false;
	s->terminology = terminology_new(k->canonicals ? k->canonicals : s->canonicals, err);
	return s->terminology && (!k->equip || k->equip(k->ctx, s->terminology, err));
}

static bool make_services(struct cds_setup *s, const struct cds_setup_options *o, struct error *err)
{
	struct str directory = s->config->cds.services;
	if (directory.p) {
		if (!open_terminology(s, o->knowledge, err))
			return false;
		cds_rules_init(&s->rules, s->terminology,
			       o->knowledge->canonicals ? o->knowledge->canonicals : s->canonicals);
		s->rules.vocabulary = s->config->cds.vocabulary;
		s->has_rules = true;
		if (!cds_rules_directory(&s->rules, directory, err))
			return false;
	}
	s->services = ARENA_ARRAY(&s->arena, struct cds_service, CDS_BUILTIN_MAX + s->rules.count);
	if (!s->services)
		return error_memory(err);
	s->orders = (struct hook_orders_options){.knowledge = s->drugs, .policy = &s->policy};
	s->service_count = cds_builtin_services(&s->orders, s->config->cds.patient_view, s->services, CDS_BUILTIN_MAX);
	for (size_t i = 0; i < s->rules.count; i++)
		if (!add_rule_service(s, s->rules.services[i], err))
			return false;
	return true;
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static bool make_clients(struct cds_setup *s, struct error *err)
{
	const struct config *c = s->config;
	s->clients = ARENA_ARRAY(&s->arena, struct cds_ehr, c->cds_client_count + 1);
	if (!s->clients)
		return error_memory(err);
	for (size_t i = 0; i < c->cds_client_count; i++) {
		const struct config_cds_client *from = &c->cds_clients[i];
		s->clients[i] = (struct cds_ehr){.issuer = from->iss,
						 .key_urls = from->jku,
						 .jwks = from->jwks,
						 .fhir_servers = from->fhir_servers};
	}
	return true;
}

struct cds_setup *cds_setup_open(const struct cds_setup_options *options, struct error *err)
{
	struct cds_setup *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->config = options->config;
	arena_init(&s->arena, (size_t)2 << 30);
	s->drugs = app_knowledge(&s->arena, s->config->cds.knowledge.p ? s->config->cds.knowledge : S(""), err);
	if (s->drugs && cds_policy_make(&s->arena, s->config, s->drugs, 0, &s->policy, err) &&
	    make_services(s, options, err) && make_clients(s, err))
		return s;
	error_context(err, "cds");
	cds_setup_close(s);
	return NULL;
}

void cds_setup_close(struct cds_setup *s)
{
	if (!s)
		return;
	if (s->has_rules)
		cds_rules_done(&s->rules);
	terminology_free(s->terminology);
	canonicals_free(s->canonicals);
	if (s->drugs)
		knowledge_free(s->drugs);
	arena_done(&s->arena);
	free(s);
}

size_t cds_setup_count(const struct cds_setup *s)
{
	return s->service_count;
}

struct cds_server *cds_setup_serve(const struct cds_setup *s, const struct cds_realm *realm, struct error *err)
{
	const struct config_cds *c = &s->config->cds;
	const struct cds_server_options options = {
		.services = s->services,
		.service_count = s->service_count,
		.store = realm->store,
		.journal = realm->journal,
		.base_url = realm->base_url,
		.base_path = realm->base_path,
		.clients = s->clients,
		.client_count = s->config->cds_client_count,
		.origins = c->origins,
		.fhir_servers = c->fhir_servers,
		/* Whoever calls from elsewhere must not reach what only this machine may. */
		.loopback = host_is_loopback(s->config->host),
		.max_body = (size_t)c->body,
		.fetch_ms = (unsigned)c->fetch_time,
		.fetch_bytes = (size_t)c->fetch_bytes,
		.fetch_threads = (unsigned)c->fetch_threads,
		.max_cards = (unsigned)c->cards,
		.remember_ms = c->remember,
		.zone = s->config->zone,
		.is_ours = realm->is_ours,
		.ctx = realm->ctx,
	};
	return cds_server_open(&options, err);
}

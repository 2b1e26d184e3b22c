/* See realm.h. */
#include "app/realm.h"

#include "app/cds_setup.h"
#include "app/secrets.h"

#include "base/log.h"

static bool open_store(struct realm *r, const struct service_options *o, struct error *err)
{
	r->store = o->store;
	if (!r->tenant.p)
		return true;
	const struct store_options options = {
		.definitions = o->definitions, .tenant = r->tenant, .no_words = !o->config->text_index};
	r->store = store_open(config_store(o->config), &options, err);
	r->own_store = r->store != NULL;
	return r->store != NULL;
}

static void tell_alert(void *ctx, const char *what, struct str request_id)
{
	const struct realm *r = ctx;
	log_event(LOG_WARN, "alert", {"what", .text = str_from(what)}, {"request_id", .text = request_id},
		  {"tenant", .text = r->tenant.p ? r->tenant : S("")});
}

static bool open_access(struct realm *r, const struct service_options *o, struct error *err)
{
	const struct access_options options = {.definitions = o->definitions,
					       .store = r->store,
					       .base = arena_printf(&r->arena, "%.*s/fhir", STR_ARG(r->base_url)),
					       .rules = o->config->policy,
					       .rule_count = o->config->policy_count,
					       .break_glass = o->config->break_glass,
					       .consent = o->config->consent};
	r->access = o->config->auth ? access_open(&options, err) : NULL;
	return !o->config->auth || r->access;
}

static bool open_smart(struct realm *r, const struct service_options *o, struct error *err)
{
	const struct config *config = o->config;
	if (!config->auth)
		return true;
	struct smart_client *clients = ARENA_ARRAY(&r->arena, struct smart_client, config->client_count + 1);
	if (!clients)
		return error_memory(err);
	for (size_t i = 0; i < config->client_count; i++)
		clients[i] = config->clients[i].client;
	const struct smart_options options = {
		.store = r->store,
		.definitions = o->definitions,
		.filter = access_filter_check,
		.filter_ctx = r->access,
		.token_url = arena_printf(&r->arena, "%.*s/auth/token", STR_ARG(r->base_url)),
		.base_url = r->base_url,
		.base_path = r->tenant.p ? arena_printf(&r->arena, "/t/%.*s", STR_ARG(r->tenant)) : S(""),
		.clients = clients,
		.client_count = config->client_count,
		.registration = config->registration,
		.vault = o->vault,
		.journal = r->journal,
		.lifetimes = {.access_s = (unsigned)(config->tokens.access / 1000),
			      .backend_s = (unsigned)(config->tokens.backend / 1000),
			      .online_s = (unsigned)(config->tokens.online / 1000),
			      .refresh_idle_s = (unsigned)(config->tokens.refresh_idle / 1000),
			      .refresh_end_s = (unsigned)(config->tokens.refresh_end / 1000),
			      .code_s = (unsigned)(config->tokens.code / 1000),
			      .launch_s = (unsigned)(config->tokens.launch / 1000)},
		.people = true};
	r->smart = smart_open(&options, err);
	return r->smart != NULL;
}

static bool open_login(struct realm *r, const struct service_options *o, struct error *err)
{
	const struct config *config = o->config;
	if (!r->smart)
		return true;
	const struct login_options options = {
		.store = r->store,
		.definitions = o->definitions,
		.smart = r->smart,
		.access = r->access,
		.vault = o->vault,
		.journal = r->journal,
		.base_url = r->base_url,
		.base_path = r->tenant.p ? arena_printf(&r->arena, "/t/%.*s", STR_ARG(r->tenant)) : S(""),
		.realm = r->tenant,
		.title = config->login.title,
		/* Users of the file are those of the root: a tenant's are its own. */
		.users = config->users,
		.user_count = r->tenant.p ? 0 : config->user_count,
		.provider = config->provider.issuer.p ? &config->provider : NULL,
		.idle_ms = config->login.idle,
		.end_ms = config->login.end,
		.user_attempts = (unsigned)config->login.user_attempts,
		.address_attempts = (unsigned)config->login.address_attempts};
	r->login = login_open(&options, err);
	return r->login != NULL;
}

static bool open_jobs(struct realm *r, const struct service_options *o, struct error *err)
{
	const struct limits *l = &o->config->limits;
	struct str data = o->config->data;
	struct str directory =
		r->tenant.p ? arena_printf(&r->arena, "%.*s/tenants/%.*s/jobs", STR_ARG(data), STR_ARG(r->tenant))
			    : arena_printf(&r->arena, "%.*s/jobs", STR_ARG(data));
	if (!directory.p)
		return error_memory(err);
	r->jobs = jobs_open(&(struct jobs_options){.store = r->store,
						   .directory = directory,
						   .max_jobs = (unsigned)l->jobs,
						   .workers = (unsigned)l->workers,
						   .keep_ms = l->keep,
						   .share = (uint64_t)l->share},
			    err);
	return r->jobs != NULL;
}

static bool open_knowledge(struct realm *r, const struct service_options *o, struct error *err)
{
	struct knowledge_options known = o->knowledge;
	known.definitions = o->definitions;
	known.store = r->store;
	r->knowledge = knowledge_open(&known, err);
	return r->knowledge && knowledge_check_rules(r->knowledge, err);
}

/* RFC 9728 section 3.1: the well-known part comes between host and path. */
static struct str resource_metadata(struct realm *r)
{
	size_t start = str_find(r->base_url, S("://"));
	size_t path = start == STR_NONE ? STR_NONE : str_find_char(r->base_url, '/', start + 3);
	path = path == STR_NONE ? r->base_url.n : path;
	return arena_printf(&r->arena, "%.*s/.well-known/oauth-protected-resource%.*s/fhir",
			    STR_ARG(str_slice(r->base_url, 0, path)),
			    STR_ARG(str_slice(r->base_url, path, r->base_url.n)));
}

static bool open_rest(struct realm *r, const struct service_options *o, struct error *err)
{
	const struct limits *l = &o->config->limits;
	struct str path = r->tenant.p ? arena_printf(&r->arena, "/t/%.*s/fhir", STR_ARG(r->tenant)) : S("/fhir");
	r->import = (struct bulk_import){.definitions = o->definitions,
					 .store = r->store,
					 .knowledge = r->knowledge,
					 .base = arena_printf(&r->arena, "%.*s/fhir", STR_ARG(r->base_url)),
					 .allowed = o->config->import_from,
					 .spool = o->config->data,
					 .max_bytes = (uint64_t)l->upload,
					 .threads = 2};
	r->export = (struct bulk_export){.base = r->import.base, .guarded = r->smart != NULL};
	r->weights = match_default_weights;
	if (!match_weights_parse(o->config->match, &r->weights, err))
		return error_context(err, "match");
	const struct rest_options options = {
		.definitions = o->definitions,
		.knowledge = r->knowledge,
		.match_weights = &r->weights,
		.zone = o->config->zone,
		.store = r->store,
		.smart = r->smart,
		.access = r->access,
		.alert = tell_alert,
		.alert_ctx = r,
		.jobs = r->jobs,
		.base_path = path,
		.base_url = arena_printf(&r->arena, "%.*s/fhir", STR_ARG(r->base_url)),
		.token_url = arena_printf(&r->arena, "%.*s/auth/token", STR_ARG(r->base_url)),
		.resource_metadata = r->smart ? resource_metadata(r) : STR_NULL,
		.journal = r->journal,
		.extractor = o->extractor,
		.import = bulk_import_start,
		.import_ctx = &r->import,
		.export = bulk_export_start,
		.export_ctx = &r->export,
		.max_upload = (uint64_t)l->upload,
		.no_update_create = !o->config->update_create,
		.limits = {.depth = (unsigned)l->depth,
			   .entries = (unsigned)l->entries,
			   .deletes = (unsigned)l->deletes,
			   .page = (unsigned)l->page,
			   .chain = (unsigned)l->chain,
			   .includes = (unsigned)l->includes,
			   .query_ms = (unsigned)l->query,
			   .memory = (size_t)l->memory},
	};
	r->rest = rest_open(&options, err);
	if (!r->rest)
		return false;
	r->import.parameters = rest_parameters(r->rest);
	return true;
}

static bool open_cds(struct realm *r, const struct service_options *o, struct error *err)
{
	const struct cds_realm realm = {
		.store = r->store,
		.journal = r->journal,
		.base_url = r->base_url,
		.base_path = r->tenant.p ? arena_printf(&r->arena, "/t/%.*s", STR_ARG(r->tenant)) : S(""),
		.is_ours = o->is_ours,
		.ctx = o->is_ours_ctx};
	r->cds = o->cds ? cds_setup_serve(o->cds, &realm, err) : NULL;
	return !o->cds || r->cds;
}

bool realm_open(struct realm *r, const struct realm_options *options, struct error *err)
{
	const struct service_options *o = options->service;
	*r = (struct realm){0};
	arena_init(&r->arena, (size_t)1 << 20);
	r->base_url = arena_str(&r->arena, options->base_url);
	if (options->tenant.p) {
		r->tenant = arena_str(&r->arena, options->tenant);
		r->base_url =
			arena_printf(&r->arena, "%.*s/t/%.*s", STR_ARG(options->base_url), STR_ARG(options->tenant));
	}
	r->sealing = o->vault;
	bool ok = (r->base_url.p && (r->tenant.p || !options->tenant.p)) || error_memory(err);
	r->journal = ok ? decision_journal_new(err) : NULL;
	if (r->journal && open_store(r, o, err) && open_access(r, o, err) && open_smart(r, o, err) &&
	    open_login(r, o, err) && open_knowledge(r, o, err) && open_jobs(r, o, err) && open_rest(r, o, err) &&
	    open_cds(r, o, err))
		return true;
	realm_close(r);
	return false;
}

bool realm_open_part(struct realm *r, const struct realm *of, const struct service_options *o, struct error *err)
{
	struct config config = *o->config;
	struct service_options options = *o;
	config.auth = true;
	options.config = &config;
	*r = (struct realm){.store = of->store, .tenant = of->tenant, .base_url = of->base_url};
	arena_init(&r->arena, (size_t)1 << 20);
	r->journal = decision_journal_new(err);
	if (r->journal && !options.vault)
		options.vault = r->vault = secrets_open(&config, err);
	r->sealing = options.vault;
	if (options.vault && open_access(r, &options, err) && open_smart(r, &options, err) &&
	    open_login(r, &options, err))
		return true;
	realm_close(r);
	return false;
}

void realm_close(struct realm *r)
{
	cds_server_close(r->cds);
	jobs_close(r->jobs); /* first: what runs uses everything else */
	rest_close(r->rest);
	knowledge_close(r->knowledge);
	login_close(r->login);
	access_close(r->access);
	if (r->smart)
		smart_close(r->smart);
	if (r->own_store)
		store_close(r->store);
	decision_journal_free(r->journal);
	vault_close(r->vault);
	arena_done(&r->arena);
	*r = (struct realm){0};
}

bool realm_handle(struct realm *r, struct http_exchange *x)
{
	return (r->smart && smart_handle(r->smart, x)) || (r->login && login_handle(r->login, x)) ||
	       (r->cds && cds_server_handle(r->cds, x)) || rest_handle(r->rest, x);
}

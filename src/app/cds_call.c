/*
 * firth cds call URL [FILE]: calls a CDS service as an EHR does, shows the cards and everything that is wrong with the
 * answer, and tells the service what became of them.
 */
#include <stdio.h>

#include "app/cds_outcome.h"
#include "app/cds_request.h"
#include "base/file.h"

struct call {
	struct app *app;
	struct config config;
	struct config_options shared;
	struct cds_caller_options o;
	struct cds_fhir_options fhir_options;
	struct cds_fhir fhir;
	struct cds_caller client;
	struct cds_wish wish;
	struct option_list orders, drugs, selections, prefetch;
	struct cds_outcome_options outcomes;
	struct str service;
	bool show_request, no_send;
	struct cds_exchange x, told; /* told: the feedback */
	bool tells;
};

/* ---- which service ----------------------------------------------------------------------------------------------- */

/* Discovery says what the service is called and wants to be sent. Without it a service that is named can be called all
 * the same, with what the options give. */
static bool discover(struct call *k, struct error *err)
{
	struct cds_exchange x;
	struct arena *a = &k->app->arena;
	struct str url = arena_printf(a, "%.*s/cds-services", STR_ARG(k->client.at.base));
	if (!cds_exchange(&k->client, a, S("GET"), url, STR_NULL, &x, err))
		return false;
	const struct json *discovery = x.reply.status == 200 ? x.reply.body : NULL;
	k->wish.service = hook_service_find(discovery, k->service, k->wish.hook);
	if (k->wish.service) {
		k->service = json_get_str(k->wish.service, S("id"));
		if (!k->wish.hook.n)
			k->wish.hook = json_get_str(k->wish.service, S("hook"));
		return true;
	}
	if (k->service.n && k->wish.hook.n) {
		fprintf(stderr, "note: discovery tells of no service %.*s for %.*s; its templates are not known\n",
			STR_ARG(str_slice(k->service, 0, 80)), STR_ARG(str_slice(k->wish.hook, 0, 80)));
		return true;
	}
	if (!discovery)
		return error_set(err, ERR_REMOTE, "there is no discovery at %.*s: %s", STR_ARG(str_slice(url, 0, 120)),
				 x.reply.status ? "it is no JSON, or refused" : x.reply.failure.p);
	if (k->service.n || k->wish.hook.n)
		return error_set(err, ERR_NOT_FOUND, "discovery tells of no service %.*s%s%.*s", STR_ARG(k->service),
				 k->wish.hook.n ? " for " : "", STR_ARG(k->wish.hook));
	return error_set(err, ERR_USAGE, "there are several services, or none; choose with --service or --hook");
}

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

static bool read_request(struct call *k, struct str *ret_body, struct error *err)
{
	struct arena *a = &k->app->arena;
	struct str path = k->app->args[1];
	struct error ignored = {0};
	if (!file_read(a, str_is(path, "-") ? S("/dev/stdin") : arena_str(a, path), CDS_REQUEST_MAX, ret_body, err))
		return false;
	const struct json *j = json_parse(a, *ret_body, 0, &ignored);
	if (!k->wish.hook.n)
		k->wish.hook = json_get_str(j, S("hook"));
	return k->service.n || discover(k, err);
}

static bool build(struct call *k, struct str *ret_body, struct error *err)
{
	if (!discover(k, err))
		return false;
	if (!k->wish.user.n)
		k->wish.user = S("Practitioner/example");
	k->wish.orders = &k->orders;
	k->wish.drugs = &k->drugs;
	k->wish.selections = &k->selections;
	k->wish.prefetch = &k->prefetch;
	k->wish.fhir = &k->fhir;
	k->fhir.login.config = k->config;
	return cds_fhir_open(&k->fhir, k->app, &k->fhir_options, err) &&
	       cds_request_build(k->app, &k->wish, ret_body, err);
}

static bool send(struct call *k, struct error *err)
{
	struct arena *a = &k->app->arena;
	struct hook_outcome *outcomes;
	size_t count;
	if (!cds_exchange(&k->client, a, k->x.method, k->x.url, k->x.request, &k->x, err))
		return false;
	judge_answer(k->x.judged, &k->x.reply);
	if (!cds_outcomes_read(a, &k->outcomes, k->x.reply.body, &outcomes, &count, err))
		return false;
	k->tells = count > 0;
	return !count || cds_outcomes_send(&k->client, a, k->service, outcomes, count, &k->told, err);
}

/* ---- what is shown ----------------------------------------------------------------------------------------------- */

static void write_all(const struct call *k)
{
	struct buf out;
	buf_init(&out, (size_t)2 * CDS_REQUEST_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	cds_write_exchange(&w, &k->x, k->show_request);
	judge_write_findings(&w, k->x.judged);
	if (k->tells) {
		json_key(&w, S("feedback"));
		json_object_begin(&w);
		cds_write_exchange(&w, &k->told, true);
		judge_write_findings(&w, k->told.judged);
		json_object_end(&w);
	}
	json_object_end(&w);
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_done(&out);
}

static void print_all(const struct call *k)
{
	cds_print_reply(k->app, &k->x);
	if (k->x.reply.status == 200 && k->x.reply.body)
		cds_print_cards(k->app, k->x.reply.body);
	cds_print_findings(k->app, k->x.judged);
	if (!k->tells)
		return;
	cds_print_reply(k->app, &k->told);
	cds_print_findings(k->app, k->told.judged);
}

static int finish(const struct call *k)
{
	if (k->app->json)
		write_all(k);
	else
		print_all(k);
	return judge_errors(k->x.judged) || k->x.reply.status != 200 || (k->tells && judge_errors(k->told.judged))
		       ? APP_FAILED
		       : APP_OK;
}

/* Only shown: as JSON the bare request, which can be sent again as it is. */
static int show_only(const struct call *k)
{
	return app_write(k->app, k->x.request) && app_write(k->app, S("\n")) ? APP_OK : APP_FAILED;
}

static int run(struct call *k)
{
	struct error err = {0};
	struct str body = STR_NULL;
	int status = APP_OK;
	bool ok = cds_connect(&k->client, k->app, &k->o, k->app->args[0], &err);
	if (ok && !k->service.n)
		k->service = k->client.at.service;
	ok = ok && (k->app->arg_count > 1 ? read_request(k, &body, &err) : build(k, &body, &err));
	if (ok) {
		struct judgement *j = ARENA_NEW(&k->app->arena, struct judgement);
		k->x = (struct cds_exchange){.method = S("POST"),
					     .url = cds_service_url(&k->app->arena, &k->client, k->service, false),
					     .request = body,
					     .judged = j};
		ok = j || error_memory(&err);
		if (ok)
			j->a = &k->app->arena;
	}
	if (ok && k->show_request && !k->app->json && !k->no_send)
		ok = cds_print_request(k->app, &k->x, &err);
	if (ok && k->no_send)
		status = show_only(k);
	else if (ok)
		ok = send(k, &err);
	if (!ok && k->x.reply.status && !k->app->json)
		print_all(k); /* the cards are there; what was to be done with them is not */
	if (!ok)
		status = app_fail(k->app, &err);
	else if (!k->no_send)
		status = finish(k);
	cds_fhir_close(&k->fhir);
	cds_disconnect(&k->client);
	return status;
}

int command_cds_call(struct app *app)
{
	struct call k = {.app = app};
	if (!config_open(app, &k.config))
		return app->status;
	const struct option options[] = {
		{"service", OPTION_TEXT, "ID", "which service (default: the one for the hook)", &k.service, NULL},
		{"hook", OPTION_TEXT, "HOOK", "order-sign, patient-view ... (default: the service's)", &k.wish.hook,
		 NULL},
		{"patient", OPTION_TEXT, "ID", "the patient", &k.wish.patient, NULL},
		{"encounter", OPTION_TEXT, "ID", "the visit", &k.wish.encounter, NULL},
		{"user", OPTION_TEXT, "TYPE/ID", "who is at work (default Practitioner/example)", &k.wish.user, NULL},
		{"order", OPTION_LIST, "FILE.json|TYPE/ID", "a draft order, or a Bundle of them", &k.orders, NULL},
		{"drug", OPTION_ITEMS, "NAME|SYSTEM|CODE", "a draft order of this drug", &k.drugs, NULL},
		{"select", OPTION_LIST, "TYPE/ID", "order-select: which are selected (default: all)", &k.selections,
		 NULL},
		{"context", OPTION_TEXT, "FILE", "members of the context, over those of the options", &k.wish.context,
		 NULL},
		{"prefetch", OPTION_ITEMS, "KEY=QUERY|KEY=FILE.json|FILE.json",
		 "what is sent along, beside and over the service's templates", &k.prefetch, NULL},
		{"no-prefetch", OPTION_FLAG, NULL, "send nothing along", &k.wish.no_prefetch, NULL},
		{"fhir-server", OPTION_TEXT, "URL|EHR", "where data comes from, also for the service",
		 &k.fhir_options.server, NULL},
		{"token-file", OPTION_TEXT, "FILE", "token for that server (or FIRTH_FHIR_TOKEN in the environment)",
		 &k.fhir_options.token_file, NULL},
		{"share-token", OPTION_FLAG, NULL, "let the service have that token (fhirAuthorization)",
		 &k.wish.share_token, NULL},
		{"token-scope", OPTION_TEXT, "SCOPES", "what the token allows, as told to the service",
		 &k.fhir_options.scope, NULL},
		{"token-subject", OPTION_TEXT, "ID", "the client it was made for, as told to the service",
		 &k.fhir_options.subject, NULL},
		{"show-request", OPTION_FLAG, NULL, "show what is sent", &k.show_request, NULL},
		{"no-send", OPTION_FLAG, NULL, "print the request, and send nothing", &k.no_send, NULL},
		{"accept", OPTION_LIST, "CARD.SUGGESTION", "feedback: accept it, such as 1.2", &k.outcomes.accept,
		 NULL},
		{"override", OPTION_LIST, "CARD[=REASON]", "feedback: override it, such as 1=will-monitor",
		 &k.outcomes.override, NULL},
		{"comment", OPTION_TEXT, "TEXT", "feedback: why it is overridden, in words", &k.outcomes.comment, NULL},
		CDS_OPTIONS(k.o),
		CONFIG_OPTIONS(k.shared, k.config),
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "URL [FILE]",
		.min_args = 1,
		.max_args = 2,
		.details =
			"URL is that of the server or of one of its services. With FILE (- for standard input) that\n"
			"request is sent as it is; without, one is built. Ends with 1 when something is wrong.\n\n"
			"  firth cds call http://127.0.0.1:8080 --hook order-sign --patient 12 --drug amoxicillin \\\n"
			"      --fhir-server http://127.0.0.1:8081/fhir",
	};
	if (!app_options(app, &line) || !config_finish(app, &k.config, &k.shared))
		return app->status;
	return run(&k);
}

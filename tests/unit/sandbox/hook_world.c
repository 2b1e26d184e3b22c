/* See hook_world.h. */
#include "hook_world.h"

#include <stdlib.h>

/* ---- a service ----------------------------------------------------------------------------------------------------
 */

static void keep(char **to, struct str text)
{
	free(*to);
	*to = malloc(text.n + 1);
	memcpy(*to, text.n ? text.p : "", text.n);
	(*to)[text.n] = 0;
}

static void serve(void *ctx, struct http_exchange *x)
{
	struct service *s = ctx;
	const struct http_request *r = http_request(x);
	struct buf body;
	bool discovery = str_is(r->method, "GET");
	buf_init(&body, 1 << 20);
	pthread_mutex_lock(&s->lock);
	if (discovery) {
		s->discoveries++;
		buf_add(&body, S("{\"services\":[{\"hook\":\"patient-view\",\"id\":\"hello\",\"description\":\"d\","
				 "\"prefetch\":{"
				 "\"who\":\"Patient/"
				 "{{context.patientId}}\",\"what\":\"Condition?patient={{context.patientId}}\","
				 "\"no\":\"Patient/{{context.somethingElse}}\"}},"
				 "{\"hook\":\"order-sign\",\"id\":\"sign\",\"description\":\"d\",\"prefetch\":{\"who\":"
				 "\"Patient/{{context.patientId}}\"}}]}"));
	} else {
		keep(&s->got, r->body);
		keep(&s->path, r->path);
		keep(&s->authorization, http_request_header(x, "Authorization"));
		buf_add(&body, str_from(s->answer));
	}
	int status = discovery ? 200 : s->status;
	const char *type = s->content_type;
	pthread_mutex_unlock(&s->lock);
	http_respond(x, &(struct http_response){.status = status, .content_type = str_from(type), .body = &body});
	buf_done(&body);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	(void)err;
	http_respond(x, &(struct http_response){.status = 400, .content_type = S("")});
}

struct service service;

static void open_service(struct arena *a)
{
	struct error err = {0};
	service = (struct service){.status = 200, .content_type = "application/json", .answer = "{\"cards\":[]}"};
	pthread_mutex_init(&service.lock, NULL);
	struct http_handler handler = {.handle = serve, .refuse = refuse, .ctx = &service};
	service.server = http_server_start(&(struct http_server_options){.threads = 1}, &handler, &err);
	must(service.server, &err);
	service.base = arena_printf(a, "http://127.0.0.1:%u", http_server_port(service.server));
}

static void close_service(void)
{
	http_server_stop(service.server);
	free(service.got);
	free(service.authorization);
	free(service.path);
	pthread_mutex_destroy(&service.lock);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

struct world *w;
static struct smart_client client;

void open_vendor(enum ehr_vendor vendor, const char *behaviour)
{
	struct arena a; /* until there is the world's */
	struct str one = str_from(behaviour ? behaviour : "");
	arena_init(&a, ARENA_NO_CAP);
	open_service(&a);
	client = (struct smart_client){.client_id = S("cds"),
				       .name = S("CDS"),
				       .scope = S("system/Patient.rs system/MedicationRequest.rs system/Condition.rs "
						  "system/Medication.rs"),
				       .redirect_uris = arena_printf(&a, "%.*s/svc", STR_ARG(service.base))};
	w = world_open(&(struct world_options){.vendor = vendor,
					       .patients = 1,
					       .actors = true,
					       .clients = &client,
					       .client_count = 1,
					       .behaviours = &one,
					       .behaviour_count = behaviour != NULL});
	service.base = arena_str(&w->arena, service.base);
	client.redirect_uris = arena_str(&w->arena, client.redirect_uris);
	arena_done(&a);
}

void close_vendor(void)
{
	world_close(w);
	close_service();
}

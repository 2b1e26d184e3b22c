/* The services as an OpenAPI 3.0 document: paths from the table, schemas from cds_schemas.json, which the binary holds.
 */
#include "server/cds/cds_priv.h"

extern const char data_cds_schemas[], data_cds_schemas_end[];

struct operation {
	const char *method;
	struct str id, summary;
	const char *takes, *gives; /* schemas; NULL: no body */
	bool token;
};

static void put_ref(struct json_writer *w, const char *schema)
{
	char text[80] = "#/components/schemas/";
	size_t n = strlen(text), more = strlen(schema);
	memcpy(text + n, schema, more < sizeof(text) - n ? more : 0);
	json_key(w, S("content"));
	json_object_begin(w);
	json_key(w, S("application/json"));
	json_object_begin(w);
	json_key(w, S("schema"));
	json_object_begin(w);
	json_put_member(w, S("$ref"), str_make(text, n + more));
	json_object_end(w);
	json_object_end(w);
	json_object_end(w);
}

static void put_answer(struct json_writer *w, const char *status, const char *description, const char *schema)
{
	json_key(w, str_from(status));
	json_object_begin(w);
	json_put_member(w, S("description"), str_from(description));
	if (schema)
		put_ref(w, schema);
	json_object_end(w);
}

static void put_answers(struct json_writer *w, const struct operation *o)
{
	json_key(w, S("responses"));
	json_object_begin(w);
	put_answer(w, "200", "As CDS Hooks 2.0 has it", o->gives);
	if (o->takes) {
		put_answer(w, "400", "An OperationOutcome names the member that is wrong or missing", "Resource");
		put_answer(w, "401", "The JWT is missing or not valid", "Resource");
		put_answer(w, "403", "The caller may not call here", "Resource");
		put_answer(w, "412", "Data that is needed was not sent and could not be fetched", "Resource");
	}
	json_object_end(w);
}

static void put_operation(struct json_writer *w, const struct operation *o)
{
	json_key(w, str_from(o->method));
	json_object_begin(w);
	json_put_member(w, S("operationId"), o->id);
	json_put_member(w, S("summary"), o->summary);
	if (o->takes) {
		json_key(w, S("requestBody"));
		json_object_begin(w);
		json_key(w, S("required"));
		json_put_bool(w, true);
		put_ref(w, o->takes);
		json_object_end(w);
	}
	if (o->token)
		json_put_raw((json_key(w, S("security")), w), S("[{\"jwt\":[]}]"));
	put_answers(w, o);
	json_object_end(w);
}

static void put_path(const struct cds_server *c, struct json_writer *w, struct arena *a, struct str id,
		     const char *tail, const struct operation *o)
{
	struct str path = arena_printf(a, "%.*s%s%.*s%s", STR_ARG(c->path), id.n ? "/" : "", STR_ARG(id), tail);
	json_key(w, path.p ? path : S("/"));
	json_object_begin(w);
	put_operation(w, o);
	json_object_end(w);
}

static void put_service(const struct cds_server *c, struct json_writer *w, const struct cds_service *s)
{
	struct arena a;
	bool token = c->o.client_count > 0;
	arena_init(&a, 1 << 16);
	struct operation call = {"post", s->id, s->title.n ? s->title : s->description, "Request", "Answer", token};
	struct operation feedback = {"post",
				     arena_printf(&a, "%.*s-feedback", STR_ARG(s->id)),
				     S("What users did with cards"),
				     "Feedback",
				     NULL,
				     token};
	put_path(c, w, &a, s->id, "", &call);
	put_path(c, w, &a, s->id, "/feedback", &feedback);
	arena_done(&a);
}

bool openapi_write(const struct cds_server *c, struct buf *out, struct error *err)
{
	struct json_writer w = json_writer(out);
	struct arena a;
	const struct operation discovery = {"get", S("discovery"), S("The services"), NULL, "Discovery", false};
	arena_init(&a, 1 << 16);
	json_object_begin(&w);
	json_put_member(&w, S("openapi"), S("3.0.3"));
	json_put_raw(
		(json_key(&w, S("info")), &w),
		S("{\"title\":\"CDS services of Firth\",\"description\":\"CDS Hooks 2.0\",\"version\":\"" FIRTH_VERSION
		  "\"}"));
	json_key(&w, S("paths"));
	json_object_begin(&w);
	put_path(c, &w, &a, STR_NULL, "", &discovery);
	for (size_t i = 0; i < c->o.service_count; i++)
		put_service(c, &w, &c->o.services[i]);
	json_object_end(&w);
	json_key(&w, S("components"));
	json_object_begin(&w);
	json_put_raw((json_key(&w, S("securitySchemes")), &w),
		     S("{\"jwt\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}}"));
	json_put_raw((json_key(&w, S("schemas")), &w),
		     str_trim(str_make(data_cds_schemas, (size_t)(data_cds_schemas_end - data_cds_schemas))));
	json_object_end(&w);
	json_object_end(&w);
	arena_done(&a);
	return buf_ok(out) || error_memory(err);
}

/* What an EHR that calls a CDS service may do wrong with its JWT, and pages that may not call. */
#include "refusals.h"

#include "server/cds/cds.h"

#define ISSUER	"https://ehr.example.org/fhir"
#define AWAY	"https://away.example.org/fhir"
#define KEYLESS "https://keyless.example.org/fhir"

static struct cds_server *cds;
static struct http_server *http;
static char base[64];

static void handle(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	/* The base URL is known once the server listens. */
	assert_true(cds_server_handle(cds, x));
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	(void)err;
	http_respond(x, &(struct http_response){.status = 400, .content_type = S("")});
}

static bool silent(void *ctx, const struct cds_call *call, struct hook_answer *answer, struct error *err)
{
	(void)ctx;
	(void)call;
	(void)answer;
	(void)err;
	return true;
}

static void open_services(void)
{
	static const struct cds_service service = {
		.id = {"quiet", 5}, .hook = HOOK_ID_PATIENT_VIEW, .description = {"Says nothing", 12}, .run = silent};
	static struct cds_ehr clients[3];
	static char away[128], jwks[128];
	struct error err = {0};
	const struct http_handler handler = {.handle = handle, .refuse = refuse};
	http = http_server_start(&(struct http_server_options){.threads = 1}, &handler, &err);
	assert_non_null(http);
	snprintf(base, sizeof(base), "http://127.0.0.1:%u", http_server_port(http));
	snprintf(away, sizeof(away), "%s/cds-services/nothing", base); /* answers 404 */
	snprintf(jwks, sizeof(jwks), "%s/cds-services", base); /* answers, but with no keys */
	clients[0] = (struct cds_ehr){.issuer = S(ISSUER), .jwks = p->jwks[0]};
	clients[1] = (struct cds_ehr){.issuer = S(AWAY), .key_urls = str_from(away)};
	clients[2] = (struct cds_ehr){.issuer = S(KEYLESS), .key_urls = str_from(jwks)};
	const struct cds_server_options options = {.services = &service,
						   .service_count = 1,
						   .store = p->servers[0].store,
						   .base_url = str_from(base),
						   .clients = clients,
						   .client_count = 3,
						   .now_ms = place_now};
	cds = cds_server_open(&options, &err);
	if (!cds)
		fail_msg("%s", err.text);
}

struct jwt {
	const char *issuer, *audience, *jti, *jku; /* NULL: as it should be, and no jku */
	int64_t exp_s, nbf_s; /* from now; 0: as it should be */
	int key;
	bool no_exp, no_jti;
};

static struct str sign(const struct jwt *j)
{
	static int number;
	struct error err = {0};
	struct buf token;
	char jti[32], exp[64] = "", aud[120];
	int64_t now_s = place_now() / 1000;
	snprintf(jti, sizeof(jti), "jti-%d", number++);
	snprintf(aud, sizeof(aud), "%s/cds-services/quiet", base);
	if (!j->no_exp)
		snprintf(exp, sizeof(exp), ",\"exp\":%lld", (long long)(now_s + (j->exp_s ? j->exp_s : 300)));
	struct str claims = arena_printf(&p->arena, "{\"iss\":\"%s\",\"aud\":\"%s\",\"nbf\":%lld,\"jti\":\"%s\"%s}",
					 j->issuer ? j->issuer : ISSUER, j->audience ? j->audience : aud,
					 (long long)(now_s + j->nbf_s),
					 j->no_jti ? ""
					 : j->jti  ? j->jti
						   : jti,
					 exp);
	buf_init(&token, 64 * 1024);
	assert_true(jose_sign_linked(p->keys[j->key], j->jku ? str_from(j->jku) : STR_NULL, claims, &token, &err));
	struct str header = arena_printf(&p->arena, "Bearer %.*s", STR_ARG(buf_str(&token)));
	buf_done(&token);
	return header;
}

static struct place_answer call(struct str authorization, struct str origin)
{
	struct place_answer answer = {0};
	struct error err = {0};
	struct http_header headers[3] = {{S("Content-Type"), S("application/json")}};
	size_t n = 1;
	if (authorization.p)
		headers[n++] = (struct http_header){S("Authorization"), authorization};
	if (origin.p)
		headers[n++] = (struct http_header){S("Origin"), origin};
	const struct http_call post = {.method = S("POST"),
				       .url = arena_printf(&p->arena, "%s/cds-services/quiet", base),
				       .headers = headers,
				       .header_count = n,
				       .body = S("{\"hook\":\"patient-view\",\"hookInstance\":\"1\",\"context\":{"
						 "\"userId\":\"Practitioner/1\",\"patientId\":\"1\"}}")};
	if (!http_call(p->client, &p->arena, &post, &answer.http, &err))
		fail_msg("%s", err.text);
	answer.status = answer.http.status;
	answer.json = json_parse(&p->arena, answer.http.body, 0, NULL);
	return answer;
}

static void expect(enum refusal want, struct str authorization)
{
	struct place_answer answer = call(authorization, STR_NULL);
	refusal_expect(want, &answer);
}

static struct str spoiled(struct str token)
{
	struct str copy = arena_str(&p->arena, token);
	char *last = (char *)(uintptr_t)copy.p + copy.n - 10;
	*last = *last == 'A' ? 'B' : 'A';
	return copy;
}

void refusals_of_calling_ehrs(void **state)
{
	(void)state;
	open_services();
	struct place_answer answer = call(sign(&(struct jwt){.jti = "once"}), STR_NULL);
	assert_int_equal(answer.status, 200);
	expect(REFUSAL_CDS_REPLAYED, sign(&(struct jwt){.jti = "once"}));
	expect(REFUSAL_CDS_TOKEN_MISSING, STR_NULL);
	expect(REFUSAL_CDS_TOKEN_MALFORMED, S("Bearer x.y"));
	expect(REFUSAL_CDS_TOKEN_MALFORMED, S("Basic eA=="));
	expect(REFUSAL_CDS_ALGORITHM, arena_printf(&p->arena, "Bearer eyJhbGciOiJSUzI1NiJ9.%s.c2ln",
						   "eyJpc3MiOiJodHRwczovL2Voci5leGFtcGxlLm9yZy9maGlyIn0"));
	expect(REFUSAL_CDS_ISSUER, sign(&(struct jwt){.issuer = "https://other.example.org"}));
	expect(REFUSAL_CDS_KEY_URL, sign(&(struct jwt){.issuer = AWAY, .jku = "https://evil.example/jwks"}));
	expect(REFUSAL_CDS_AUDIENCE, sign(&(struct jwt){.audience = "https://other.example.org/cds-services/quiet"}));
	expect(REFUSAL_CDS_EXPIRY, sign(&(struct jwt){.no_exp = true}));
	expect(REFUSAL_CDS_EXPIRED, sign(&(struct jwt){.exp_s = -100}));
	expect(REFUSAL_CDS_EARLY, sign(&(struct jwt){.nbf_s = 200}));
	expect(REFUSAL_CDS_LONG, sign(&(struct jwt){.exp_s = 3600}));
	expect(REFUSAL_CDS_ID, sign(&(struct jwt){.no_jti = true}));
	expect(REFUSAL_CDS_KEY, sign(&(struct jwt){.key = 1}));
	expect(REFUSAL_CDS_SIGNATURE, spoiled(sign(&(struct jwt){0})));
	expect(REFUSAL_CDS_KEYS_AWAY, sign(&(struct jwt){.issuer = AWAY}));
	expect(REFUSAL_CDS_KEY, sign(&(struct jwt){.issuer = KEYLESS}));
	answer = call(sign(&(struct jwt){0}), S("https://evil.example"));
	refusal_expect(REFUSAL_CDS_PAGE, &answer);
	http_server_stop(http);
	cds_server_close(cds);
}

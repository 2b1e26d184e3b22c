/* What a bad day at an EHR looks like from outside: applied before the face is asked, or to what it says. */
#include <stdlib.h>
#include <time.h>

#include "sandbox/faults_priv.h"

#include "base/clock.h"
#include "base/encode.h"

#define SLOW_MAX_MS 60000

static void respond(struct http_exchange *x, int status, const char *type, const char *text, bool again)
{
	struct buf body;
	buf_init(&body, 1 << 16);
	buf_add(&body, str_from(text));
	const struct http_header headers[] = {{S("Retry-After"), S("1")}};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = str_from(type),
						.headers = headers,
						.header_count = again,
						.body = &body});
	buf_done(&body);
}

static void wait_ms(int64_t ms)
{
	ms = ms > SLOW_MAX_MS ? SLOW_MAX_MS : ms;
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

/* ---- whole answers ---------------------------------------------------------------------------------------------- */

static const char login_page[] =
	"<!DOCTYPE html>\r\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1><form method=\"post\">"
	"<input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>\r\n";
static const char balancer_page[] =
	"<html><head><title>503 Service Temporarily Unavailable</title></head><body><center><h1>503 Service "
	"Temporarily Unavailable</h1></center></body></html>\r\n";

static void respond_broken(struct sandbox *s, struct http_exchange *x)
{
	if (s->o.vendor == EHR_EPIC)
		respond(x, 500, "application/fhir+json",
			"{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"fatal\",\"code\":"
			"\"exception\","
			"\"details\":{\"coding\":[{\"system\":\"" EPIC_OID
			"2.657369\",\"code\":\"59177\"}],\"text\":\"An unexpected internal error has occurred.\"}}]}",
			false);
	else
		respond(x, 500, "application/fhir+json",
			"{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"fatal\",\"code\":"
			"\"exception\","
			"\"details\":{\"text\":\"An unexpected error occurred\"}}]}",
			false);
}

static bool spoiled(struct sandbox *s, struct http_exchange *x)
{
	if (fault_take(s, FAULT_TOO_MANY))
		respond(x, 429, "application/json", "{\"message\":\"Too Many Requests\"}", true);
	else if (fault_take(s, FAULT_UNAVAILABLE))
		respond(x, 503, "text/html", balancer_page, true);
	else if (fault_take(s, FAULT_BROKEN))
		respond_broken(s, x);
	else if (fault_take(s, FAULT_GATEWAY))
		respond(x, 504, "", "", false);
	else if (fault_take(s, FAULT_HTML))
		respond(x, 200, "text/html; charset=utf-8", login_page, false);
	else
		return false;
	return true;
}

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

void hostile_token_granted(struct sandbox *s)
{
	pthread_mutex_lock(&s->lock);
	s->since_token = 0;
	pthread_mutex_unlock(&s->lock);
}

static bool token_worn(struct sandbox *s, struct http_exchange *x)
{
	int64_t limit = fault_number(s, FAULT_TOKEN_EXPIRY);
	if (!limit || !http_request_header(x, "Authorization").p)
		return false;
	pthread_mutex_lock(&s->lock);
	bool worn = ++s->since_token > limit;
	pthread_mutex_unlock(&s->lock);
	if (!worn)
		return false;
	if (s->o.vendor == EHR_EPIC)
		respond(x, 401, "application/json; charset=utf-8", "\"\"", false);
	else
		respond(x, 401, "application/json",
			"{\"code\":401,\"message\":\"code=\\\"urn:cerner:error:oauth2:resource-access:token-"
			"expired\\\"\"}",
			false);
	return true;
}

/* The times in an assertion's claims, without looking at its signature: that comes afterwards. */
static bool claim(const struct json *claims, const char *name, int64_t *ret_seconds)
{
	return str_to_i64(json_number(json_get(claims, str_from(name))), ret_seconds);
}

bool hostile_clock_refuses(struct sandbox *s, struct str form)
{
	int64_t behind = fault_number(s, FAULT_CLOCK_SKEW), issued, now = clock_now_ms() / 1000 - behind;
	struct str rest = face_value(form, S("client_assertion"));
	struct arena a;
	struct buf text;
	struct error err = {0};
	if (!behind || !rest.p)
		return false;
	arena_init(&a, 1 << 20);
	buf_init(&text, 1 << 16);
	str_split(&rest, '.');
	const struct json *claims =
		decode_base64url(&text, str_split(&rest, '.')) ? json_parse(&a, buf_str(&text), 0, &err) : NULL;
	bool refused = claims && ((claim(claims, "iat", &issued) && issued > now) ||
				  (claim(claims, "nbf", &issued) && issued > now) ||
				  (claim(claims, "exp", &issued) && issued > now + 300));
	buf_done(&text);
	arena_done(&a);
	return refused;
}

/* ---- rates ------------------------------------------------------------------------------------------------------ */

/* One bucket for everybody: a sandbox has one client at a time. */
static bool too_fast(struct sandbox *s, struct http_exchange *x)
{
	int64_t limit = behaviour_number(s, BEHAVIOUR_RATE_LIMIT), now = clock_now_ms() / 1000;
	if (!limit)
		return false;
	pthread_mutex_lock(&s->lock);
	if (s->rate_second != now) {
		s->rate_second = now;
		s->rate_count = 0;
	}
	bool over = ++s->rate_count > limit;
	pthread_mutex_unlock(&s->lock);
	if (over)
		respond(x, 429, "application/json", "{\"message\":\"Too Many Requests\"}", true);
	return over;
}

bool hostile_handle(struct sandbox *s, struct http_exchange *x)
{
	struct str path = http_request(x)->path;
	bool fhir = str_starts(path, str_from(s->vendor->base_path));
	bool discovery = str_ends(path, S("/metadata")) || str_ends(path, S("/smart-configuration"));
	int64_t slow = fault_number(s, FAULT_SLOW);
	bool write = fhir && !str_is(http_request(x)->method, "GET") && !str_ends(path, S("/_search"));
	if (write && fault_number(s, FAULT_SLOW_WRITES) > slow)
		slow = fault_number(s, FAULT_SLOW_WRITES);
	if (slow)
		wait_ms(slow);
	if (!fhir || discovery) /* what is spoiled is the API: a client must get that far */
		return false;
	if (fault_take(s, FAULT_CUT))
		http_exchange_cut(x, 200);
	return token_worn(s, x) || too_fast(s, x) || spoiled(s, x);
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

struct str hostile_link(struct sandbox *s, struct arena *a, struct str url)
{
	if (!url.p || !str_starts(url, s->o.base_url) || !fault_take(s, FAULT_FOREIGN_LINKS))
		return url;
	return arena_printf(a, "https://foreign.invalid%.*s", STR_ARG(str_slice(url, s->o.base_url.n, url.n)));
}

void hostile_pad(struct sandbox *s, struct buf *out)
{
	int64_t megabytes = fault_number(s, FAULT_OVERSIZED);
	static const char blank[1024] = {0};
	char spaces[sizeof(blank)];
	memset(spaces, ' ', sizeof(spaces));
	for (int64_t i = 0; i < (megabytes > 900 ? 900 : megabytes) * 1024; i++)
		buf_add(out, str_make(spaces, sizeof(spaces)));
}

void hostile_remember(struct sandbox *s, struct str type, struct str entry)
{
	if (!s->faults[FAULT_DUPLICATES].on)
		return;
	char *copy = malloc(type.n + entry.n + 1);
	if (!copy)
		return;
	memcpy(copy, type.p, type.n);
	memcpy(copy + type.n, entry.p, entry.n);
	pthread_mutex_lock(&s->lock);
	free((char *)(uintptr_t)s->last_entry.p);
	s->last_entry = str_make(copy, type.n + entry.n);
	s->last_entry_type = type.n;
	pthread_mutex_unlock(&s->lock);
}

struct str hostile_repeat(struct sandbox *s, struct arena *a, struct str type)
{
	struct str entry = STR_NULL;
	if (!s->faults[FAULT_DUPLICATES].on)
		return entry;
	pthread_mutex_lock(&s->lock);
	if (s->last_entry.p && str_eq(str_slice(s->last_entry, 0, s->last_entry_type), type))
		entry = arena_str(a, str_slice(s->last_entry, s->last_entry_type, s->last_entry.n));
	pthread_mutex_unlock(&s->lock);
	return entry.p && fault_take(s, FAULT_DUPLICATES) ? entry : STR_NULL;
}

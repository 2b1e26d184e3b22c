/*
 * What authorization costs: signed client assertions at the token endpoint, each with a jti of its own and durable, and
 * reads with a token against reads without any authorization. The server is a process of its own, and what is told is
 * its processor time beside what this machine did with the load generator on it, so that the figure is one core's.
 * With a kind of read and a number it does that many of them and nothing else, so that a tool that counts instructions
 * (bench/instructions.sh) may compare the kinds on a machine that is busy with other things.
 * usage: token_bench [SECONDS] | token_bench open|one|many READS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "jose/jose.h"
#include "server/rest/rest.h"

enum { THREADS = 16, TOKENS = 1000, MOST_ASSERTIONS = 60000, ANSWER = 64 * 1024 };

static const char patient[] =
	"{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":true,\"name\":[{\"family\":\"Muster\","
	"\"given\":[\"Anna\"]}],\"gender\":\"female\",\"birthDate\":\"1970-01-01\"}";

/* What is read: without authorization, and with tokens. */
enum { KIND_OPEN, KIND_ONE, KIND_MANY, KINDS, TURNS = 12 };
static const struct {
	const char *name, *what;
} kinds[KINDS] = {
	{"open", "read, no authorization"}, {"one", "read, one token"}, {"many", "read, 1,000 tokens in rotation"}};
struct reads {
	const struct str *of[KINDS];
	size_t counts[KINDS];
};

/* ---- the server
 * ------------------------------------------------------------------------------------------------------- */

struct world {
	struct smart *smart;
	struct rest_server *rest;
};

static void handle(void *ctx, struct http_exchange *x)
{
	struct world *w = ctx;
	if (!(w->smart && smart_handle(w->smart, x)) && !rest_handle(w->rest, x))
		http_respond(x, &(struct http_response){.status = 404, .content_type = S("")});
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x, &(struct http_response){.status = error_http_status(err->code), .content_type = S("")});
}

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* Serves until its standard input ends. */
static void serve(const char *directory, const struct json *const jwks[2], bool guarded, int ready)
{
	struct world w = {0};
	struct error err = {0};
	const struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = &w};
	const struct definitions *d = definitions_builtin();
	struct extractor *x = extractor_new(d, &err);
	struct store *store = store_open(str_from(directory), &(struct store_options){.definitions = d}, &err);
	struct http_server *http = store ? http_server_start(&(struct http_server_options){0}, &handler, &err) : NULL;
	if (!x || !http)
		die("server", err.text);
	const struct smart_client clients[] = {
		{.client_id = S("rs"), .scope = S("system/*.cruds"), .jwks = jwks[0]},
		{.client_id = S("es"), .scope = S("system/*.cruds"), .jwks = jwks[1]},
	};
	uint16_t port = http_server_port(http);
	if (guarded)
		w.smart = smart_open(&(struct smart_options){.store = store,
							     .definitions = d,
							     .token_url = S("http://bench/auth/token"),
							     .base_url = S("http://bench"),
							     .base_path = S(""),
							     .lifetimes = {.access_s = 3600, .backend_s = 3600},
							     .clients = clients,
							     .client_count = 2},
				     &err);
	w.rest = rest_open(&(struct rest_options){.definitions = d,
						  .store = store,
						  .smart = w.smart,
						  .extractor = x,
						  .base_path = S("/fhir"),
						  .base_url = S("http://bench/fhir"),
						  .token_url = S("http://bench/auth/token")},
			   &err);
	if (!w.rest || (guarded && !w.smart))
		die("server", err.text);
	if (write(ready, &port, sizeof(port)) != sizeof(port))
		exit(1);
	char byte;
	while (read(0, &byte, 1) > 0)
		;
	http_server_stop(http);
	rest_close(w.rest);
	if (w.smart)
		smart_close(w.smart);
	store_close(store);
	extractor_free(x);
	exit(0);
}

struct server {
	pid_t pid;
	int hold;
	uint16_t port;
};

static struct server start(const char *directory, const struct json *const jwks[2], bool guarded, int not_held)
{
	int in[2], ready[2];
	struct server s = {0};
	fflush(stdout);
	if (pipe(in) || pipe(ready))
		die("pipe", strerror(errno));
	s.pid = fork();
	if (s.pid == 0) {
		dup2(in[0], 0);
		close(in[0]);
		close(in[1]);
		close(ready[0]);
		if (not_held >= 0)
			close(not_held);
		serve(directory, jwks, guarded, ready[1]);
	}
	close(in[0]);
	close(ready[1]);
	if (read(ready[0], &s.port, sizeof(s.port)) != sizeof(s.port))
		die("server", "did not start");
	close(ready[0]);
	s.hold = in[1];
	return s;
}

static void stop(struct server *s)
{
	close(s->hold);
	waitpid(s->pid, NULL, 0);
}

/* Of the server, in seconds. */
static double processor_time(pid_t pid)
{
	char path[64], text[1024];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	const char *behind = strrchr(text, ')');
	if (behind)
		sscanf(behind + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- the load
 * --------------------------------------------------------------------------------------------------------- */

struct load {
	uint16_t port;
	const struct str *requests;
	size_t count;
	size_t most; /* so many in all; 0: until the time is up */
	uint64_t until_ns;
	_Atomic size_t next, good, bad;
};

static int dial(uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect", strerror(errno));
	return fd;
}

/* The status of one request; the body goes to answer. */
static int ask(int fd, struct str request, char *answer, size_t *ret_body)
{
	size_t n = 0, need = 0;
	for (size_t sent = 0; sent < request.n;) {
		ssize_t k = write(fd, request.p + sent, request.n - sent);
		if (k <= 0)
			return 0;
		sent += (size_t)k;
	}
	while (!need || n < need) {
		ssize_t k = read(fd, answer + n, ANSWER - 1 - n);
		if (k <= 0)
			return 0;
		n += (size_t)k;
		answer[n] = '\0';
		char *end = need ? NULL : strstr(answer, "\r\n\r\n"),
		     *length = end ? strcasestr(answer, "content-length:") : NULL;
		if (length) {
			*ret_body = (size_t)(end + 4 - answer);
			need = *ret_body + strtoul(length + 15, NULL, 10);
		}
	}
	return n > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static void *work(void *ctx)
{
	struct load *l = ctx;
	char *answer = malloc(ANSWER);
	size_t body;
	int fd = dial(l->port);
	while (clock_monotonic_ns() < l->until_ns) {
		size_t i = atomic_fetch_add(&l->next, 1);
		if (l->most && i >= l->most)
			break;
		int status = ask(fd, l->requests[i % l->count], answer, &body);
		atomic_fetch_add(status == 200 ? &l->good : &l->bad, 1);
		if (!status)
			break;
	}
	close(fd);
	free(answer);
	return NULL;
}

/* What was done, and what it took. */
struct tally {
	size_t good, bad;
	double took, used; /* seconds, and those of the server's processor */
};

static void run(const struct server *s, const struct str *requests, size_t count, size_t most, double seconds,
		struct tally *t)
{
	struct load l = {.port = s->port, .requests = requests, .count = count, .most = most};
	pthread_t threads[THREADS];
	double before = processor_time(s->pid);
	uint64_t started = clock_monotonic_ns();
	l.until_ns = started + (uint64_t)(seconds * 1e9);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, &l);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	t->took += (double)(clock_monotonic_ns() - started) / 1e9;
	t->used += processor_time(s->pid) - before;
	t->good += l.good;
	t->bad += l.bad;
}

/* Tells it; requests per second of processor time. */
static double tell(const char *what, const struct tally *t)
{
	double rate = t->used > 0 ? (double)t->good / t->used : 0;
	printf("%-42s %7.0f/s here, %5.1f us of processor, %7.0f/s of one core%s\n", what, (double)t->good / t->took,
	       t->used * 1e6 / (double)(t->good ? t->good : 1), rate, t->bad ? ", SOME FAILED" : "");
	return rate;
}

/* ---- requests
 * ---------------------------------------------------------------------------------------------------------- */

static struct str assertion_request(struct arena *a, const struct jose_key *key, const char *client, size_t number)
{
	struct buf claims, form;
	struct error err = {0};
	buf_init(&claims, 4096);
	buf_init(&form, 64 * 1024);
	buf_printf(
		&claims,
		"{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"http://bench/auth/token\",\"exp\":%lld,\"jti\":\"%d-%zu\"}",
		client, client, (long long)(clock_now_ms() / 1000 + 280), (int)getpid(), number);
	buf_add(&form, S("grant_type=client_credentials&scope=system%2FPatient.cruds&client_assertion_type=urn%3Aietf%"
			 "3Aparams%3A"
			 "oauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="));
	if (!jose_sign(key, buf_str(&claims), &form, &err))
		die("sign", err.text);
	struct str request = arena_printf(a,
					  "POST /auth/token HTTP/1.1\r\nHost: bench\r\nContent-Type: application/"
					  "x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%.*s",
					  form.n, STR_ARG(buf_str(&form)));
	buf_done(&claims);
	buf_done(&form);
	return request;
}

static struct str read_request(struct arena *a, struct str token)
{
	return token.p ? arena_printf(
				 a,
				 "GET /fhir/Patient/p1 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %.*s\r\n\r\n",
				 STR_ARG(token))
		       : S("GET /fhir/Patient/p1 HTTP/1.1\r\nHost: bench\r\n\r\n");
}

static struct str fetch_token(struct arena *a, int fd, const struct jose_key *key, size_t number)
{
	char answer[ANSWER];
	size_t body = 0;
	int status = ask(fd, assertion_request(a, key, "es", number), answer, &body);
	const struct json *j = status == 200 ? json_parse(a, arena_str(a, str_from(answer + body)), 0, NULL) : NULL;
	if (!j)
		die("token", answer);
	return json_get_str(j, S("access_token"));
}

/* ---- what is measured
 * --------------------------------------------------------------------------------------------------- */

static void put_patient(uint16_t port, struct arena *a, struct str token)
{
	char answer[ANSWER];
	size_t body;
	int fd = dial(port);
	struct str line = token.p ? arena_printf(a, "Authorization: Bearer %.*s\r\n", STR_ARG(token)) : S("");
	struct str request = arena_printf(a,
					  "PUT /fhir/Patient/p1 HTTP/1.1\r\nHost: bench\r\n%.*sContent-Type: "
					  "application/fhir+json\r\nContent-Length: %zu\r\n\r\n%s",
					  STR_ARG(line), sizeof(patient) - 1, patient);
	int status = ask(fd, request, answer, &body);
	if (status != 201 && status != 200)
		die("put", answer);
	close(fd);
}

static void measure_assertions(struct arena *a, const struct server *s, struct jose_key *const keys[2], double seconds)
{
	static const char *const names[] = {"token endpoint, RS384 (3072 bits)", "token endpoint, ES384"};
	struct str *requests = ARENA_ARRAY(a, struct str, MOST_ASSERTIONS);
	for (int k = 0; k < 2; k++) {
		/* Signing RS384 is dear: as many as may be needed, no more. */
		size_t count = (size_t)(seconds * 3000);
		struct tally t = {0};
		count = count > MOST_ASSERTIONS ? MOST_ASSERTIONS : count;
		for (size_t i = 0; i < count; i++)
			requests[i] = assertion_request(a, keys[k], k ? "es" : "rs", 1000000 * (size_t)(k + 1) + i);
		run(s, requests, count, count, seconds, &t);
		tell(names[k], &t);
	}
}

/* The kinds of read take short turns, so that what else the machine does meets them alike. */
static void measure_reads(const struct server *open, const struct server *guarded, const struct reads *reads,
			  double seconds)
{
	struct tally t[KINDS] = {{0}};
	double rates[KINDS], turn = seconds / TURNS;
	for (size_t i = 0; i < (size_t)KINDS * (TURNS + 1); i++) {
		size_t kind = i % KINDS;
		struct tally warming = {0};
		run(kind == KIND_OPEN ? open : guarded, reads->of[kind], reads->counts[kind], 0, turn,
		    i < KINDS ? &warming : &t[kind]);
	}
	for (size_t kind = 0; kind < KINDS; kind++)
		rates[kind] = tell(kinds[kind].what, &t[kind]);
	printf("authorization adds %.1f %% to a read with one token, %.1f %% with %d\n",
	       (rates[KIND_OPEN] / rates[KIND_ONE] - 1) * 100, (rates[KIND_OPEN] / rates[KIND_MANY] - 1) * 100, TOKENS);
}

static void prepare_reads(struct arena *a, const struct server *guarded, const struct jose_key *key,
			  struct reads *ret_reads)
{
	static struct str open, many[TOKENS];
	int fd = dial(guarded->port);
	open = read_request(a, STR_NULL);
	for (size_t i = 0; i < TOKENS; i++)
		many[i] = read_request(a, fetch_token(a, fd, key, i));
	close(fd);
	*ret_reads = (struct reads){{&open, many, many}, {1, 1, TOKENS}};
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *walk)
{
	(void)st, (void)what, (void)walk;
	return remove(path);
}

static void measure(struct arena *a, const struct server servers[2], struct jose_key *const keys[2], int argc,
		    char **argv)
{
	double seconds = argc == 2 ? strtod(argv[1], NULL) : 5;
	struct reads reads;
	prepare_reads(a, &servers[1], keys[1], &reads);
	if (argc == 3) {
		for (size_t kind = 0; kind < KINDS; kind++) {
			struct tally t = {0};
			if (strcmp(argv[1], kinds[kind].name) != 0)
				continue;
			run(&servers[kind != KIND_OPEN], reads.of[kind], reads.counts[kind],
			    (size_t)strtoul(argv[2], NULL, 10), 1e6, &t);
			tell(kinds[kind].what, &t);
		}
		return;
	}
	measure_reads(&servers[0], &servers[1], &reads, seconds);
	measure_assertions(a, &servers[1], keys, seconds);
}

int main(int argc, char **argv)
{
	char directory[2][64] = {"/tmp/firth-bench-XXXXXX", "/tmp/firth-bench-XXXXXX"};
	struct jose_key *keys[2];
	const struct json *jwks[2];
	struct error err = {0};
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	for (int i = 0; i < 2; i++) {
		struct buf text;
		buf_init(&text, 1 << 16);
		keys[i] = jose_key_new(i ? JOSE_ES384 : JOSE_RS384, &err);
		if (!keys[i] || !jose_key_write_public_set(keys[i], &text, &err) || !mkdtemp(directory[i]))
			die("keys", err.text);
		jwks[i] = json_parse(&a, arena_str(&a, buf_str(&text)), 0, &err);
		buf_done(&text);
	}
	/* The second is told not to hold the first's end of the pipe that keeps it running. */
	struct server servers[2];
	servers[0] = start(directory[0], jwks, false, -1);
	servers[1] = start(directory[1], jwks, true, servers[0].hold);
	put_patient(servers[0].port, &a, STR_NULL);
	int fd = dial(servers[1].port);
	put_patient(servers[1].port, &a, fetch_token(&a, fd, keys[1], 999999));
	close(fd);
	measure(&a, servers, keys, argc, argv);
	for (int i = 0; i < 2; i++) {
		stop(&servers[i]);
		jose_key_free(keys[i]);
		nftw(directory[i], remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
	arena_done(&a);
	return 0;
}

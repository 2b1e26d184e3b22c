/*
 * kill -9 at random moments of a server under mixed load, many times over one store. What was acknowledged must be
 * there after the restart, with the content of the acknowledged version; what was under way may be there or not, whole;
 * histories have no gaps; firth db check finds nothing, which covers index rows and the audit chain.
 *
 * With --kill database it is PostgreSQL that is killed, inside of cluster.sh, and started again while the server runs
 * and its clients go on: the server has to find out what became of commits whose answers it lost. What it refuses with
 * 503 must not be there, unless it says that it does not know.
 *
 * usage: crash FIRTH [--rounds N] [--seed N] [--data LOCATION] [--kill server|database]
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { WRITERS = 8, REGISTERS = 40, MOST_MADE = 200000, LEAST_MS = 30, SPAN_MS = 400 };

/* A resource that one writer updates and deletes. What is unknown after a crash is whether its last change was made. */
struct reg {
	int64_t version; /* acknowledged; 0: never written */
	int64_t value; /* -1: deleted */
	bool open; /* a change was under way at the crash: it would be the next version, with this value */
	int64_t open_value;
};

/* A resource made once: by POST, by a transaction of two, or by a conditional create. */
enum made_kind { MADE_PLAIN, MADE_PAIR, MADE_CONDITIONAL };
struct made {
	enum made_kind kind;
	bool acknowledged;
	char id[72]; /* MADE_PLAIN: as given by the server, empty when not acknowledged */
};

struct writer {
	int number;
	uint64_t random;
	struct wire wire;
	struct reg regs[REGISTERS];
	struct made *made;
	size_t made_count, checked; /* those before it were looked at in earlier rounds */
	int64_t acknowledged, refused;
	pthread_t thread;
	bool conditional_missing; /* the server does not know conditional creates */
};

static struct writer writers[WRITERS];
static _Atomic bool stop;
static int failures;
static bool kill_database;

static void fail(const char *what, const char *where, const char *detail)
{
	failures++;
	printf("FAILED: %s: %s%s%s\n", where, what, detail ? ": " : "", detail ? detail : "");
}

/* ---- load -----------------------------------------------------------------------------------------------------------
 */

/* The database was away. */
static bool away(struct writer *w, const struct answer *a)
{
	if (!kill_database || a->status != 503)
		return false;
	w->refused++;
	usleep(5000);
	return true;
}

static bool unknown(const struct answer *a)
{
	return strstr(a->body, "not known") != NULL;
}

static void write_register(struct writer *w, int r, struct answer *a)
{
	struct reg *g = &w->regs[r];
	char path[64], headers[64] = "", body[256];
	if (g->open)
		return; /* nobody knows what it is, until it is looked at */
	bool delete = g->version && g->value >= 0 && next_random(&w->random) % 8 == 0;
	/* Never what it is already: that would make no new version. */
	int64_t value = delete ? -1 : (g->value + 1 + (int64_t)(next_random(&w->random) % 999999)) % 1000000;
	snprintf(path, sizeof(path), "Basic/w%d-r%d", w->number, r);
	if (g->version && g->value >= 0)
		snprintf(headers, sizeof(headers), "If-Match: W/\"%lld\"\r\n", (long long)g->version);
	snprintf(body, sizeof(body),
		 "{\"resourceType\":\"Basic\",\"id\":\"w%d-r%d\",\"code\":{\"coding\":[{\"system\":\"urn:crash\","
		 "\"code\":\"%lld\"}]}}",
		 w->number, r, (long long)value);
	g->open = true;
	g->open_value = value;
	wire_ask(&w->wire, delete ? "DELETE" : "PUT", path, headers, delete ? NULL : body, a);
	if (!a->status || (away(w, a) && unknown(a)))
		return;
	g->open = false;
	if (away(w, a))
		return;
	if (a->status / 100 != 2) {
		char detail[64];
		snprintf(detail, sizeof(detail), "status %d", a->status);
		fail("a write was refused", path, detail);
		return;
	}
	g->version++;
	g->value = value;
	w->acknowledged++;
	if (a->version && a->version != g->version)
		fail("another version than the next one", path, NULL);
}

static struct made *make(struct writer *w, enum made_kind kind)
{
	if (w->made_count == MOST_MADE)
		return NULL;
	struct made *m = &w->made[w->made_count++];
	*m = (struct made){.kind = kind};
	return m;
}

static void settle_made(struct writer *w, struct made *m, const struct answer *a)
{
	if (!a->status || (away(w, a) && unknown(a)))
		return;
	if (a->status == 503 && kill_database) {
		w->made_count--; /* the next one has the same number, so one that was kept would be there twice */
		return;
	}
	if (a->status != 200 && a->status != 201) {
		m->id[0] = 0;
		if (m->kind == MADE_CONDITIONAL)
			w->conditional_missing = true;
		else
			fail("a create was refused", "POST", a->body);
		w->made_count--;
		return;
	}
	m->acknowledged = true;
	w->acknowledged++;
}

static void post_plain(struct writer *w, struct answer *a)
{
	char body[256];
	struct made *m = make(w, MADE_PLAIN);
	if (!m)
		return;
	snprintf(body, sizeof(body),
		 "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:crash\",\"value\":\"%d-%zu\"}]}",
		 w->number, w->made_count - 1);
	wire_ask(&w->wire, "POST", "Patient", "", body, a);
	settle_made(w, m, a);
	const char *at = a->status == 201 ? strstr(a->location, "/Patient/") : NULL;
	if (at)
		snprintf(m->id, sizeof(m->id), "%.*s", (int)strcspn(at + 9, "/"), at + 9);
}

static void post_pair(struct writer *w, struct answer *a)
{
	char body[1024];
	struct made *m = make(w, MADE_PAIR);
	if (!m)
		return;
	size_t n = w->made_count - 1;
	snprintf(body, sizeof(body),
		 "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
		 "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"t%d-%zu\"},"
		 "\"request\":{\"method\":\"PUT\",\"url\":\"Patient/t%d-%zu\"}},"
		 "{\"resource\":{\"resourceType\":\"Observation\",\"id\":\"t%d-%zu\",\"status\":\"final\","
		 "\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/t%d-%zu\"}},"
		 "\"request\":{\"method\":\"PUT\",\"url\":\"Observation/t%d-%zu\"}}]}",
		 w->number, n, w->number, n, w->number, n, w->number, n, w->number, n);
	wire_ask(&w->wire, "POST", "", "", body, a);
	settle_made(w, m, a);
}

static void post_conditional(struct writer *w, struct answer *a)
{
	char body[256], headers[128];
	struct made *m = make(w, MADE_CONDITIONAL);
	if (!m)
		return;
	size_t n = w->made_count - 1;
	snprintf(headers, sizeof(headers), "If-None-Exist: identifier=urn:cond|%d-%zu\r\n", w->number, n);
	snprintf(body, sizeof(body),
		 "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:cond\",\"value\":\"%d-%zu\"}]}",
		 w->number, n);
	wire_ask(&w->wire, "POST", "Patient", headers, body, a);
	settle_made(w, m, a);
}

static void *write_on(void *ctx)
{
	struct writer *w = ctx;
	struct answer *a = calloc(1, sizeof(*a));
	if (!a)
		abort();
	while (!stop) {
		uint64_t dice = next_random(&w->random) % 10;
		a->status = 1;
		if (dice < 5)
			write_register(w, (int)(next_random(&w->random) % REGISTERS), a);
		else if (dice < 7)
			post_plain(w, a);
		else if (dice < 9 || w->conditional_missing)
			post_pair(w, a);
		else
			post_conditional(w, a);
		if (!a->status)
			break;
	}
	wire_close(&w->wire);
	free(a);
	return NULL;
}

/* ---- afterwards -----------------------------------------------------------------------------------------------------
 */

static bool holds_value(const struct answer *a, int64_t value)
{
	char text[64];
	snprintf(text, sizeof(text), "\"code\":\"%lld\"", (long long)value);
	return value < 0 ? a->status == 410 : a->status == 200 && strstr(a->body, text);
}

static void check_history(struct writer *w, const char *path, int64_t version, struct answer *a)
{
	char history[96];
	int64_t seen = 0;
	snprintf(history, sizeof(history), "%s/_history/%lld", path, (long long)version);
	wire_ask(&w->wire, "GET", history, "", NULL, a);
	if (a->status != 200 && a->status != 410)
		fail("its current version cannot be read", path, NULL);
	for (int64_t v = version; v > 0 && v > version - 3; v--) {
		snprintf(history, sizeof(history), "%s/_history/%lld", path, (long long)v);
		wire_ask(&w->wire, "GET", history, "", NULL, a);
		seen += a->status == 200 || a->status == 410;
	}
	if (seen != (version < 3 ? version : 3))
		fail("a gap in its history", path, NULL);
}

static void check_register(struct writer *w, int r, struct answer *a)
{
	struct reg *g = &w->regs[r];
	char path[64];
	snprintf(path, sizeof(path), "Basic/w%d-r%d", w->number, r);
	if (!g->version && !g->open)
		return;
	wire_ask(&w->wire, "GET", path, "", NULL, a);
	if (g->open) {
		bool made = holds_value(a, g->open_value) && a->version == g->version + 1;
		bool deleted = g->open_value < 0 && a->status == 410;
		if (made || deleted) {
			g->version++;
			g->value = g->open_value;
		}
		g->open = false;
	}
	if (!g->version && a->status == 404)
		return;
	if (!holds_value(a, g->value) || (a->status == 200 && a->version != g->version))
		fail("an acknowledged version is not there", path, a->body);
	check_history(w, path, g->version, a);
}

static int count_of(struct writer *w, const char *query, struct answer *a)
{
	wire_ask(&w->wire, "GET", query, "", NULL, a);
	const char *total = strstr(a->body, "\"total\":");
	return a->status == 200 && total ? number_in(total + 8) : -1;
}

static void check_made(struct writer *w, size_t i, struct answer *a)
{
	struct made *m = &w->made[i];
	char path[128], other[128];
	int status;
	switch (m->kind) {
	case MADE_PLAIN:
		snprintf(path, sizeof(path), "Patient?identifier=urn:crash|%d-%zu&_summary=count", w->number, i);
		if (count_of(w, path, a) > 1 || (m->acknowledged && count_of(w, path, a) != 1))
			fail("an acknowledged create is not there, or twice", path, NULL);
		if (!m->acknowledged)
			break;
		snprintf(path, sizeof(path), "Patient/%s", m->id);
		wire_ask(&w->wire, "GET", path, "", NULL, a);
		if (a->status != 200)
			fail("an acknowledged create is not there", path, NULL);
		break;
	case MADE_PAIR:
		snprintf(path, sizeof(path), "Patient/t%d-%zu", w->number, i);
		snprintf(other, sizeof(other), "Observation/t%d-%zu", w->number, i);
		wire_ask(&w->wire, "GET", path, "", NULL, a);
		status = a->status;
		wire_ask(&w->wire, "GET", other, "", NULL, a);
		if (status != a->status)
			fail("half a transaction is there", path, NULL);
		if (m->acknowledged && status != 200)
			fail("an acknowledged transaction is not there", path, NULL);
		break;
	case MADE_CONDITIONAL:
		snprintf(path, sizeof(path), "Patient?identifier=urn:cond|%d-%zu&_summary=count", w->number, i);
		status = count_of(w, path, a);
		if (status > 1 || (m->acknowledged && status != 1))
			fail("a conditional create is not there, or twice", path, NULL);
		break;
	}
}

/* from: the first that is looked at of those made. */
static void check_writer(struct writer *w, size_t from, int port, struct answer *a)
{
	wire_open(&w->wire, port);
	for (int r = 0; r < REGISTERS; r++)
		check_register(w, r, a);
	for (size_t i = from; i < w->made_count; i++)
		check_made(w, i, a);
	w->checked = w->made_count;
	wire_close(&w->wire);
}

static void check_all(const struct server *s, bool everything)
{
	static struct answer a;
	for (int i = 0; i < WRITERS; i++)
		check_writer(&writers[i], everything ? 0 : writers[i].checked, s->port, &a);
}

static void check_store(const char *firth, const char *data)
{
	const char *const arguments[] = {"db", "check", "--format", "json", "--data", data, NULL};
	fflush(stdout);
	if (run_firth(firth, arguments, true) == 0)
		return;
	(void)run_firth(firth, arguments, false);
	fail("firth db check is not content", data, NULL);
}

/* ---- rounds ---------------------------------------------------------------------------------------------------------
 */

static void cluster(const char *verb)
{
	const char *const arguments[] = {verb, getenv("FIRTH_TEST_CLUSTER"), NULL};
	if (run_firth(getenv("FIRTH_CLUSTER_SH"), arguments, true) != 0)
		fail("the database cannot be taken down or up", verb, NULL);
}

/* Killed, away for a moment, and back; the load goes on for a while. */
static void restart_database(unsigned milliseconds)
{
	cluster("kill");
	usleep(milliseconds * 1000);
	cluster("start");
	usleep(LEAST_MS * 10000);
}

static void load(const struct server *s, uint64_t *random)
{
	stop = false;
	for (int i = 0; i < WRITERS; i++) {
		wire_open(&writers[i].wire, s->port);
		if (pthread_create(&writers[i].thread, NULL, write_on, &writers[i]) != 0)
			abort();
	}
	usleep((useconds_t)(LEAST_MS + next_random(random) % SPAN_MS) * 1000);
	if (kill_database)
		restart_database((unsigned)(next_random(random) % SPAN_MS));
	else
		kill(s->pid, SIGKILL);
	stop = true;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
}

static bool run_round(const char *firth, const char *data, uint64_t *random, bool last)
{
	struct server s;
	if (!server_start(&s, firth, data)) {
		fail("the server does not start", data, NULL);
		return false;
	}
	load(&s, random);
	if (!kill_database) {
		server_end(&s, SIGKILL);
		if (!server_start(&s, firth, data)) {
			fail("the server does not start again", data, NULL);
			return false;
		}
	}
	check_all(&s, last);
	/* Half of the checks run beside the server, half on the store as the crash left it. */
	if (next_random(random) % 2)
		check_store(firth, data);
	server_end(&s, next_random(random) % 2 ? SIGKILL : SIGTERM);
	check_store(firth, data);
	return failures == 0;
}

static int64_t acknowledged(void)
{
	int64_t sum = 0;
	for (int i = 0; i < WRITERS; i++)
		sum += writers[i].acknowledged;
	return sum;
}

static int64_t refused(void)
{
	int64_t sum = 0;
	for (int i = 0; i < WRITERS; i++)
		sum += writers[i].refused;
	return sum;
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/firth-crash-XXXXXX", data[64];
	const char *firth = argc > 1 ? argv[1] : NULL, *location = NULL;
	int rounds = 20, done = 0;
	uint64_t random = (uint64_t)time(NULL);
	for (int i = 2; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--rounds") == 0)
			rounds = number_in(argv[i + 1]);
		else if (strcmp(argv[i], "--seed") == 0)
			random = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--data") == 0)
			location = argv[i + 1];
		else if (strcmp(argv[i], "--kill") == 0)
			kill_database = strcmp(argv[i + 1], "database") == 0;
	}
	if (!firth || rounds < 1 || (kill_database && !getenv("FIRTH_CLUSTER_SH")) || !mkdtemp(directory)) {
		fprintf(stderr,
			"usage: crash FIRTH [--rounds N] [--seed N] [--data LOCATION] [--kill server|database]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	snprintf(data, sizeof(data), "%s/data", directory);
	printf("seed %llu, store at %s\n", (unsigned long long)random, location ? location : data);
	for (int i = 0; i < WRITERS; i++) {
		writers[i].number = i;
		writers[i].random = next_random(&random);
		writers[i].made = calloc(MOST_MADE, sizeof(struct made));
	}
	while (done < rounds && run_round(firth, location ? location : data, &random, done + 1 == rounds)) {
		done++;
		if (isatty(STDOUT_FILENO))
			printf("\rround %d of %d%s", done, rounds, done == rounds ? "\n" : "");
		fflush(stdout);
	}
	printf("%lld writes acknowledged, %lld refused while the database was away\n%d passed, %d failed\n",
	       (long long)acknowledged(), (long long)refused(), done, failures);
	if (!failures)
		remove_tree(directory);
	return failures != 0;
}

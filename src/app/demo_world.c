/*
 * The world of the demo: a temporary directory, keys, a firth.yaml, Firth's own server in this process, and two
 * sandboxes as processes of their own. Whatever happens, the sandboxes end with us: they are ended by their own process
 * ids, and the kernel ends them if we are killed.
 */
#include "app/demo_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define START_TIMEOUT_NS 120000000000ull /* real data is imported before a sandbox listens */
#define STOP_TIMEOUT_NS	 10000000000ull

static void pause_ms(long ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000};
	nanosleep(&time, NULL);
}

static struct str in_directory(struct demo *d, const char *name)
{
	return arena_printf(&d->app->arena, "%.*s/%s", STR_ARG(d->directory), name);
}

/* ---- directory, keys, configuration ---------------------------------------------------------------------------------
 */

static bool make_directory(struct demo *d, struct error *err)
{
	const char *parent = getenv("TMPDIR");
	struct str path = arena_printf(&d->app->arena, "%s/firth-demo-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!path.p)
		return error_memory(err);
	if (!mkdtemp((char *)(uintptr_t)path.p))
		return error_set(err, ERR_IO, "cannot make a directory for the demo: %s", strerror(errno));
	d->directory = path;
	return true;
}

/* A key pair for one EHR: the private key as a file of its own, the public one as a JWKS beside it. */
static bool make_key(struct demo_sandbox *s, enum jose_algorithm algorithm, struct str jwks_file, struct error *err)
{
	struct jose_key *key = jose_key_new(algorithm, err);
	struct buf text;
	if (!key)
		return false;
	buf_init(&text, 64 * 1024);
	bool ok = jose_key_write_private(key, &text, err) && file_write(s->key_file, buf_str(&text), 0600, err);
	buf_reset(&text);
	ok = ok && jose_key_write_public_set(key, &text, err) && file_write(jwks_file, buf_str(&text), 0644, err);
	buf_done(&text);
	jose_key_free(key);
	return ok;
}

static bool prepare_sandbox(struct demo *d, struct demo_sandbox *s, const char *vendor, enum jose_algorithm algorithm,
			    struct error *err)
{
	struct arena *a = &d->app->arena;
	struct str jwks = arena_printf(a, "%.*s/%s.jwks", STR_ARG(d->directory), vendor);
	s->vendor = vendor;
	s->name = arena_printf(a, "%s-sandbox", vendor);
	s->client_id = arena_printf(a, "firth-demo-%s", vendor);
	s->data = arena_printf(a, "%.*s/%s-data", STR_ARG(d->directory), vendor);
	s->log = arena_printf(a, "%.*s/%s.log", STR_ARG(d->directory), vendor);
	s->roster = arena_printf(a, "%.*s/%s-roster.txt", STR_ARG(d->directory), vendor);
	s->imports = arena_printf(a, "%.*s/%s-import", STR_ARG(d->directory), vendor);
	s->key_file = arena_printf(a, "%.*s/%s.jwk", STR_ARG(d->directory), vendor);
	s->jwks = jwks;
	if (!s->jwks.p || !s->name.p || !s->client_id.p || !s->data.p || !s->log.p || !s->roster.p || !s->imports.p ||
	    !s->key_file.p)
		return error_memory(err);
	return make_key(s, algorithm, jwks, err);
}

static bool make_config(struct demo *d, struct error *err)
{
	config_defaults(&d->config);
	d->config.port = d->options.port;
	d->config.data = in_directory(d, "firth-data");
	d->config.ehrs = ARENA_ARRAY(&d->app->arena, struct ehr_config, DEMO_EHRS);
	if (!d->config.ehrs || !d->config.data.p)
		return error_memory(err);
	d->config.ehr_count = DEMO_EHRS;
	for (size_t i = 0; i < DEMO_EHRS; i++) {
		const struct demo_sandbox *s = &d->sandboxes[i];
		d->config.ehrs[i] = (struct ehr_config){.name = s->name,
							.vendor = ehr_vendor_parse(str_from(s->vendor)),
							.client_id = s->client_id,
							.key_file = s->key_file,
							.roster = s->roster,
							.scopes = STR_NULL};
	}
	return config_settle(&d->config, err);
}

/* The same as a file, so that other commands can be tried on the running world. */
static bool write_config(struct demo *d, struct error *err)
{
	struct buf out;
	buf_init(&out, 64 * 1024);
	buf_printf(&out, "# Written by firth demo.\nserver:\n  port: %u\n  data: %.*s\nehrs:\n",
		   service_port(d->service), STR_ARG(d->config.data));
	for (size_t i = 0; i < DEMO_EHRS; i++) {
		const struct ehr_config *e = &d->config.ehrs[i];
		buf_printf(&out,
			   "  - name: %.*s\n    vendor: %s\n    base_url: %.*s\n    client_id: %.*s\n"
			   "    key_file: %.*s\n    roster: %.*s\n",
			   STR_ARG(e->name), ehr_vendor_name(e->vendor), STR_ARG(e->base_url), STR_ARG(e->client_id),
			   STR_ARG(e->key_file), STR_ARG(e->roster));
	}
	bool ok = buf_ok(&out) ? file_write(in_directory(d, CONFIG_FILE), buf_str(&out), 0600, err) : error_memory(err);
	buf_done(&out);
	return ok;
}

/* ---- real data
 * --------------------------------------------------------------------------------------------------------- */

static int is_bundle(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_ends(str_from(entry->d_name), S(".json"));
}

/* Synthea keeps hospitals and practitioners in bundles of their own; both EHRs need those. */
static bool is_shared(const char *name)
{
	return str_starts(str_from(name), S("hospitalInformation")) ||
	       str_starts(str_from(name), S("practitionerInformation"));
}

static bool give(struct demo *d, const struct demo_sandbox *s, const char *name, struct error *err)
{
	char real[4096];
	struct arena *a = &d->app->arena;
	struct str from = arena_printf(a, "%.*s/%s", STR_ARG(d->options.import), name);
	struct str to = arena_printf(a, "%.*s/%s", STR_ARG(s->imports), name);
	if (!from.p || !to.p)
		return error_memory(err);
	if (!realpath(from.p, real) || symlink(real, to.p) != 0)
		return error_set(err, ERR_IO, "cannot take %s into the demo: %s", name, strerror(errno));
	return true;
}

/* Deals the bundles of the directory out to the sandboxes, one by one in order of names. */
static bool deal_bundles(struct demo *d, struct error *err)
{
	struct dirent **entries;
	size_t patients = 0;
	if (!d->options.import.p)
		return true;
	for (size_t i = 0; i < DEMO_EHRS; i++) {
		if (mkdir(d->sandboxes[i].imports.p, 0700) != 0)
			return error_set(err, ERR_IO, "cannot make a directory: %s", strerror(errno));
	}
	int n = scandir(d->options.import.p, &entries, is_bundle, alphasort);
	if (n < 0)
		return error_set(err, ERR_USAGE, "cannot read the directory %.*s: %s", STR_ARG(d->options.import),
				 strerror(errno));
	bool ok = true;
	for (int i = 0; i < n; i++) {
		bool shared = is_shared(entries[i]->d_name);
		for (size_t k = 0; ok && k < DEMO_EHRS; k++) {
			if (shared || patients % DEMO_EHRS == k)
				ok = give(d, &d->sandboxes[k], entries[i]->d_name, err);
		}
		patients += !shared;
		free(entries[i]);
	}
	free(entries);
	if (ok && patients < DEMO_EHRS)
		return error_set(err, ERR_USAGE, "%.*s holds fewer than two patient bundles (*.json)",
				 STR_ARG(d->options.import));
	return ok;
}

/* ---- processes
 * ------------------------------------------------------------------------------------------------------- */

struct words {
	const char *items[48];
	size_t count;
};

static void word(struct words *w, const char *text)
{
	if (w->count + 1 < sizeof(w->items) / sizeof(w->items[0]))
		w->items[w->count++] = text;
}

static void pair(struct words *w, const char *name, const char *value)
{
	word(w, name);
	word(w, value);
}

static struct words sandbox_command(struct demo *d, const struct demo_sandbox *s)
{
	struct words w = {.count = 0};
	struct arena *a = &d->app->arena;
	word(&w, "firth");
	pair(&w, "sandbox", s->vendor);
	pair(&w, "--port", "0");
	pair(&w, "--data", s->data.p);
	pair(&w, "--roster", s->roster.p);
	pair(&w, "--client", s->client_id.p);
	pair(&w, "--jwks", s->jwks.p);
	if (d->options.import.p) {
		pair(&w, "--import", s->imports.p);
	} else {
		pair(&w, "--patients", arena_printf(a, "%d", (int)d->options.patients).p);
		pair(&w, "--seed", arena_printf(a, "%d", (int)(s - d->sandboxes) + 1).p);
	}
	for (size_t i = 0; !d->options.no_write_access && i < d->options.allow_write.count; i++)
		pair(&w, "--allow-write", d->options.allow_write.items[i].p);
	return w;
}

extern char **environ;

/* The environment without our own variables: what was meant for the demo is not meant for its sandboxes. */
static char **child_environment(struct demo *d)
{
	size_t count = 0, kept = 0;
	while (environ[count])
		count++;
	char **copy = ARENA_ARRAY(&d->app->arena, char *, count + 1);
	for (size_t i = 0; copy && i < count; i++) {
		if (!str_starts(str_from(environ[i]), S("FIRTH_")))
			copy[kept++] = environ[i];
	}
	return copy;
}

/* In the child: its own log, default signals, the sandbox. Only async-signal-safe calls, since we have threads. */
static void become(const struct demo_sandbox *s, const struct words *w, char **variables, pid_t parent)
{
	sigset_t none;
	int log = open(s->log.p, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int nothing = open("/dev/null", O_RDONLY);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (log < 0 || nothing < 0 || getppid() != parent)
		_exit(126);
	dup2(nothing, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execve("/proc/self/exe", (char *const *)(uintptr_t)w->items, variables);
	_exit(127);
}

static bool spawn(struct demo *d, struct demo_sandbox *s, struct error *err)
{
	struct words w = sandbox_command(d, s);
	char **variables = child_environment(d);
	if (!variables)
		return error_memory(err);
	pid_t self = getpid(), pid = fork();
	if (pid < 0)
		return error_set(err, ERR_INTERNAL, "cannot start a process: %s", strerror(errno));
	if (pid == 0)
		become(s, &w, variables, self);
	s->pid = pid;
	return true;
}

/* Has it ended by itself? Then the last line of its log says why. */
static bool ended(struct demo *d, struct demo_sandbox *s, struct error *err)
{
	int status;
	if (!s->pid || waitpid(s->pid, &status, WNOHANG) != s->pid)
		return false;
	s->pid = 0;
	struct str text = STR_NULL, last = STR_NULL;
	if (file_read(&d->app->arena, s->log, 16 << 20, &text, NULL)) {
		while (text.p) {
			struct str line = str_trim(str_split(&text, '\n'));
			if (line.n)
				last = line;
		}
	}
	error_set(err, ERR_INTERNAL, "the %s sandbox ended by itself: %.*s", s->vendor,
		  STR_ARG(last.p ? str_slice(last, 0, 200) : S("its log is empty")));
	return true;
}

/* Looks for the line that says where it listens: {"event":"listening",...,"base":"http://..."}. */
static bool listening(struct demo *d, struct demo_sandbox *s)
{
	struct arena a;
	struct str text;
	bool found = false;
	arena_init(&a, 64 << 20);
	if (file_read(&a, s->log, 16 << 20, &text, NULL)) {
		while (text.p && !found) {
			struct str line = str_trim(str_split(&text, '\n'));
			const struct json *event = line.n && line.p[0] == '{' ? json_parse(&a, line, 0, NULL) : NULL;
			struct str base = json_get_str(event, S("base"));
			if (!str_is(json_get_str(event, S("event")), "listening") || !base.p)
				continue;
			s->base_url = arena_str(&d->app->arena, base);
			found = s->base_url.p != NULL;
		}
	}
	arena_done(&a);
	return found;
}

static bool wait_until_listening(struct demo *d, struct demo_sandbox *s, struct error *err)
{
	uint64_t end = clock_monotonic_ns() + START_TIMEOUT_NS;
	while (!listening(d, s)) {
		if (ended(d, s, err))
			return false;
		if (clock_monotonic_ns() > end)
			return error_set(err, ERR_TIMEOUT, "the %s sandbox did not start within two minutes",
					 s->vendor);
		pause_ms(10);
	}
	return true;
}

static void stop(struct demo_sandbox *s)
{
	uint64_t end = clock_monotonic_ns() + STOP_TIMEOUT_NS;
	if (!s->pid)
		return;
	kill(s->pid, SIGTERM);
	while (waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (clock_monotonic_ns() > end) {
			kill(s->pid, SIGKILL);
			waitpid(s->pid, NULL, 0);
			break;
		}
		pause_ms(5);
	}
	s->pid = 0;
}

bool demo_world_alive(struct demo *d, struct error *err)
{
	for (size_t i = 0; i < DEMO_EHRS; i++) {
		if (ended(d, &d->sandboxes[i], err))
			return false;
	}
	return true;
}

/* ---- opening and closing
 * --------------------------------------------------------------------------------------------- */

static bool open_firth(struct demo *d, struct error *err)
{
	d->definitions = definitions_builtin();
	d->extractor = extractor_new(d->definitions, err);
	if (!d->extractor)
		return false;
	d->store = store_open(d->config.data, &(struct store_options){.definitions = d->definitions}, err);
	if (!d->store)
		return false;
	d->service = service_open(&(struct service_options){.config = &d->config,
							    .definitions = d->definitions,
							    .extractor = d->extractor,
							    .store = d->store},
				  err);
	return d->service != NULL;
}

bool demo_world_open(struct demo *d, struct error *err)
{
	if (!make_directory(d, err) || !prepare_sandbox(d, &d->sandboxes[0], "epic", JOSE_RS384, err) ||
	    !prepare_sandbox(d, &d->sandboxes[1], "cerner", JOSE_ES384, err))
		return false;
	if (!make_config(d, err) || !deal_bundles(d, err) || !open_firth(d, err))
		return false;
	/* One EHR was given the key itself, the other one learns where we publish it: both ways exist in reality. */
	d->sandboxes[1].jwks =
		arena_printf(&d->app->arena, "%.*s/.well-known/jwks.json", STR_ARG(service_base_url(d->service)));
	if (!d->sandboxes[1].jwks.p)
		return error_memory(err);
	for (size_t i = 0; i < DEMO_EHRS; i++) {
		if (!spawn(d, &d->sandboxes[i], err))
			return false;
	}
	for (size_t i = 0; i < DEMO_EHRS; i++) {
		if (!wait_until_listening(d, &d->sandboxes[i], err))
			return false;
		d->config.ehrs[i].base_url = d->sandboxes[i].base_url;
	}
	return write_config(d, err);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	return remove(path);
}

static void remove_directory(const struct demo *d)
{
	if (d->directory.p && !d->options.keep)
		nftw(d->directory.p, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void demo_world_close(struct demo *d)
{
	for (size_t i = 0; i < DEMO_EHRS; i++)
		stop(&d->sandboxes[i]);
	if (d->service)
		service_close(d->service);
	if (d->store)
		store_close(d->store);
	if (d->extractor)
		extractor_free(d->extractor);
	remove_directory(d);
}

void demo_world_abandon(struct demo *d)
{
	for (size_t i = 0; i < DEMO_EHRS; i++)
		stop(&d->sandboxes[i]);
	remove_directory(d);
}

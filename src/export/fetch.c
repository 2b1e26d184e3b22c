/*
 * Fetching: a few threads take file after file, each over connections of its own, look through what came, and note it.
 * A file is written beside its name first, so that what bears the name is whole. Tokens travel to the origin of the EHR
 * alone, whatever a manifest or a redirect says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/origin.h"
#include "ehr/budget.h"
#include "export/export_priv.h"

enum {
	ATTEMPTS = 8,
	REDIRECTS = 5,
	RENEWALS = 6,
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 30000,
	DAY_MS = 86400000,
	WATCH_US = 10000
};
#define FILE_MAX ((uint64_t)1 << 42)

struct worker {
	struct run *r;
	struct http_client *http, *elsewhere; /* at the EHR, with our certificate; at other hosts */
	struct arena a; /* of one file */
	struct ehr_budget_pass *pass; /* of the file that comes; NULL: none does */
	bool bare; /* this file without a token, although it is at the EHR's origin */
	pthread_t thread;
	bool running;
};

static bool stopped(void *ctx)
{
	const struct run *r = ctx;
	return atomic_load(&r->failing) || run_stopped(r);
}

/* The same while a file comes, whose place of the budget is held on. */
static bool file_stopped(void *ctx)
{
	const struct worker *w = ctx;
	ehr_hold(w->r->o->client, w->pass);
	return stopped(w->r);
}

/* ---- one request ----------------------------------------------------------------------------------------------------
 */

/* What goes to the EHR's origin. Taken before a place of the budget is, since a token may need one itself. */
static bool bearer(struct worker *w, struct str *ret_header, struct error *err)
{
	const struct ehr_waiter waiter = {run_turn, w->r};
	struct ehr_failure f = {0};
	*ret_header = STR_NULL;
	pthread_mutex_lock(&w->r->lock); /* over what a newer manifest says, too */
	bool ok = !w->r->guarded || ehr_bearer(w->r->o->client, &w->a, ehr_client_config(w->r->o->client)->base_url,
					       &waiter, ret_header, &f);
	pthread_mutex_unlock(&w->r->lock);
	return ok || error_set(err, f.error.code, "%s", f.error.text);
}

static void bearer_refused(struct worker *w, struct str header)
{
	pthread_mutex_lock(&w->r->lock);
	ehr_bearer_refused(w->r->o->client, header);
	pthread_mutex_unlock(&w->r->lock);
}

/* One GET into the file, which is emptied first. */
static bool get_once(struct worker *w, struct str url, int fd, struct str authorization, struct http_answer *ret_answer,
		     struct error *err)
{
	const struct http_file into = {.fd = fd, .max = FILE_MAX, .stopped = file_stopped, .ctx = w};
	struct http_header headers[3] = {{S("Accept"), S("application/fhir+ndjson")}};
	size_t count = 1;
	/* Packing pays on networks; within one machine it costs more than it saves. */
	if (url_is_loopback(url))
		headers[count++] = (struct http_header){S("Accept-Encoding"), S("identity")};
	if (authorization.p)
		headers[count++] = (struct http_header){S("Authorization"), authorization};
	const struct http_call call = {
		.method = S("GET"), .url = url, .headers = headers, .header_count = count, .into = &into};
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		return error_set(err, ERR_IO, "A file cannot be begun again: %s", strerror(errno));
	struct http_client *http = ehr_is_home(w->r->o->client, url) ? w->http : w->elsewhere;
	return ehr_call_over(w->r->o->client, http, &w->a, &call, ret_answer, err);
}

/* The same over redirects. own: what the EHR itself answered, not whom it sent us to. */
static bool follow(struct worker *w, struct str url, int fd, struct str header, struct http_answer *ret_own,
		   struct http_answer *ret_answer, struct str *ret_bearer, struct error *err)
{
	const struct ehr_client *client = w->r->o->client;
	for (unsigned n = 0;; n++) {
		*ret_bearer = ehr_is_home(client, url) && !w->bare ? header : STR_NULL;
		if (!get_once(w, url, fd, *ret_bearer, ret_answer, err))
			return false;
		int status = ret_answer->status;
		if (ehr_is_home(client, url))
			*ret_own = *ret_answer;
		bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
		if (!moved)
			return true;
		struct str there = ehr_link(&w->a, url, str_trim(http_answer_header(ret_answer, "Location")));
		if (!there.p || n == REDIRECTS)
			return error_set(err, ERR_REMOTE, "The server sends us from place to place for a file");
		if (str_starts(url, S("https:")) && !str_starts(there, S("https:")))
			return error_set(err, ERR_REMOTE, "The server sends us from https to http for a file");
		url = there;
	}
}

/* Each attempt leaves its record, wherever redirects led it to. */
static bool record(struct worker *w, const struct export_file *f, int status, const struct error *why,
		   struct error *err)
{
	struct error trouble = {0};
	pthread_mutex_lock(&w->r->lock);
	bool ok = ehr_record(w->r->o->client, "bulk-file", f->type, status, why, &trouble);
	pthread_mutex_unlock(&w->r->lock);
	return ok || error_set(err, trouble.code, "The audit record could not be taken: %s", trouble.text);
}

/* One file is one request of the EHR's budget. */
static bool get(struct worker *w, const struct export_file *f, struct str url, int fd, struct http_answer *ret_answer,
		struct str *ret_bearer, struct error *err)
{
	const struct ehr_client *client = w->r->o->client;
	const struct ehr_waiter waiter = {run_turn, w->r};
	struct ehr_budget_pass pass;
	struct http_answer own = {0};
	struct str header;
	struct error why = {0};
	const struct error elsewhere = {.code = ERR_REMOTE}; /* trouble of another host says nothing about the EHR */
	if (!bearer(w, &header, err) || !ehr_enter(client, &waiter, &pass, err))
		return false;
	w->pass = &pass;
	bool ok = follow(w, url, fd, header, &own, ret_answer, ret_bearer, &why);
	ehr_leave(client, &pass, own.status ? &own : NULL, !ok && ehr_is_home(client, url) ? &why : &elsewhere);
	if (!record(w, f, ok ? ret_answer->status : 0, &why, err))
		return false;
	return ok || error_set(err, why.code, "%s", why.text);
}

/* ---- one file -------------------------------------------------------------------------------------------------------
 */

enum verdict { GOOD, AGAIN, RENEW, LOST };

/* Links to object stores are signed, and a token beside the signature is refused (S3: InvalidArgument). Our token goes
 * to no other host, so the store is behind the EHR's own address, or something on the way adds a token. */
static bool is_token_too_many(const struct http_answer *answer)
{
	return answer->status == 400 && str_find(answer->body, S("Only one auth mechanism allowed")) != STR_NONE;
}

/* What an answer means for the file. why: for the certificate. */
static enum verdict judge(struct worker *w, const struct http_answer *answer, struct str bearer_used,
			  unsigned *renewals, struct str *ret_why)
{
	struct str type = answer->content_type;
	bool page = str_starts(type, S("text/html")) || str_starts(type, S("application/xhtml"));
	*ret_why = arena_printf(&w->a, "the server answered with status %d", answer->status);
	if (answer->status == 200 && page) {
		*ret_why = S("the server answered with a web page instead of the file");
		return AGAIN;
	}
	if (answer->status == 200)
		return GOOD;
	if (is_token_too_many(answer)) {
		*ret_why = S("the host of the file refuses a token beside the signature of its link");
		w->bare = true;
		if (bearer_used.p)
			return AGAIN; /* and without it */
		atomic_store(&w->r->token_at_files, true);
		return LOST;
	}
	if (answer->status == 401 && bearer_used.p && *renewals < RENEWALS) {
		bearer_refused(w, bearer_used);
		++*renewals;
		return AGAIN;
	}
	if (answer->status == 401 && !bearer_used.p)
		*ret_why = S(
			"the server wants a token for the file, but it is not at the origin of the EHR or the manifest "
			"says that it needs none");
	if (answer->status == 429 || answer->status >= 500 || answer->status == 408)
		return AGAIN;
	return answer->status == 401 || answer->status == 403 || answer->status == 404 || answer->status == 410 ? RENEW
														: LOST;
}

/* New URLs from the server, once for all files: links may have expired. */
static bool renew(struct worker *w, struct export_file *f, struct str old, struct error *err)
{
	struct run *r = w->r;
	pthread_mutex_lock(&r->lock);
	bool ok = true;
	if (str_eq(f->url, old) && r->status.p && r->refetches < 3) {
		r->refetches++;
		ok = kick_wait(r, true, err);
	}
	pthread_mutex_unlock(&r->lock);
	return ok;
}

/* Where a file is by the newest manifest. */
static struct str url_of(struct run *r, const struct export_file *f)
{
	pthread_mutex_lock(&r->lock);
	struct str url = f->url;
	pthread_mutex_unlock(&r->lock);
	return url;
}

/* Transport trouble is tried again; what is ours to solve (disk, memory, stopping) ends everything. */
static bool is_theirs(enum error_code code)
{
	return code == ERR_NETWORK || code == ERR_TIMEOUT || code == ERR_REMOTE || code == ERR_REMOTE_REFUSED ||
	       code == ERR_VALUE || code == ERR_TOO_LARGE || code == ERR_BUSY /* the breaker is open */;
}

/* *ret_had: the bytes are there, whole as HTTP tells. False ends everything. */
static bool download(struct worker *w, struct export_file *f, int fd, bool *ret_had, struct error *err)
{
	struct run *r = w->r;
	struct str why = S("");
	unsigned renewals = 0;
	*ret_had = w->bare = false;
	for (unsigned n = 1; n <= ATTEMPTS; n++) {
		struct http_answer answer = {0};
		struct error trouble = {0};
		struct str used = STR_NULL, url = url_of(r, f), link = ehr_link(&w->a, r->request, url);
		enum verdict v = AGAIN;
		int64_t asked = 0;
		if (!link.p) {
			why = S("its url is no http URL");
			break;
		}
		if (get(w, f, link, fd, &answer, &used, &trouble)) {
			v = judge(w, &answer, used, &renewals, &why);
			asked = ehr_wait_asked(r->o->client, &answer);
		} else if (!is_theirs(trouble.code)) {
			return error_set(err, trouble.code, "%s", trouble.text);
		} else {
			why = arena_str(&w->a, str_from(trouble.text));
		}
		if (v == GOOD) {
			*ret_had = true;
			return true;
		}
		if (v == LOST)
			break;
		if (v == RENEW && !renew(w, f, url, err))
			return false;
		if (v == RENEW && str_eq(url_of(r, f), url) && n > 1)
			break;
		int64_t own = v == RENEW ? 0 : run_backoff(r, BACKOFF_MS, BACKOFF_MAX_MS, n - 1);
		if (n < ATTEMPTS && !run_wait(r, asked > own ? asked : own, err))
			return false;
	}
	pthread_mutex_lock(&r->lock);
	f->state = FILE_FAILED;
	f->failure = arena_str(r->a, why);
	pthread_mutex_unlock(&r->lock);
	return true;
}

static bool note(struct run *r, struct export_file *f, const struct export_counts *counts, struct error *err)
{
	pthread_mutex_lock(&r->lock);
	f->state = FILE_FETCHED;
	f->counts = *counts;
	bool ok = journal_file(r, f, err);
	pthread_mutex_unlock(&r->lock);
	return ok;
}

/* A file from a run before: right if it is what the journal says. Its ids go into the sets either way, but one that is
 * not right is fetched anew, so it is hashed before it is looked through. */
static bool is_known(struct worker *w, struct export_file *f, const char *path, bool *ret_is, struct error *err)
{
	struct export_counts counts = {0};
	struct stat state;
	*ret_is = false;
	if (!f->known || stat(path, &state) != 0)
		return true;
	char sum[65];
	if (!look_hash(path, sum, err))
		return false;
	if (memcmp(sum, f->known_sha256, 64) != 0)
		return true;
	*ret_is = true;
	if (!look_through(w->r, f, path, &counts, err))
		return false;
	pthread_mutex_lock(&w->r->lock);
	f->state = FILE_FETCHED;
	f->counts = counts;
	pthread_mutex_unlock(&w->r->lock);
	return true;
}

static bool fetch_file(struct worker *w, struct export_file *f, struct error *err)
{
	struct run *r = w->r;
	struct export_counts counts = {0};
	bool had = false, known;
	struct str path = run_path(r, &w->a, f, false), part = run_path(r, &w->a, f, true);
	if (!path.p || !part.p)
		return error_memory(err);
	if (!is_known(w, f, path.p, &known, err) || known)
		return known;
	int fd = open(part.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* read by a recorder */
	if (fd < 0)
		return run_fail("A file cannot be made", err);
	bool ok = download(w, f, fd, &had, err);
	if (close(fd) != 0)
		ok = ok && error_set(err, ERR_IO, "A file cannot be written: %s", strerror(errno));
	if (!ok || !had) {
		unlink(part.p);
		return ok;
	}
	ok = look_through(r, f, part.p, &counts, err);
	if (ok && rename(part.p, path.p) != 0)
		ok = error_set(err, ERR_IO, "A file cannot be given its name: %s", strerror(errno));
	return ok && note(r, f, &counts, err);
}

/* ---- all of them ----------------------------------------------------------------------------------------------------
 */

static struct export_file *take(struct run *r)
{
	pthread_mutex_lock(&r->lock);
	struct export_file *f = r->next < r->file_count ? &r->files[r->next++] : NULL;
	pthread_mutex_unlock(&r->lock);
	return f;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	struct run *r = w->r;
	for (struct export_file *f; !stopped(r) && (f = take(r));) {
		struct error err = {0};
		bool ok = fetch_file(w, f, &err);
		pthread_mutex_lock(&r->lock);
		r->files_done++;
		r->lines_done += f->counts.lines;
		if (!ok && !r->failure.code)
			r->failure = err;
		pthread_mutex_unlock(&r->lock);
		if (!ok)
			atomic_store(&r->failing, true);
		arena_reset(&w->a);
	}
	pthread_mutex_lock(&r->lock);
	r->working--;
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static bool start(struct run *r, struct worker *w, struct error *err)
{
	*w = (struct worker){.r = r};
	arena_init(&w->a, (size_t)16 << 20);
	struct http_client_options options = {
		.timeout_ms = DAY_MS, .connect_timeout_ms = 20000, .tls = ehr_tls(ehr_client_config(r->o->client))};
	w->http = http_client_new(&options, err);
	options.tls.cert_file = options.tls.key_file = STR_NULL;
	w->elsewhere = w->http ? http_client_new(&options, err) : NULL;
	if (!w->elsewhere)
		return false;
	pthread_mutex_lock(&r->lock);
	r->working++;
	pthread_mutex_unlock(&r->lock);
	w->running = pthread_create(&w->thread, NULL, work, w) == 0;
	if (w->running)
		return true;
	pthread_mutex_lock(&r->lock);
	r->working--;
	pthread_mutex_unlock(&r->lock);
	return error_set(err, ERR_BUSY, "No thread can be started");
}

static void watch(struct run *r)
{
	for (bool working = true; working;) {
		pthread_mutex_lock(&r->lock);
		uint64_t files = r->files_done, lines = r->lines_done;
		working = r->working > 0;
		pthread_mutex_unlock(&r->lock);
		if (r->o->progress)
			r->o->progress(r->o->ctx, files, r->file_count, lines);
		if (working)
			usleep(WATCH_US);
	}
}

bool export_fetch_all(struct run *r, struct error *err)
{
	struct worker workers[EXPORT_MAX_PARALLEL] = {0};
	unsigned wanted = r->o->parallel ? r->o->parallel : 4, count = 0;
	int64_t places = ehr_client_config(r->o->client)->parallel;
	bool ok = true;
	wanted = wanted < EXPORT_MAX_PARALLEL ? wanted : EXPORT_MAX_PARALLEL;
	if (places > 0 && places < wanted)
		wanted = (unsigned)places;
	for (; ok && count < wanted && count < r->file_count; count++)
		ok = start(r, &workers[count], err);
	if (!ok)
		atomic_store(&r->failing, true);
	watch(r);
	for (unsigned i = 0; i < count; i++) {
		if (workers[i].running)
			pthread_join(workers[i].thread, NULL);
		http_client_free(workers[i].http);
		http_client_free(workers[i].elsewhere);
		arena_done(&workers[i].a);
	}
	if (r->failure.code)
		return error_set(err, r->failure.code, "%s", r->failure.text);
	return ok && (!run_stopped(r) || error_set(err, ERR_INTERRUPTED,
						   "The export was stopped; the same command goes "
						   "on with it"));
}

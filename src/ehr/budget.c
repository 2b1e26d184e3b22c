/* See budget.h. The state is one small record; whoever changes it holds a lock of its file, or compares and swaps. */
#include "ehr/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"

enum { SWAPS_MAX = 32, SLOT_POLL_MS = 20, SLOT_LIFE_MS = 180 * 1000, SLOTS_MAX = 256, WAIT_MAX_MS = 60 * 1000 };
enum { DAY_MS = 86400 * 1000, TOUCH_MS = 60 * 1000, PROBE_MS = 90 * 1000 };
#define SHELF "ehr-budget"
#define MAGIC 0x31646275626c6c61 /* of the file's form */

struct ehr_budgets {
	struct arena arena;
	struct ehr_budgets_options o;
	pthread_mutex_t mutex; /* of memory */
	struct ehr_budget_state memory;
};

struct ehr_budgets *ehr_budgets_open(const struct ehr_budgets_options *options, struct error *err)
{
	struct ehr_budgets *b = calloc(1, sizeof *b);
	if (!b) {
		error_memory(err);
		return NULL;
	}
	arena_init(&b->arena, 64 << 10);
	pthread_mutex_init(&b->mutex, NULL);
	b->o = *options;
	bool ok = true;
	if (options->directory.p) {
		b->o.directory = arena_str(&b->arena, options->directory);
		ok = b->o.directory.p ? mkdir(b->o.directory.p, 0700) == 0 || errno == EEXIST ||
						error_set(err, ERR_IO, "%.*s cannot be made: %s",
							  STR_ARG(options->directory), strerror(errno))
				      : error_memory(err);
	}
	if (ok)
		return b;
	ehr_budgets_close(b);
	return NULL;
}

void ehr_budgets_close(struct ehr_budgets *b)
{
	if (!b)
		return;
	pthread_mutex_destroy(&b->mutex);
	arena_done(&b->arena);
	free(b);
}

/* ---- the rules, without where the state is ----------------------------------------------------------------------- */

/* What a request must know and does to the state; wait_ms and err as in ehr_budget_enter(). */
struct passage {
	const struct ehr_budget_limits *limits;
	int64_t now_ms, wait_ms;
	bool probe;
	struct error *err;
};

static int64_t failures_of(const struct ehr_budget_limits *l)
{
	return l->failures > 0 ? l->failures : EHR_BREAKER_FAILURES;
}

static bool check_breaker(struct ehr_budget_state *s, struct passage *p)
{
	if (!s->open_until_ms)
		return true;
	bool tried = s->probe_until_ms > p->now_ms;
	if (p->now_ms >= s->open_until_ms && !tried) {
		p->probe = true; /* half open: one tries */
		s->probe_until_ms = p->now_ms + PROBE_MS;
		return true;
	}
	return error_set(p->err, ERR_BUSY,
			 "nothing is sent, since it failed %lld times in a row; %s (breaker_failures, breaker_pause)",
			 (long long)s->failures,
			 tried ? "whether it is back is being tried" : "after a pause it is tried again");
}

static bool check_day(struct ehr_budget_state *s, struct passage *p)
{
	int64_t day = p->now_ms / DAY_MS;
	if (s->day != day) {
		s->day = day;
		s->today = 0;
	}
	if (p->limits->per_day <= 0 || s->today < p->limits->per_day)
		return true;
	return error_set(p->err, ERR_THROTTLED,
			 "nothing is sent, since the %lld requests of today are used up (requests_per_day); the day "
			 "ends at 00:00 UTC",
			 (long long)p->limits->per_day);
}

/* True when it may leave, or must wait (p->wait_ms). */
static bool pass_rules(struct ehr_budget_state *s, struct passage *p)
{
	int64_t patience = p->limits->patience_ms > 0 ? p->limits->patience_ms : WAIT_MAX_MS;
	if (s->quiet_until_ms > p->now_ms + patience)
		return error_set(p->err, ERR_THROTTLED,
				 "nothing is sent, since it asked to be left alone for %lld s more (Retry-After)",
				 (long long)(s->quiet_until_ms - p->now_ms) / 1000);
	if (s->quiet_until_ms > p->now_ms) {
		p->wait_ms = s->quiet_until_ms - p->now_ms;
		return true;
	}
	if (!check_breaker(s, p) || !check_day(s, p))
		return false;
	int64_t now_us = p->now_ms * 1000;
	if (p->limits->per_second > 0 && s->next_us > now_us) {
		int64_t wait = (s->next_us - now_us + 999) / 1000;
		/* A clock that was set back must not stop everything. */
		p->wait_ms = wait > 2000 ? 2000 : wait;
		if (wait > 2000)
			s->next_us = now_us + 2000000;
		return true;
	}
	if (p->limits->per_second > 0)
		s->next_us = now_us + 1000000 / p->limits->per_second;
	s->today++;
	s->last_ms = p->now_ms;
	return true;
}

static void take_result(struct ehr_budget_state *s, const struct ehr_budget_limits *l, int64_t now_ms, bool probe,
			enum ehr_budget_result result, int64_t quiet_ms)
{
	if (quiet_ms > 0 && now_ms + quiet_ms > s->quiet_until_ms)
		s->quiet_until_ms = now_ms + quiet_ms;
	if (probe)
		s->probe_until_ms = 0;
	if (result == EHR_CALL_ANSWERED) {
		s->failures = 0;
		s->open_until_ms = 0;
	}
	if (result != EHR_CALL_FAILED)
		return;
	s->failures++;
	if (s->failures >= failures_of(l))
		s->open_until_ms = now_ms + (l->pause_ms > 0 ? l->pause_ms : EHR_BREAKER_PAUSE_MS);
}

/* ---- where the state is ------------------------------------------------------------------------------------------ */

struct change {
	struct passage *passage; /* NULL: a result, or a look */
	bool look;
	const struct ehr_budget_limits *limits;
	int64_t now_ms, quiet_ms;
	bool probe;
	enum ehr_budget_result result;
};

static bool apply(struct ehr_budget_state *s, const struct change *change)
{
	if (change->look)
		return true;
	if (change->passage)
		return pass_rules(s, change->passage);
	take_result(s, change->limits, change->now_ms, change->probe, change->result, change->quiet_ms);
	return true;
}

static struct str path_of(const struct ehr_budgets *b, struct arena *a, struct str ehr)
{
	return arena_printf(a, "%.*s/%.*s.calls", STR_ARG(b->o.directory), STR_ARG(ehr));
}

struct record {
	int64_t magic;
	struct ehr_budget_state state;
};

static int open_file(struct ehr_budgets *b, struct str ehr, struct error *err)
{
	struct arena a;
	arena_init(&a, 16 << 10);
	struct str path = path_of(b, &a, ehr);
	int fd = path.p ? open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		error_set(err, ERR_IO, "what was asked of EHR %.*s cannot be counted: %s", STR_ARG(ehr),
			  strerror(errno));
	arena_done(&a);
	return fd;
}

static bool change_file(struct ehr_budgets *b, struct str ehr, const struct change *change,
			struct ehr_budget_state *ret_state, struct error *err)
{
	struct record r = {0};
	int fd = open_file(b, ehr, err);
	if (fd < 0)
		return false;
	bool ok = flock(fd, LOCK_EX) == 0 || error_set(err, ERR_IO, "a lock failed: %s", strerror(errno));
	if (ok && (pread(fd, &r, sizeof r, 0) != (ssize_t)sizeof r || r.magic != MAGIC))
		r = (struct record){.magic = MAGIC}; /* new, or cut off by a crash: counting begins again */
	struct ehr_budget_state before = r.state;
	if (ok) {
		ok = apply(&r.state, change);
		bool changed = memcmp(&before, &r.state, sizeof before) != 0;
		if (changed && pwrite(fd, &r, sizeof r, 0) != (ssize_t)sizeof r)
			ok = error_set(err, ERR_IO, "what was asked of EHR %.*s cannot be counted: %s", STR_ARG(ehr),
				       strerror(errno));
		*ret_state = r.state;
	}
	close(fd);
	return ok;
}

static struct str write_fact(struct arena *a, const struct ehr_budget_state *s)
{
	return arena_printf(a, "%lld %lld %lld %lld %lld %lld %lld %lld", (long long)s->next_us, (long long)s->day,
			    (long long)s->today, (long long)s->quiet_until_ms, (long long)s->failures,
			    (long long)s->open_until_ms, (long long)s->probe_until_ms, (long long)s->last_ms);
}

static struct ehr_budget_state read_fact(struct str text)
{
	struct ehr_budget_state s = {0};
	int64_t *const fields[] = {&s.next_us,	&s.day,		  &s.today,	     &s.quiet_until_ms,
				   &s.failures, &s.open_until_ms, &s.probe_until_ms, &s.last_ms};
	for (size_t i = 0; i < sizeof fields / sizeof fields[0] && text.p; i++)
		if (!str_to_i64(str_split(&text, ' '), fields[i]))
			return (struct ehr_budget_state){0};
	return s;
}

/* A commit is dear: what only says that there was a request a moment ago is not kept. */
static bool matters(const struct ehr_budget_state *before, const struct ehr_budget_state *after,
		    const struct change *change)
{
	struct ehr_budget_state b = *before, a = *after;
	if (a.last_ms - b.last_ms < TOUCH_MS)
		b.last_ms = a.last_ms;
	if (change->passage && change->passage->limits->per_day <= 0) {
		b.today = a.today;
		b.day = a.day;
	}
	return memcmp(&b, &a, sizeof a) != 0;
}

static bool change_fact(struct ehr_budgets *b, struct str ehr, const struct change *change,
			struct ehr_budget_state *ret_state, struct error *err)
{
	struct arena a;
	bool ok = false, done = false;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < SWAPS_MAX && !done; i++) {
		struct str was;
		struct error why = {0};
		done = !store_fact_get(b->o.store, &a, S(SHELF), ehr, &was, err);
		if (done)
			break;
		struct ehr_budget_state before = read_fact(was), after = before;
		ok = apply(&after, change);
		*ret_state = after;
		struct str now = write_fact(&a, &after);
		const struct store_fact fact = {.shelf = S(SHELF),
						.key = ehr,
						.value = now,
						.only_new = !was.p,
						.expected = was,
						.quiet = true};
		done = !matters(&before, &after, change) || store_fact_put(b->o.store, &fact, &why);
		if (!done && why.code != ERR_CONFLICT) {
			done = true;
			ok = error_set(err, why.code, "%s", why.text);
		}
		/* somebody was faster: once more from what they left */
		if (!done && change->passage)
			change->passage->wait_ms = 0;
	}
	arena_done(&a);
	return done ? ok : error_set(err, ERR_BUSY, "too many count their requests to EHR %.*s at once", STR_ARG(ehr));
}

static bool change_state(struct ehr_budgets *b, struct str ehr, const struct change *change,
			 struct ehr_budget_state *ret_state, struct error *err)
{
	if (b->o.directory.p)
		return change_file(b, ehr, change, ret_state, err);
	if (b->o.store)
		return change_fact(b, ehr, change, ret_state, err);
	pthread_mutex_lock(&b->mutex);
	bool ok = apply(&b->memory, change);
	*ret_state = b->memory;
	pthread_mutex_unlock(&b->mutex);
	return ok;
}

bool ehr_budgets_state(struct ehr_budgets *b, struct str ehr, struct ehr_budget_state *ret_state, struct error *err)
{
	const struct change change = {.look = true};
	return change_state(b, ehr, &change, ret_state, err);
}

/* ---- how many at once -------------------------------------------------------------------------------------------- */

/* A byte of the file behind the record each: a lock that the system frees when its holder dies. */
static bool take_file_slot(struct ehr_budgets *b, struct str ehr, int64_t slots, struct ehr_budget_pass *pass,
			   struct error *err)
{
	int fd = open_file(b, ehr, err);
	if (fd < 0)
		return false;
	for (int64_t i = 0; i < slots; i++) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 4096 + i, .l_len = 1};
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
			pass->fd = fd;
			return true;
		}
	}
	close(fd);
	return true;
}

static bool take_fact_slot(struct ehr_budgets *b, struct str ehr, int64_t slots, struct ehr_budget_pass *pass,
			   struct error *err)
{
	random_uuid(pass->holder);
	for (int64_t i = 0; i < slots; i++) {
		struct error why = {0};
		int n = snprintf(pass->name, sizeof pass->name, "%.*s/%lld", STR_ARG(ehr), (long long)i);
		const struct store_fact fact = {.shelf = S(SHELF "-slot"),
						.key = str_make(pass->name, (size_t)n),
						.value = str_make(pass->holder, UUID_SIZE),
						.expires_ms = clock_now_ms() + SLOT_LIFE_MS /* the store's own clock */,
						.only_new = true,
						.quiet = true};
		if (store_fact_put(b->o.store, &fact, &why)) {
			pass->slot = fact.key;
			pass->until_ms = fact.expires_ms;
			return true;
		}
		if (why.code != ERR_CONFLICT)
			return error_set(err, why.code, "%s", why.text);
	}
	return true;
}

static bool take_slot(struct ehr_budgets *b, struct str ehr, int64_t slots, struct ehr_budget_pass *pass,
		      bool *ret_taken, struct error *err)
{
	*ret_taken = true;
	if (slots <= 0 || (!b->o.directory.p && !b->o.store))
		return true;
	slots = slots > SLOTS_MAX ? SLOTS_MAX : slots;
	if (b->o.directory.p ? !take_file_slot(b, ehr, slots, pass, err) : !take_fact_slot(b, ehr, slots, pass, err))
		return false;
	*ret_taken = pass->fd >= 0 || pass->slot.p;
	return true;
}

void ehr_budget_hold(struct ehr_budgets *b, struct ehr_budget_pass *pass)
{
	struct error ignored = {0};
	int64_t now = clock_now_ms();
	if (!pass->slot.p || pass->until_ms - now > SLOT_LIFE_MS / 2)
		return;
	struct str holder = str_make(pass->holder, UUID_SIZE);
	pass->until_ms = now + SLOT_LIFE_MS;
	const struct store_fact fact = {.shelf = S(SHELF "-slot"),
					.key = pass->slot,
					.value = holder,
					.expected = holder,
					.expires_ms = pass->until_ms,
					.quiet = true};
	if (!store_fact_put(b->o.store, &fact, &ignored))
		error_clear(&ignored); /* somebody else has it by now */
}

static void give_slot(struct ehr_budgets *b, struct ehr_budget_pass *pass)
{
	struct error ignored = {0};
	if (pass->fd >= 0)
		close(pass->fd);
	if (pass->slot.p) {
		/* One that took too long has lost it; one that cannot be given back runs out. */
		const struct store_fact fact = {.shelf = S(SHELF "-slot"),
						.key = pass->slot,
						.expected = str_make(pass->holder, UUID_SIZE),
						.quiet = true};
		if (!store_fact_put(b->o.store, &fact, &ignored))
			error_clear(&ignored);
	}
	pass->fd = -1;
	pass->slot = STR_NULL;
}

/* ---- in and out -------------------------------------------------------------------------------------------------- */

bool ehr_budget_enter(struct ehr_budgets *b, struct str ehr, const struct ehr_budget_limits *limits, int64_t now_ms,
		      struct ehr_budget_pass *ret_pass, int64_t *ret_wait_ms, struct error *err)
{
	struct passage passage = {.limits = limits, .now_ms = now_ms, .err = err};
	const struct change change = {.passage = &passage};
	struct ehr_budget_state state;
	bool taken;
	*ret_pass = (struct ehr_budget_pass){.fd = -1};
	*ret_wait_ms = 0;
	if (!take_slot(b, ehr, limits->parallel, ret_pass, &taken, err))
		return false;
	if (!taken) {
		*ret_wait_ms = SLOT_POLL_MS;
		return true;
	}
	bool ok = change_state(b, ehr, &change, &state, err);
	*ret_wait_ms = passage.wait_ms;
	ret_pass->probe = passage.probe;
	if (!ok || passage.wait_ms)
		give_slot(b, ret_pass);
	return ok;
}

void ehr_budget_leave(struct ehr_budgets *b, struct str ehr, const struct ehr_budget_limits *limits, int64_t now_ms,
		      struct ehr_budget_pass *pass, enum ehr_budget_result result, int64_t quiet_ms)
{
	const struct change change = {
		.limits = limits, .now_ms = now_ms, .quiet_ms = quiet_ms, .probe = pass->probe, .result = result};
	struct ehr_budget_state state;
	struct error ignored = {0};
	give_slot(b, pass);
	if (!change_state(b, ehr, &change, &state, &ignored))
		error_clear(&ignored); /* the next request counts what is there */
}

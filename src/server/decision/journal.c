/*
 * What is kept of refusals: the whole decision as a fact of the store. A flood of refusals must not fill the store, and
 * one caller's must not push out another's, so a process keeps a number per source and minute, per minute, and per day;
 * beyond that the audit record alone remains.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/random.h"
#include "server/decision/decision.h"

enum { SOURCES = 512, FACT_MOST = 32 * 1024, MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * 60 * 1000 };

struct decision_journal {
	pthread_mutex_t lock;
	int64_t minute, day; /* that the counts are of */
	unsigned this_minute, this_day;
	unsigned char sources[SOURCES]; /* of this minute; two that share a place share its budget */
};

struct decision_journal *decision_journal_new(struct error *err)
{
	struct decision_journal *j = calloc(1, sizeof(*j));
	if (!j)
		error_memory(err);
	else
		pthread_mutex_init(&j->lock, NULL);
	return j;
}

void decision_journal_free(struct decision_journal *j)
{
	if (!j)
		return;
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static bool within_budget(struct decision_journal *j, struct str source, int64_t now_ms)
{
	if (!j)
		return true;
	pthread_mutex_lock(&j->lock);
	if (now_ms / MINUTE_MS != j->minute) {
		j->minute = now_ms / MINUTE_MS;
		j->this_minute = 0;
		memset(j->sources, 0, sizeof(j->sources));
	}
	if (now_ms / DAY_MS != j->day) {
		j->day = now_ms / DAY_MS;
		j->this_day = 0;
	}
	unsigned char *of_source = &j->sources[str_hash(source) % SOURCES];
	bool ok = j->this_minute < DECISION_PER_MINUTE && j->this_day < DECISION_PER_DAY &&
		  *of_source < DECISION_PER_SOURCE;
	if (ok) {
		j->this_minute++;
		j->this_day++;
		(*of_source)++;
	}
	pthread_mutex_unlock(&j->lock);
	return ok;
}

static void put_text(struct json_writer *w, struct str name, struct str text)
{
	if (!text.p)
		return;
	size_t n = text.n > DECISION_TEXT ? DECISION_TEXT : text.n;
	while (n < text.n && n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
		n--;
	json_put_member(w, name, str_is_utf8(str_slice(text, 0, n)) ? str_slice(text, 0, n) : S("(not UTF-8)"));
}

static void put_notes(struct json_writer *w, const struct decision *d)
{
	json_key(w, S("checks"));
	json_array_begin(w);
	for (unsigned i = 0; i < d->count; i++) {
		json_object_begin(w);
		json_put_member(w, S("check"), str_from(check_word(d->notes[i].check)));
		json_key(w, S("passed"));
		json_put_bool(w, d->notes[i].passed);
		put_text(w, S("had"), d->notes[i].had);
		put_text(w, S("needed"), d->notes[i].needed);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_fact(struct buf *out, const struct decision *d, const struct decision_request *request,
		       const struct error *err)
{
	const struct refusal_facts *facts = refusal_facts(refusal_of(err));
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	put_text(&w, S("request_id"), request->request_id);
	json_key(&w, S("at"));
	json_put_i64(&w, request->now_ms);
	put_text(&w, S("method"), request->method);
	put_text(&w, S("route"), request->route);
	put_text(&w, S("address"), request->address);
	json_key(&w, S("status"));
	json_put_i64(&w, request->status);
	put_text(&w, S("refusal"), str_from(facts->code));
	put_text(&w, S("text"), str_from(err->text));
	put_text(&w, S("hint"), d->hint.p ? d->hint : str_from(facts->hint));
	put_text(&w, S("client"), d->client);
	put_text(&w, S("user"), d->user);
	put_text(&w, S("grant"), d->grant);
	put_text(&w, S("patient"), d->patient);
	put_notes(&w, d);
	if (d->left) {
		json_key(&w, S("left_out"));
		json_put_i64(&w, d->left);
	}
	json_object_end(&w);
}

bool decision_fact(struct decision_journal *journal, struct arena *a, const struct decision *d,
		   const struct decision_request *request, const struct error *err, struct store_fact *ret_fact)
{
	unsigned char salt[4];
	struct buf text;
	if (!d || !refusal_of(err) || !request->request_id.n ||
	    !within_budget(journal, d->client.n ? d->client : request->address, request->now_ms))
		return false;
	random_bytes(salt, sizeof(salt));
	buf_init(&text, FACT_MOST);
	write_fact(&text, d, request, err);
	/* Callers choose request ids, so one may come twice; a space is in none of them. */
	struct str key = arena_printf(a, "%.*s %013lld%02x%02x%02x%02x", STR_ARG(str_slice(request->request_id, 0, 64)),
				      (long long)request->now_ms, salt[0], salt[1], salt[2], salt[3]);
	struct str value = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	if (!key.p || !value.p)
		return false;
	*ret_fact = (struct store_fact){.shelf = S(DECISION_SHELF),
					.key = key,
					.value = value,
					.quiet = true,
					.expires_ms = request->now_ms + (int64_t)DECISION_DAYS * DAY_MS};
	return true;
}

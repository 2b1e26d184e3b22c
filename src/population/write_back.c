/*
 * A score goes back to the EHR it came from, as a Flag. Look first, decide, write with the version just read, read
 * again and compare:
 *
 * - The Flag is searched for by patient and recognised by our identifier here, since servers ignore filters they do not
 *   know. The ledger is the second way to it. When neither tells whether one exists, nothing is written.
 * - A create whose answer was lost is never repeated blindly: the next round looks again.
 * - An update names the version that the decision was made on. Where it has moved on, the new one is read and the
 *   decision made again, three times at most.
 * - An EHR without versions offers nothing to name. Then the content is read and compared immediately before the
 *   write, which leaves the moment between the two unguarded; read-back tells afterwards what stands there.
 * - A Flag that someone set inactive while the score stayed the same is left alone: that was a decision.
 */
#include "base/clock.h"
#include "population/population_priv.h"

enum { ROUNDS_MAX = 4 };

enum step { STEP_AGAIN, STEP_DONE };

struct writing {
	struct population_run *run;
	struct arena *a; /* scratch */
	struct population_patient *patient;
	struct population_flag flag;
	struct population_ledger ledger;
	struct ehr_resource found; /* the Flag as the EHR shows it; resource NULL: there is none */
	bool sent_create, sent_update; /* sent, and the answer was lost */
	struct ehr_failure last;
};

static enum step end(struct writing *w, enum population_decision decision)
{
	w->patient->decision = decision;
	return STEP_DONE;
}

static enum step fail(struct writing *w, const struct ehr_failure *failure)
{
	bool refused = failure->error.code == ERR_REMOTE_REFUSED || failure->error.code == ERR_NOT_SUPPORTED;
	population_trouble(w->run, w->patient, "%s", failure->error.text);
	return end(w, refused ? POPULATION_REFUSED : POPULATION_FAILED);
}

/* ---- looking ------------------------------------------------------------------------------------------------------
 */

static bool is_absent(const struct ehr_failure *failure)
{
	return failure->error.code == ERR_NOT_FOUND || failure->error.code == ERR_GONE;
}

/* Reads one Flag; found.resource stays NULL when it is not there. False when that cannot be told. */
static bool read_flag(struct writing *w, struct str id, struct ehr_failure *failure)
{
	w->found = (struct ehr_resource){0};
	return ehr_read(w->run->client, w->a, S("Flag"), id, &w->found, failure) || is_absent(failure);
}

/* Of several that are ours the one that the ledger knows, otherwise the one with the smallest id: always the same. */
static struct str choose(const struct writing *w, const struct ehr_matches *matches)
{
	struct str chosen = STR_NULL;
	for (size_t i = 0; i < matches->count + matches->withdrawn_count; i++) {
		const struct ehr_resource *r =
			i < matches->count ? &matches->items[i] : &matches->withdrawn[i - matches->count];
		const char *differs = population_flag_differs(w->run->options->definitions, &w->flag, r->resource);
		if (!population_flag_is_ours(&w->flag, r->resource) || (differs && strcmp(differs, "subject") == 0))
			continue;
		if (str_eq(r->id, w->ledger.flag_id))
			return r->id;
		if (!chosen.p || str_cmp(r->id, chosen) < 0)
			chosen = r->id;
	}
	return chosen;
}

/* Finds out whether our Flag exists and reads it. */
static bool look(struct writing *w, struct ehr_failure *failure)
{
	struct str queries[4], id = STR_NULL;
	struct ehr_matches matches;
	size_t count = ehr_pull_queries(w->run->config->vendor, w->a, S("Flag"), w->flag.patient_id, queries, 4);
	w->found = (struct ehr_resource){0};
	for (size_t i = 0; i < count && !id.p; i++) {
		if (ehr_search(w->run->client, w->a, S("Flag"), queries[i], &matches, failure))
			id = choose(w, &matches);
		else if (w->ledger.flag_id.p)
			break; /* it can still be read by its id */
		else
			return false;
	}
	if (!id.p)
		id = w->ledger.flag_id;
	return !id.p || read_flag(w, id, failure);
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static void remember(struct writing *w, struct str id, struct str version)
{
	struct error err = {0};
	w->ledger = (struct population_ledger){.flag_id = id, .version = version, .score = w->patient->score};
	if (!population_ledger_put(w->run, w->patient, &w->ledger, &err))
		population_trouble(w->run, w->patient, "The ledger could not be written: %s", err.text);
	w->patient->flag_id = arena_str(w->run->a, id);
	w->patient->flag_version = version.p ? arena_str(w->run->a, version) : STR_NULL;
}

/* What the EHR holds after the write, against what was sent; it may add, but not change. */
static void read_back(struct writing *w, struct str id)
{
	struct ehr_failure failure = {0};
	const struct population_patient *patient = w->patient;
	if (!read_flag(w, id, &failure) || !w->found.resource) {
		population_trouble(w->run, w->patient, "The Flag was written but could not be read back: %s",
				   failure.error.text);
		remember(w, id, patient->flag_version);
		return;
	}
	const struct json *resource = w->found.resource;
	const char *differs = population_flag_differs(w->run->options->definitions, &w->flag, resource);
	struct str start = json_get_str(json_get(resource, S("period")), S("start"));
	if (!differs && !population_flag_is_ours(&w->flag, resource))
		differs = "identifier";
	if (!differs && !str_starts(start, str_make(w->flag.date, sizeof w->flag.date)))
		differs = "period.start";
	w->patient->read_back = !differs;
	if (differs)
		population_trouble(w->run, w->patient, "The EHR shows another %s than was written", differs);
	remember(w, id, w->found.version);
}

/* The write may have happened: look once more, but do not go on knocking. */
static enum step answer_lost(struct writing *w, bool *sent)
{
	if (!w->last.retryable || w->sent_create || w->sent_update)
		return fail(w, &w->last);
	*sent = true;
	return STEP_AGAIN;
}

static enum step create(struct writing *w)
{
	struct ehr_written written;
	struct str body = population_flag_write(w->a, &w->flag, NULL);
	w->last = (struct ehr_failure){0};
	if (ehr_create(w->run->client, w->a, S("Flag"), body, &written, &w->last)) {
		end(w, POPULATION_CREATED);
		if (!written.id.p) { /* it says that it did, but not where */
			if (!look(w, &w->last) || !w->found.resource) {
				population_trouble(w->run, w->patient,
						   "The EHR says that it took the Flag, but shows none");
				return STEP_DONE;
			}
			written.id = w->found.id;
		}
		w->patient->flag_version = written.version;
		read_back(w, written.id);
		return STEP_DONE;
	}
	if (w->last.error.code == ERR_CONFLICT || w->last.error.code == ERR_PRECONDITION) {
		w->patient->conflicts++;
		return STEP_AGAIN;
	}
	return answer_lost(w, &w->sent_create);
}

static enum step update(struct writing *w)
{
	struct ehr_written written;
	struct str id = w->found.id;
	struct str body = population_flag_write(w->a, &w->flag, w->found.resource);
	w->last = (struct ehr_failure){0};
	if (ehr_update(w->run->client, w->a, S("Flag"), id, body, w->found.version, &written, &w->last)) {
		end(w, POPULATION_UPDATED);
		w->patient->flag_version = written.version;
		read_back(w, id);
		return STEP_DONE;
	}
	if (w->last.error.code == ERR_CONFLICT || w->last.error.code == ERR_PRECONDITION) {
		w->patient->conflicts++;
		return STEP_AGAIN;
	}
	if (is_absent(&w->last))
		return STEP_AGAIN; /* deleted since */
	return answer_lost(w, &w->sent_update);
}

/* ---- deciding -----------------------------------------------------------------------------------------------------
 */

static enum step leave(struct writing *w, bool active)
{
	remember(w, w->found.id, w->found.version);
	w->patient->read_back = active;
	if (!active)
		population_trouble(w->run, w->patient, "The Flag was made inactive at the EHR and is left so");
	return end(w, w->sent_create   ? POPULATION_CREATED /* the lost answer was a yes */
		      : w->sent_update ? POPULATION_UPDATED
				       : POPULATION_UNCHANGED);
}

static enum step decide(struct writing *w)
{
	struct ehr_failure failure = {0};
	if (!look(w, &failure))
		return fail(w, &failure);
	if (!w->found.resource)
		return create(w);
	const char *differs = population_flag_differs(w->run->options->definitions, &w->flag, w->found.resource);
	if (!differs || strcmp(differs, "status") == 0)
		return leave(w, !differs);
	if (strcmp(differs, "subject") == 0) {
		population_trouble(w->run, w->patient, "The Flag of the ledger belongs to another patient at the EHR");
		return end(w, POPULATION_FAILED);
	}
	return update(w);
}

void population_write_back(struct population_run *run, struct arena *scratch, struct population_patient *patient)
{
	int64_t now = run->options->now_ms ? run->options->now_ms() : clock_now_ms();
	struct writing w = {
		.run = run, .a = scratch, .patient = patient, .flag = population_flag_of(scratch, patient, now)};
	struct error err = {0};
	if (!population_ledger_get(run, scratch, patient, &w.ledger, &err)) {
		population_trouble(run, patient, "%s", err.text);
		patient->decision = POPULATION_FAILED;
		return;
	}
	for (int round = 0; round < ROUNDS_MAX; round++)
		if (decide(&w) == STEP_DONE)
			return;
	fail(&w, &w.last);
}

/*
 * One patient out of an EHR into our store: the Patient, then every type with the searches that the vendor accepts. A
 * type that fails is told and the others go on. All that changed is committed at once with its audit records; what
 * equals the bytes we hold already makes no new version, so a second run leaves no trace.
 */
#include "base/map.h"
#include "population/population_priv.h"

enum { KEPT_MAX = 1000000, MERGES_MAX = 8 };

struct pulling {
	struct population_run *run;
	struct arena *a; /* scratch */
	struct population_patient *patient;
	struct map seen; /* "Type/local id": searches of one type may overlap */
	struct store_change *changes;
	struct audit_event *events;
	size_t count, change_capacity, event_capacity;
};

static void count_type(struct population_ehr *ehr, struct str type)
{
	for (size_t i = 0; i < ehr->type_count; i++)
		if (str_eq(ehr->types[i].type, type)) {
			ehr->types[i].count++;
			return;
		}
	if (ehr->type_count < sizeof ehr->types / sizeof ehr->types[0])
		ehr->types[ehr->type_count++] = (struct population_type_count){type, 1};
}

/* What the store would serve for our bytes as its current version: equal or not. */
static bool is_stored(struct pulling *p, const struct store_change *change, bool *ret_exists, bool *ret_equal,
		      struct error *err)
{
	struct store_entry entry;
	struct error missing = {0};
	*ret_exists = *ret_equal = false;
	if (!store_read(p->run->options->store, p->a, change->type, change->id, 0, &entry, &missing)) {
		if (missing.code == ERR_NOT_FOUND || missing.code == ERR_GONE)
			return true;
		*err = missing;
		return false;
	}
	*ret_exists = true;
	if (change->op == STORE_DELETE)
		return true;
	struct buf served;
	buf_init(&served, change->stored.n + 4096);
	resource_write_served(&served, change->stored, change->meta_at, entry.version, entry.updated_ms);
	*ret_equal = buf_ok(&served) && str_eq(buf_str(&served), entry.body);
	buf_done(&served);
	return true;
}

static bool push(struct pulling *p, const struct store_change *change, bool exists, struct error *err)
{
	struct store_change *changes =
		arena_grow(p->a, p->changes, p->count, &p->change_capacity, p->count + 1, sizeof *p->changes);
	if (changes)
		p->changes = changes;
	struct audit_event *events =
		arena_grow(p->a, p->events, p->count, &p->event_capacity, p->count + 1, sizeof *p->events);
	if (events)
		p->events = events;
	if (!changes || !events)
		return error_memory(err);
	bool deletion = change->op == STORE_DELETE;
	p->changes[p->count] = *change;
	p->events[p->count] = (struct audit_event){
		.action = deletion ? 'D'
			  : exists ? 'U'
				   : 'C',
		.interaction = deletion ? S("delete")
			       : exists ? S("update")
					: S("create"),
		.agent = S("pipeline"),
		.type = change->type->name, /* id and version: the store knows them */
		.patient = arena_printf(p->a, "Patient/%.*s", STR_ARG(p->patient->local_id)),
		.detail = arena_printf(p->a, deletion ? "entered in error at %.*s" : "pulled from %.*s",
				       STR_ARG(p->run->config->name)),
	};
	p->count++;
	p->patient->changed++;
	return true;
}

/* A score from half the problems would be wrong and look right. */
static void must_be_complete(struct pulling *p, struct str type)
{
	if (str_is(type, "Condition") || str_is(type, "Patient"))
		p->patient->incomplete = true;
}

static struct str seen_key(struct pulling *p, struct str type, struct str local_id)
{
	return arena_printf(p->a, "%.*s/%.*s", STR_ARG(type), STR_ARG(local_id));
}

static bool is_first(struct pulling *p, const struct ehr_resource *r)
{
	bool fresh = false;
	struct str key = seen_key(p, r->type, population_local_id(p->a, p->run->config->name, r->id));
	return key.p && map_put(&p->seen, key, &fresh) && fresh;
}

static void remove_local(struct pulling *p, const struct fhir_type *type, struct str local_id)
{
	struct error err = {0};
	bool exists, equal;
	const struct store_change change = {.op = STORE_DELETE, .type = type, .id = local_id};
	if (!is_stored(p, &change, &exists, &equal, &err) || (exists && !push(p, &change, true, &err)))
		population_trouble(p->run, p->patient, "A %.*s that is gone at the EHR could not be removed: %s",
				   STR_ARG(type->name), err.text);
}

static void keep(struct pulling *p, const struct ehr_resource *theirs)
{
	struct population_run *run = p->run;
	struct population_kept kept;
	struct error err = {0};
	bool exists, equal;
	if (!is_first(p, theirs))
		return;
	p->patient->resources++;
	if (population_is_foreign(run, theirs->resource, p->patient->vendor_id)) {
		p->patient->rejected++;
		population_trouble(run, p->patient, "A %.*s belongs to another patient than was asked for",
				   STR_ARG(theirs->type));
		return;
	}
	bool adapted = population_adapt(run, p->a, theirs, &kept, &err);
	if (adapted && kept.withdrawn) {
		p->patient->resources--;
		p->patient->withdrawn++;
		remove_local(p, kept.change.type, population_local_id(p->a, run->config->name, theirs->id));
		return;
	}
	if (!adapted || !is_stored(p, &kept.change, &exists, &equal, &err) ||
	    (!equal && !push(p, &kept.change, exists, &err))) {
		p->patient->rejected++;
		must_be_complete(p, theirs->type);
		population_trouble(run, p->patient, "A %.*s could not be kept: %s", STR_ARG(theirs->type), err.text);
		return;
	}
	p->patient->findings += kept.findings;
	count_type(run->ehr, kept.change.type->name);
}

/* What was kept before the EHR declared it an error must not count any longer. */
static void withdraw(struct pulling *p, const struct ehr_resource *theirs)
{
	const struct fhir_type *type = definitions_resource(p->run->options->definitions, theirs->type);
	if (!type || !is_first(p, theirs))
		return;
	p->patient->withdrawn++;
	remove_local(p, type, population_local_id(p->a, p->run->config->name, theirs->id));
}

/* What the EHR does not show any more, after a search that left nothing out. Epic, for one, never says that something
 * was entered in error: it is just not there. */
static void remove_missing(struct pulling *p, struct str type)
{
	struct store_entry *entries;
	size_t count;
	struct error err = {0};
	struct str prefix = arena_printf(p->a, "%.*s.", STR_ARG(p->run->config->name));
	if (!population_stored(p->run, p->a, type, p->patient->local_id, &entries, &count, &err)) {
		population_trouble(p->run, p->patient, "What is stored could not be compared: %s", err.text);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!str_starts(entries[i].id, prefix) ||
		    map_get(&p->seen, seen_key(p, entries[i].type->name, entries[i].id)))
			continue;
		p->patient->withdrawn++;
		remove_local(p, entries[i].type, entries[i].id);
	}
}

/* One search of a type. False when it does not tell all. */
static bool pull_query(struct pulling *p, struct str type, struct str query)
{
	struct ehr_matches matches;
	struct ehr_failure failure = {0};
	if (!ehr_search(p->run->client, p->a, type, query, &matches, &failure))
		return population_trouble(p->run, p->patient, "%s", failure.error.text);
	if (matches.warning.p && !p->patient->warning.p)
		p->patient->warning = arena_str(p->run->a, matches.warning);
	for (size_t i = 0; i < matches.count; i++)
		keep(p, &matches.items[i]);
	for (size_t i = 0; i < matches.withdrawn_count; i++)
		withdraw(p, &matches.withdrawn[i]);
	if (matches.incomplete)
		return population_trouble(p->run, p->patient, "%.*s left out part of the answer to a search of %.*s",
					  STR_ARG(p->run->config->name), STR_ARG(type));
	return true;
}

static void pull_type(struct pulling *p, struct str type)
{
	struct str queries[8];
	size_t count = ehr_pull_queries(p->run->config->vendor, p->a, type, p->patient->vendor_id, queries,
					sizeof queries / sizeof queries[0]);
	bool complete = true;
	for (size_t i = 0; i < count; i++)
		complete = pull_query(p, type, queries[i]) && complete;
	if (complete)
		remove_missing(p, type);
	else
		must_be_complete(p, type);
}

static void commit(struct pulling *p)
{
	struct error err = {0};
	struct store_txn txn = {
		.changes = p->changes,
		.change_count = p->count,
		.events = p->events,
		.event_count = p->count,
		.revision = p->run->options->revision,
	};
	if (p->count && !store_commit(p->run->options->store, &txn, &err)) {
		p->patient->rejected += p->count;
		p->patient->changed = 0;
		p->patient->incomplete = true;
		population_trouble(p->run, p->patient, "What was pulled could not be stored: %s", err.text);
	}
}

/* ---- merged records ---------------------------------------------------------------------------------------------- */

/* What was kept of a record that another one replaced; its content is with the other one now. */
static void remove_merged(struct pulling *p, struct str local_id)
{
	static const char *const types[] = POPULATION_TYPES;
	const struct definitions *d = p->run->options->definitions;
	struct error err = {0};
	for (size_t i = 1; i < sizeof types / sizeof types[0]; i++) {
		struct store_entry *entries;
		size_t count = 0;
		if (!population_stored(p->run, p->a, str_from(types[i]), local_id, &entries, &count, &err)) {
			population_trouble(p->run, p->patient, "What is stored could not be compared: %s", err.text);
			return;
		}
		for (size_t e = 0; e < count; e++)
			remove_local(p, entries[e].type, entries[e].id);
	}
	remove_local(p, definitions_resource(d, S("Patient")), local_id);
}

static bool is_in_run(const struct pulling *p, struct str vendor_id)
{
	for (size_t i = 0; i < p->run->patient_count; i++)
		if (&p->run->patients[i] != p->patient && str_eq(p->run->patients[i].vendor_id, vendor_id))
			return true;
	return false;
}

/* The patient is from now on the record that replaced theirs; it was read already. */
static bool become(struct pulling *p, struct str id)
{
	struct population_run *run = p->run;
	struct population_patient *patient = p->patient;
	remove_merged(p, patient->local_id);
	run->ehr->merged++;
	patient->merged_into = arena_str(run->a, id);
	if (is_in_run(p, id))
		return population_trouble(run, patient,
					  "The record was merged into another at %.*s, which is in this run, too",
					  STR_ARG(run->config->name));
	patient->vendor_id = patient->merged_into;
	patient->local_id = population_local_id(run->a, run->config->name, id);
	return true;
}

/* Epic redirects those who ask for a merged record to the one that replaced it, and Cerner answers with a stub that
 * names it; the problems are there, so a score of the stub would be zero and wrong. The patient becomes the other one,
 * unless that is in the run itself. False when there is nothing to pull. */
static bool follow_merges(struct pulling *p, struct ehr_resource *found)
{
	struct population_run *run = p->run;
	struct population_patient *patient = p->patient;
	for (int hop = 0; hop < MERGES_MAX; hop++) {
		struct ehr_failure failure = {0};
		if (!str_eq(found->id, patient->vendor_id) && !become(p, found->id))
			return false;
		struct str other = normal_replaced_by(run->options->definitions, p->a, found->resource);
		if (!other.p)
			return true;
		struct str id = str_slice(other, strlen("Patient/"), other.n);
		if (!ehr_read(run->client, p->a, S("Patient"), id, found, &failure))
			return population_trouble(run, patient,
						  "The record was merged into another, which cannot be read: %s",
						  failure.error.text);
	}
	return population_trouble(run, patient, "The record was merged in a circle at %.*s",
				  STR_ARG(run->config->name));
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

void population_pull(struct population_run *run, struct arena *scratch, struct population_patient *patient)
{
	static const char *const types[] = POPULATION_TYPES;
	struct pulling p = {.run = run, .a = scratch, .patient = patient};
	struct ehr_resource found;
	struct ehr_failure failure = {0};
	if (!ehr_read(run->client, scratch, S("Patient"), patient->vendor_id, &found, &failure)) {
		population_trouble(run, patient, "%s", failure.error.text);
		patient->incomplete = true;
		return;
	}
	population_describe(run, found.resource, patient);
	map_init(&p.seen, KEPT_MAX);
	if (follow_merges(&p, &found)) {
		population_describe(run, found.resource, patient);
		keep(&p, &found);
		for (size_t i = 1; i < sizeof types / sizeof types[0]; i++)
			pull_type(&p, str_from(types[i]));
	} else {
		patient->incomplete = true;
	}
	map_done(&p.seen);
	commit(&p);
	run->ehr->patients++;
}

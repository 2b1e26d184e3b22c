/*
 * A run over several EHRs: whom, then pull, score and write back, step by step so that progress can be told. Trouble
 * with one EHR or patient is written down and the run goes on.
 */
#include "population/population_priv.h"
#include "population/writing.h"

#define SCRATCH_MAX ((size_t)1 << 30)

enum { TROUBLE_MAX = 400 };

const char *population_decision_name(enum population_decision decision)
{
	static const char *const names[] = {"created", "updated", "unchanged", "refused", "failed"};
	return names[decision];
}

bool population_trouble(struct population_run *run, struct population_patient *patient, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(run->a, format, args);
	va_end(args);
	if (!patient->problem.p)
		patient->problem = text;
	else if (text.p && patient->problem.n < TROUBLE_MAX && str_find(patient->problem, text) == STR_NONE)
		patient->problem = arena_printf(run->a, "%.*s; %.*s", STR_ARG(patient->problem), STR_ARG(text));
	return false;
}

static void tell(const struct population_run *run, const char *step, size_t done, size_t total)
{
	const struct population_options *o = run->options;
	if (o->progress)
		o->progress(o->progress_ctx, run->ehr->name, step, done, total);
}

/* A name for those who were not pulled in this run. */
static void describe_stored(struct population_run *run, struct arena *scratch, struct population_patient *patient)
{
	struct store_entry entry;
	struct error ignored = {0};
	const struct fhir_type *type = definitions_resource(run->options->definitions, S("Patient"));
	if (!store_read(run->options->store, scratch, type, patient->local_id, 0, &entry, &ignored)) {
		patient->incomplete = true;
		population_trouble(run, patient, "The patient was not pulled yet");
		return;
	}
	population_describe(run, json_parse(scratch, entry.body, 0, &ignored), patient);
}

static void step_score(struct population_run *run, struct arena *scratch, struct population_patient *patient)
{
	if (!patient->incomplete)
		population_score(run, scratch, patient);
}

/* Neither vendor lets clients write Flags as a rule, but sites may: their capability statement says so. Where it cannot
 * be had, the first answer will tell. */
static void look_for_flags(struct population_run *run, struct arena *scratch)
{
	enum { BOTH = WRITING_CREATE | WRITING_UPDATE };
	const struct json *statement;
	struct ehr_failure failure = {0};
	if ((writing_allowed(run->config->vendor, S("Flag")) & BOTH) == BOTH ||
	    !ehr_capabilities(run->client, scratch, &statement, &failure))
		return;
	if ((writing_stated(statement, S("Flag")) & BOTH) != BOTH)
		run->flags_refused = arena_printf(run->a,
						  "%.*s: its capability statement does not let clients create and "
						  "update Flag, so nothing was sent",
						  STR_ARG(run->config->name));
}

static void step_write(struct population_run *run, struct arena *scratch, struct population_patient *patient)
{
	if (patient->scored && run->flags_refused.p) {
		patient->decision = POPULATION_REFUSED;
		population_trouble(run, patient, "%.*s", STR_ARG(run->flags_refused));
	} else if (patient->scored)
		population_write_back(run, scratch, patient);
	else
		population_trouble(run, patient, "There is no score to write");
}

static void each(struct population_run *run, struct population_patient *patients, size_t count, const char *name,
		 void (*step)(struct population_run *, struct arena *, struct population_patient *))
{
	struct arena scratch;
	arena_init(&scratch, SCRATCH_MAX);
	if (step == step_write)
		look_for_flags(run, &scratch);
	for (size_t i = 0; i < count; i++) {
		tell(run, name, i, count);
		step(run, &scratch, &patients[i]);
		arena_reset(&scratch);
	}
	tell(run, name, count, count);
	arena_done(&scratch);
}

static void sum_up(struct population_run *run, const struct population_patient *patients, size_t count)
{
	struct population_ehr *e = run->ehr;
	for (size_t i = 0; i < count; i++) {
		const struct population_patient *p = &patients[i];
		e->changed += p->changed;
		e->withdrawn += p->withdrawn;
		e->findings += p->findings;
		e->rejected += p->rejected;
		e->conflicts += p->conflicts;
		if (!run->options->write)
			continue;
		e->created += p->decision == POPULATION_CREATED;
		e->updated += p->decision == POPULATION_UPDATED;
		e->unchanged += p->decision == POPULATION_UNCHANGED;
		e->refused += p->decision == POPULATION_REFUSED;
		e->failed += p->decision == POPULATION_FAILED;
		e->read_back += p->read_back;
	}
}

static bool add_patients(struct population_run *run, const struct str *ids, size_t count,
			 struct population_result *result, struct error *err)
{
	struct population_patient *all =
		ARENA_ARRAY(run->a, struct population_patient, result->patient_count + count + 1);
	if (!all)
		return error_memory(err);
	if (result->patient_count)
		memcpy(all, result->patients, result->patient_count * sizeof *all);
	for (size_t i = 0; i < count; i++) {
		struct population_patient *p = &all[result->patient_count + i];
		p->ehr = run->ehr->name;
		p->vendor_id = ids[i];
		p->local_id = population_local_id(run->a, p->ehr, ids[i]);
		p->decision = POPULATION_FAILED; /* until something else is decided */
		if (!p->local_id.p)
			return error_memory(err);
	}
	result->patients = all;
	result->patient_count += count;
	return true;
}

static bool run_ehr(struct population_run *run, struct population_result *result, struct error *err)
{
	struct str *ids;
	size_t count, first = result->patient_count;
	if (!population_roster(run, &ids, &count))
		return true;
	if (!add_patients(run, ids, count, result, err))
		return false;
	struct population_patient *patients = result->patients + first;
	run->patients = patients;
	run->patient_count = count;
	const struct population_options *o = run->options;
	if (o->pull)
		each(run, patients, count, "pull", population_pull);
	else
		each(run, patients, count, "look up", describe_stored);
	if (o->score)
		each(run, patients, count, "score", step_score);
	if (o->write)
		each(run, patients, count, "write back", step_write);
	sum_up(run, patients, count);
	return true;
}

bool population_run(const struct population_options *options, struct arena *a, struct population_result *ret_result,
		    struct error *err)
{
	struct population_result result = {0};
	if (!options->ehr_count)
		return error_set(err, ERR_CONFIG, "There is no EHR to work with");
	if (options->write && !options->score)
		return error_set(err, ERR_USAGE, "Scores can be written back only in the run that computes them");
	if (options->pull && !options->normaliser)
		return error_set(err, ERR_USAGE, "What is pulled needs a normaliser");
	result.ehrs = ARENA_ARRAY(a, struct population_ehr, options->ehr_count);
	if (!result.ehrs)
		return error_memory(err);
	result.ehr_count = options->ehr_count;
	for (size_t i = 0; i < options->ehr_count; i++) {
		const struct ehr_config *config = ehr_client_config(options->ehrs[i]);
		result.ehrs[i] = (struct population_ehr){.vendor = config->vendor, .name = arena_str(a, config->name)};
		struct population_run run = {.options = options,
					     .client = options->ehrs[i],
					     .config = config,
					     .a = a,
					     .ehr = &result.ehrs[i]};
		if (!result.ehrs[i].name.p)
			return error_memory(err);
		if (!run_ehr(&run, &result, err))
			return false;
	}
	*ret_result = result;
	return true;
}

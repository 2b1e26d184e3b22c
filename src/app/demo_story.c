/*
 * What happens in the demo: two runs of the pipeline, a change behind its back, a search on the page, and the audit
 * chain. Each step checks what it claims; nothing is told that was not observed.
 */
#include "app/demo_priv.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/encode.h"
#include "http/client.h"

static double seconds_since(uint64_t start)
{
	return (double)(clock_monotonic_ns() - start) / 1e9;
}

static bool run(struct demo *d, const struct ehr_transport *transport, const struct option_list *names,
		struct population_result *ret_result, double *ret_seconds, struct error *err)
{
	uint64_t start = clock_monotonic_ns();
	struct pipeline p = {.store = d->store, .write = true, .transport = transport};
	bool ok =
		pipeline_open(&p, d->app, &d->config, names, err) && pipeline_run(&p, &d->app->arena, ret_result, err);
	pipeline_close(&p);
	if (ret_seconds)
		*ret_seconds = seconds_since(start);
	return ok && demo_world_alive(d, err);
}

static void print_run(const struct demo *d, const struct population_result *result)
{
	if (d->app->json)
		return;
	pipeline_print(d->app, result);
	putchar('\n');
}

static bool each_ehr_has_patients(const struct population_result *result)
{
	bool all = result->ehr_count == DEMO_EHRS;
	for (size_t i = 0; i < result->ehr_count; i++)
		all = all && result->ehrs[i].patients > 0 && !result->ehrs[i].problem.p;
	return all;
}

static bool first_run(struct demo *d, struct error *err)
{
	demo_say(d, "First run: get tokens, pull every patient, score, write back, read back.");
	if (!run(d, NULL, NULL, &d->first, &d->first_seconds, err))
		return false;
	print_run(d, &d->first);
	struct pipeline_totals t = pipeline_totals(&d->first);
	demo_check(d, "patients were pulled from both EHRs", each_ehr_has_patients(&d->first));
	demo_check(d, "every patient has a score", t.scored == t.patients && t.patients > 0);
	if (d->options.no_write_access) {
		demo_check(d, "every Flag was refused, and the run went on", t.refused == t.patients);
		return true;
	}
	demo_check(d, "every Flag was written", t.created == t.patients);
	demo_check(d, "every Flag was read back as written", t.read_back == t.patients);
	return true;
}

static bool second_run(struct demo *d, struct error *err)
{
	demo_say(d, "Second run: nothing has changed, so nothing may be written.");
	if (!run(d, NULL, NULL, &d->second, &d->second_seconds, err))
		return false;
	print_run(d, &d->second);
	struct pipeline_totals t = pipeline_totals(&d->second), before = pipeline_totals(&d->first);
	demo_check(d, "the second run pulled the same patients and resources",
		   t.patients == before.patients && t.resources == before.resources);
	demo_check(d, "none of them had changed", t.changed == 0);
	if (d->options.no_write_access)
		demo_check(d, "the second run was refused the same way", t.refused == t.patients);
	else
		demo_check(d, "the second run left every Flag unchanged",
			   t.unchanged == t.patients && t.created == 0 && t.updated == 0);
	return true;
}

/* ---- a change behind our back
 * ------------------------------------------------------------------------------------------ */

/* Somebody else at the EHR, who works on the same Flag between Firth's reading and writing. */
struct intruder {
	struct demo *d;
	struct arena *a;
	struct ehr_client *client;
	struct http_client *http; /* for what is passed on */
	struct str flag_id, body; /* what they write */
	struct str version; /* after it */
	bool armed, wrote;
};

/* The Flag with another code and status. code NULL: as it was. */
static struct str edited(struct arena *a, const struct json *flag, const char *code, const char *status)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	struct json_iter it = json_iter(flag);
	json_object_begin(&w);
	while (json_next(&it)) {
		if (str_is(it.key, "meta") || str_is(it.key, "text"))
			continue;
		json_key(&w, it.key);
		if (str_is(it.key, "status"))
			json_put_str(&w, str_from(status));
		else if (code && str_is(it.key, "code"))
			json_put_raw(&w, str_from(code));
		else
			json_put_value(&w, it.value);
	}
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static bool write_flag(struct intruder *i, struct str body, struct error *err)
{
	struct ehr_resource now;
	struct ehr_written written;
	struct ehr_failure failure = {0};
	if (!body.p)
		return error_memory(err);
	if (ehr_read(i->client, i->a, S("Flag"), i->flag_id, &now, &failure) &&
	    ehr_update(i->client, i->a, S("Flag"), i->flag_id, body, now.version, &written, &failure) &&
	    ehr_read(i->client, i->a, S("Flag"), i->flag_id, &now, &failure)) {
		i->version = now.version;
		return true;
	}
	return error_set(err, failure.error.code, "changing a Flag at the EHR failed: %s", failure.error.text);
}

/* Firth's calls pass through here. In front of its first update of the Flag the other one is quicker. */
static bool pass(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		 struct error *err)
{
	struct intruder *i = ctx;
	if (i->armed && str_is(call->method, "PUT") && str_find(call->url, S("/Flag/")) != STR_NONE) {
		i->armed = false;
		i->wrote = write_flag(i, i->body, err);
		if (!i->wrote)
			return false;
	}
	return http_call(i->http, a, call, ret_answer, err);
}

static const struct population_patient *flagged_patient(const struct demo *d, struct str ehr)
{
	for (size_t i = 0; i < d->second.patient_count; i++) {
		const struct population_patient *p = &d->second.patients[i];
		if (str_eq(p->ehr, ehr) && p->flag_id.p && p->read_back)
			return p;
	}
	return NULL;
}

static bool interfere(struct demo *d, struct intruder *i, const struct population_patient *patient, struct error *err)
{
	struct ehr_resource flag;
	struct ehr_failure failure = {0};
	i->flag_id = patient->flag_id;
	if (!ehr_read(i->client, i->a, S("Flag"), i->flag_id, &flag, &failure))
		return error_set(err, failure.error.code, "reading a Flag at the EHR failed: %s", failure.error.text);
	/* First an edit that Firth will want to correct, then, as it does so, a decision that it must respect. */
	i->body = edited(i->a, flag.resource, NULL, "inactive");
	if (!write_flag(i, edited(i->a, flag.resource, "{\"text\":\"edited elsewhere\"}", "active"), err))
		return false;
	const struct ehr_transport transport = {.call = pass, .ctx = i};
	struct str names[] = {patient->ehr};
	struct option_list only = {.items = names, .count = 1};
	struct population_result result;
	i->armed = true;
	if (!run(d, &transport, &only, &result, NULL, err))
		return false;
	d->conflicts = pipeline_totals(&result).conflicts;
	if (!ehr_read(i->client, i->a, S("Flag"), i->flag_id, &flag, &failure))
		return error_set(err, failure.error.code, "reading a Flag at the EHR failed: %s", failure.error.text);
	bool theirs = str_is(json_get_str(flag.resource, S("status")), "inactive") && str_eq(flag.version, i->version);
	d->conflict_handled = i->wrote && d->conflicts > 0 && theirs && flag.version.p;
	return true;
}

static bool conflict(struct demo *d, struct error *err)
{
	struct intruder i = {.d = d, .a = &d->app->arena};
	const struct ehr_config *ehr = &d->config.ehrs[0];
	const struct population_patient *patient = flagged_patient(d, ehr->name);
	if (d->options.no_write_access)
		return true;
	demo_say(d, "A change in between: somebody at %.*s edits one Flag, and again just as Firth writes to it.",
		 STR_ARG(ehr->name));
	d->conflict_tried = patient != NULL;
	bool ok = patient != NULL;
	if (ok) {
		d->conflict_ehr = patient->ehr;
		d->conflict_flag = patient->flag_id;
		i.http = http_client_new(&(struct http_client_options){0}, err);
		i.client = ehr_open(ehr, &(struct ehr_client_options){.definitions = d->definitions, .audit = d->store},
				    err);
		ok = i.http && i.client && interfere(d, &i, patient, err);
		if (i.client)
			ehr_close(i.client);
		if (i.http)
			http_client_free(i.http);
		if (!ok)
			return false;
	}
	demo_check(d, "Firth saw the newer version, read it again and did not overwrite it", d->conflict_handled);
	return true;
}

/* ---- the page and the record
 * -------------------------------------------------------------------------------------------- */

/* The last word of a name as it is shown: "Smith" of "Smith, Anna" and of "Anna Smith". */
static struct str last_name(struct str name)
{
	size_t comma = str_find_char(name, ',', 0);
	if (comma != STR_NONE)
		return str_trim(str_slice(name, 0, comma));
	size_t space = str_rfind_char(name, ' ');
	return space == STR_NONE ? name : str_slice(name, space + 1, name.n);
}

static size_t occurrences(struct str text, struct str what)
{
	size_t count = 0;
	for (size_t at = str_find(text, what); at != STR_NONE; at = str_find(text, what)) {
		count++;
		text = str_slice(text, at + what.n, text.n);
	}
	return count;
}

static bool ask_page(struct demo *d, struct http_client *http, const struct population_patient *patient,
		     struct error *err)
{
	struct arena *a = &d->app->arena;
	struct buf form, shown;
	struct http_answer answer;
	const struct http_header headers[] = {{S("Content-Type"), S("application/x-www-form-urlencoded")}};
	buf_init(&form, 64 * 1024);
	buf_init(&shown, 64 * 1024);
	d->found_name = last_name(patient->name);
	buf_add(&form, S("name="));
	encode_percent(&form, d->found_name);
	encode_html(&shown, patient->mrn.n ? patient->mrn : patient->name);
	const struct http_call call = {.method = S("POST"),
				       .url = arena_printf(a, "%.*s/patients", STR_ARG(service_base_url(d->service))),
				       .headers = headers,
				       .header_count = 1,
				       .body = buf_str(&form)};
	bool ok = http_call(http, a, &call, &answer, err);
	if (ok) {
		d->found = occurrences(answer.body, S("<th scope=\"row\""));
		demo_check(d, "the page finds a patient by last name",
			   answer.status == 200 && d->found > 0 && str_find(answer.body, buf_str(&shown)) != STR_NONE);
		demo_say(d, "The page at %.*s/ finds %zu patient%s named %.*s.", STR_ARG(service_base_url(d->service)),
			 d->found, d->found == 1 ? "" : "s", STR_ARG(d->found_name));
	}
	buf_done(&form);
	buf_done(&shown);
	return ok;
}

static bool page(struct demo *d, struct error *err)
{
	if (d->first.patient_count == 0)
		return true;
	struct http_client *http = http_client_new(&(struct http_client_options){0}, err);
	bool ok = http && ask_page(d, http, &d->first.patients[0], err);
	if (http)
		http_client_free(http);
	return ok;
}

static bool audit(struct demo *d, struct error *err)
{
	struct error broken = {0};
	d->chain_verified = store_audit_verify(d->store, &d->audit_rows, &broken);
	if (!d->chain_verified && broken.code != ERR_CHAIN) {
		*err = broken;
		return false;
	}
	demo_say(d, "The audit trail holds %lld records; its chain is %s.", (long long)d->audit_rows,
		 d->chain_verified ? "whole" : "BROKEN");
	demo_check(d, "every access left a record, and the chain of records is whole",
		   d->chain_verified && d->audit_rows > (int64_t)pipeline_totals(&d->first).patients);
	return true;
}

bool demo_story(struct demo *d, struct error *err)
{
	return first_run(d, err) && second_run(d, err) && conflict(d, err) && page(d, err) && audit(d, err);
}

bool demo_held(const struct demo *d)
{
	bool all = d->check_count > 0;
	for (size_t i = 0; i < d->check_count; i++)
		all = all && d->checks[i].ok;
	return all;
}

/*
 * Whom the pipeline works on: a file with one patient id a line, or the members of a Group at the EHR. Neither vendor
 * lets a client list all patients, and nobody should.
 */
#include "base/file.h"
#include "base/map.h"
#include "population/population_priv.h"

enum { ROSTER_MAX = 64 << 20, PATIENTS_MAX = 1000000 };

struct ids {
	struct population_run *run;
	struct map seen;
	struct str *items;
	size_t count, capacity;
};

static bool add(struct ids *ids, struct str id)
{
	bool fresh = false;
	struct str copy = arena_str(ids->run->a, id);
	if (!copy.p || !map_put(&ids->seen, copy, &fresh))
		return false;
	if (!fresh)
		return true;
	struct str *items =
		arena_grow(ids->run->a, ids->items, ids->count, &ids->capacity, ids->count + 1, sizeof *ids->items);
	if (!items)
		return false;
	ids->items = items;
	ids->items[ids->count++] = copy;
	return true;
}

static bool trouble(struct population_run *run, const char *what, const char *why)
{
	run->ehr->problem = arena_printf(run->a, "%s: %s", what, why);
	return false;
}

static bool from_file(struct ids *ids, struct arena *scratch)
{
	struct error err = {0};
	struct str text;
	if (!file_read(scratch, ids->run->config->roster, ROSTER_MAX, &text, &err))
		return trouble(ids->run, "The roster cannot be read", err.text);
	while (text.p) {
		struct str line = str_split(&text, '\n');
		size_t hash = str_find_char(line, '#', 0);
		line = str_trim(str_slice(line, 0, hash == STR_NONE ? line.n : hash));
		if (str_starts(line, S("Patient/")))
			line = str_slice(line, 8, line.n);
		if (line.n && !add(ids, line))
			return trouble(ids->run, "The roster cannot be used", "it is too large");
	}
	return true;
}

static bool from_group(struct ids *ids, struct arena *scratch)
{
	struct ehr_resource group;
	struct ehr_failure failure = {0};
	if (!ehr_read(ids->run->client, scratch, S("Group"), ids->run->config->group, &group, &failure))
		return trouble(ids->run, "The Group of patients cannot be read", failure.error.text);
	struct json_iter it = json_iter(json_get(group.resource, S("member")));
	while (json_next(&it)) {
		struct str text = json_get_str(json_get(it.value, S("entity")), S("reference"));
		struct reference ref = reference_parse(ids->run->options->definitions, text);
		if (json_bool(json_get(it.value, S("inactive"))) || !str_is(ref.type, "Patient"))
			continue;
		if (!add(ids, ref.id))
			return trouble(ids->run, "The Group of patients cannot be used", "it is too large");
	}
	return true;
}

bool population_roster(struct population_run *run, struct str **ret_ids, size_t *ret_count)
{
	struct ids ids = {.run = run};
	struct arena scratch;
	bool ok;
	arena_init(&scratch, (size_t)512 << 20);
	map_init(&ids.seen, PATIENTS_MAX);
	if (run->config->roster.n)
		ok = from_file(&ids, &scratch);
	else if (run->config->group.n)
		ok = from_group(&ids, &scratch);
	else
		ok = trouble(run, "Nobody to pull", "the EHR has neither a roster nor a group configured");
	map_done(&ids.seen);
	arena_done(&scratch);
	if (!ok)
		return false;
	*ret_ids = ids.items;
	*ret_count = ids.count;
	return true;
}

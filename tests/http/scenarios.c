/*
 * Runs scenario files. usage: scenarios [--base URL] [--guarded] [--admission] FILE...
 * Without --base a server is started in this process; --guarded makes it ask for tokens, --admission has rules on what
 * resources must conform to.
 */
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "world.h"

/* The rules of admission/: each level once. */
static const struct str weight = {"http://hl7.org/fhir/StructureDefinition/bodyweight", 50};
static const struct admission_rule rules[] = {
	{.type = {"Patient", 7}, .level = ADMISSION_PROFILES, .declared = true},
	{.type = {"Observation", 11}, .level = ADMISSION_PROFILES, .profiles = &weight, .profile_count = 1},
	{.type = {"Basic", 5}, .level = ADMISSION_OFF},
};

static int run_files(struct scenario_run *run, int count, char **files)
{
	int status = 0;
	for (int i = 0; i < count; i++) {
		struct error err = {0};
		if (!scenario_run_file(run, str_from(files[i]), &err)) {
			printf("FAIL %s: %s\n", files[i], err.text);
			status = 1;
		}
	}
	printf("%zu passed, %zu failed, %zu skipped\n", run->passed, run->failed, run->skipped);
	return status || run->failed || !run->passed;
}

int main(int argc, char **argv)
{
	int at = 1, status = 1;
	struct str base = STR_NULL;
	bool guarded = false, admission = false;
	struct world world = {0};
	struct error err = {0};
	for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
		if (strcmp(argv[at], "--guarded") == 0)
			guarded = true;
		else if (strcmp(argv[at], "--admission") == 0)
			admission = true;
		else if (strcmp(argv[at], "--base") == 0 && at + 1 < argc)
			base = str_from(argv[++at]);
		else
			return 2;
	}
	struct scenario_run run = {.base = base};
	if (!base.p) {
		if (!world_open(
			    &world,
			    &(struct world_options){
				    .jobs = true, .guarded = guarded, .rules = rules, .rule_count = admission ? 3 : 0},
			    &err)) {
			printf("no server: %s\n", err.text);
			world_close(&world);
			return 1;
		}
		run.base = str_from(world.base_url);
		if (guarded) {
			run.token = world_token;
			run.ctx = &world;
		}
	}
	run.client = http_client_new(&(struct http_client_options){0}, &err);
	struct knowledge *knowledge =
		knowledge_open(&(struct knowledge_options){.definitions = definitions_builtin()}, &err);
	const struct knowledge_state *state = knowledge ? knowledge_enter(knowledge, 0, &err) : NULL;
	run.validator = state ? state->validator : NULL;
	if (run.client && state)
		status = run_files(&run, argc - at, argv + at);
	else
		printf("no client: %s\n", err.text);
	if (run.client)
		http_client_free(run.client);
	if (state)
		knowledge_leave(knowledge, state);
	knowledge_close(knowledge);
	if (!base.p)
		world_close(&world);
	return status;
}

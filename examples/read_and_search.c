/*
 * Reads a patient and searches what was measured of them, at an EHR that needs no token or, with CLIENT_ID and
 * KEY_FILE in the environment, as a backend service.
 *
 *     cc read_and_search.c $(pkg-config --cflags --libs firth) -o read_and_search
 *     ./read_and_search https://ehr.example/api/FHIR/R4 eAbC123 epic
 */
#include <firth/firth.h>

#include <stdio.h>
#include <stdlib.h>

static int say(const char *what, const struct firth_error *e)
{
	fprintf(stderr, "%s: %s: %s", what, firth_status_name(e->status), e->text);
	if (e->correlation_id[0])
		fprintf(stderr, " (tell them %s)", e->correlation_id);
	fputc('\n', stderr);
	return 1;
}

static int show_patient(struct firth_ehr *ehr, const char *id)
{
	struct firth_error error;
	struct firth_result *result;
	const struct firth_item *patient;

	if (firth_read(ehr, "Patient", id, &result, &error) != FIRTH_OK)
		return say("the patient", &error);
	patient = firth_result_item(result, 0);
	printf("%s/%s: %zu bytes, version %s\n", patient->type, patient->id, patient->body_size,
	       patient->version ? patient->version : "unknown");
	firth_result_free(result);
	return 0;
}

static int count(void *context, const struct firth_item *item)
{
	(void)item;
	*(size_t *)context += 1;
	return 0;
}

static int count_conditions(struct firth_ehr *ehr, const char *id)
{
	struct firth_error error;
	char query[200];
	size_t conditions = 0;

	snprintf(query, sizeof(query), "patient=%s", id);
	if (firth_search_each(ehr, "Condition", query, count, &conditions, &error) != FIRTH_OK)
		return say("the conditions", &error);
	printf("%zu conditions\n", conditions);
	return 0;
}

static int show_observations(struct firth_ehr *ehr, const char *id)
{
	struct firth_error error;
	struct firth_result *result;
	char query[200];
	size_t i, bytes = 0;

	snprintf(query, sizeof(query), "patient=%s&category=vital-signs", id);
	if (firth_search(ehr, "Observation", query, &result, &error) != FIRTH_OK)
		return say("the vital signs", &error);
	for (i = 0; i < firth_result_count(result); i++)
		bytes += firth_result_item(result, i)->body_size;
	printf("%zu vital signs, %zu bytes\n", firth_result_count(result), bytes);
	if (firth_result_warning(result))
		printf("%s\n", firth_result_warning(result));
	firth_result_free(result);
	return 0;
}

int main(int argc, char **argv)
{
	struct firth_options options = {sizeof(options)};
	struct firth_error error;
	struct firth_ehr *ehr;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: %s BASE_URL PATIENT_ID [epic|cerner]\n", argv[0]);
		return 2;
	}
	options.base_url = argv[1];
	options.vendor = argc > 3 ? argv[3] : NULL;
	options.client_id = getenv("CLIENT_ID");
	options.key_file = getenv("KEY_FILE");
	options.record_file = getenv("RECORD_FILE");
	ehr = firth_ehr_open(&options, &error);
	if (!ehr)
		return say("the EHR", &error);
	status = show_patient(ehr, argv[2]) || show_observations(ehr, argv[2]) || count_conditions(ehr, argv[2]);
	firth_ehr_close(ehr);
	return status;
}

/*
 * A person's login by way of libfirth: prints the address for the browser, reads where that arrived, reads the patient,
 * and does it again as a later run would, with what was kept.
 */
#include <firth/firth.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct firth_error error;

#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, error.text);                        \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

static void read_patient(struct firth_ehr *ehr, const char *id)
{
	struct firth_result *result;
	MUST(firth_read(ehr, "Patient", id, &result, &error) == FIRTH_OK && firth_result_count(result) == 1);
	firth_result_free(result);
}

int main(int argc, char **argv)
{
	struct firth_options options = {sizeof(options)};
	char answer[4096], *kept;
	const char *url;
	struct firth_ehr *ehr, *later;

	if (argc < 2)
		return 2;
	options.base_url = argv[1];
	MUST((ehr = firth_ehr_open(&options, &error)) != NULL);
	MUST(firth_login_begin(ehr, "http://127.0.0.1:9/back", NULL, NULL, &url, &error) == FIRTH_INVALID);
	MUST(!firth_login(ehr) && !firth_login_keep(ehr));
	firth_ehr_close(ehr);

	options.login_client_id = "app-1";
	MUST((ehr = firth_ehr_open(&options, &error)) != NULL);
	MUST(!firth_login(ehr) && firth_login_finish(ehr, "code=1", &error) == FIRTH_INVALID);
	MUST(firth_login_begin(ehr, "http://127.0.0.1:9/back", NULL, NULL, &url, &error) == FIRTH_OK);
	printf("%s\n", url);
	fflush(stdout);
	MUST(fgets(answer, sizeof(answer), stdin) != NULL);
	answer[strcspn(answer, "\n")] = 0;
	MUST(firth_login_finish(ehr, answer, &error) == FIRTH_OK);
	MUST(firth_login_finish(ehr, answer, &error) == FIRTH_INVALID); /* good once */
	MUST(firth_login(ehr) && strcmp(firth_login(ehr)->patient, "p1") == 0);
	MUST(strcmp(firth_login(ehr)->user, "Practitioner/7") == 0 && firth_login(ehr)->scopes);
	read_patient(ehr, "p1");
	MUST((kept = strdup(firth_login_keep(ehr))) != NULL);
	firth_ehr_close(ehr);

	MUST((later = firth_ehr_open(&options, &error)) != NULL);
	MUST(firth_login_resume(later, "{}", &error) == FIRTH_INVALID && !firth_login(later));
	MUST(firth_login_resume(later, kept, &error) == FIRTH_OK);
	MUST(strcmp(firth_login(later)->patient, "p1") == 0);
	read_patient(later, "p1");
	firth_ehr_close(later);
	free(kept);
	printf("logged in\n");
	return 0;
}

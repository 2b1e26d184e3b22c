/*
 * Exports the members of a Group into a directory, and goes on with it when it is started again.
 *
 *     cc export_group.c $(pkg-config --cflags --libs firth) -o export_group
 *     CLIENT_ID=... KEY_FILE=... ./export_group https://ehr.example/api/FHIR/R4 eGroup123 directory epic
 */
#include <firth/firth.h>

#include <stdio.h>
#include <stdlib.h>

static void say(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct firth_options options = {sizeof(options)};
	struct firth_export_options what = {sizeof(what)};
	struct firth_error error;
	struct firth_ehr *ehr;
	int complete = 0;
	enum firth_status status;

	if (argc < 4) {
		fprintf(stderr, "usage: %s BASE_URL GROUP_ID DIRECTORY [epic|cerner]\n", argv[0]);
		return 2;
	}
	options.base_url = argv[1];
	options.vendor = argc > 4 ? argv[4] : NULL;
	options.client_id = getenv("CLIENT_ID");
	options.key_file = getenv("KEY_FILE");
	ehr = firth_ehr_open(&options, &error);
	if (!ehr) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	what.group = argv[2];
	what.directory = argv[3];
	what.types = getenv("TYPES");
	what.say = say;
	status = firth_export(ehr, &what, &complete, &error);
	if (status != FIRTH_OK)
		fprintf(stderr, "%s: %s\n", firth_status_name(status), error.text);
	else
		printf("%s\n", complete ? "complete" : "not complete: certificate.txt says what is missing");
	firth_ehr_close(ehr);
	return status == FIRTH_OK && complete ? 0 : 1;
}

/* Every function of <firth/firth.h> at an open server: calls BASE. The first that does otherwise than it says ends it.
 */
#include <firth/firth.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(what)                                                                                                     \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #what, error.text);                            \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

static struct firth_error error;

static const struct firth_item *only(struct firth_result *r)
{
	MUST(firth_result_count(r) == 1 && !firth_result_item(r, 1));
	return firth_result_item(r, 0);
}

static int take(void *context, const struct firth_item *item)
{
	size_t *left = context;
	MUST(strcmp(item->type, "Patient") == 0 && strlen(item->body) == item->body_size);
	return --*left == 0;
}

static void misuse(struct firth_ehr *ehr)
{
	struct firth_options small = {sizeof(small)};
	struct firth_result *r = NULL;
	small.size = 1;
	MUST(!firth_ehr_open(&small, &error) && error.status == FIRTH_INVALID);
	MUST(!firth_ehr_open(NULL, NULL));
	MUST(firth_export(ehr, NULL, NULL, &error) == FIRTH_INVALID);
	MUST(!firth_login(NULL) && firth_login_resume(ehr, "x", &error) == FIRTH_INVALID);
	MUST(firth_read(ehr, "Petient", "x", &r, &error) == FIRTH_INVALID && !r);
	MUST(firth_read(ehr, "Patient", "", &r, &error) == FIRTH_INVALID);
	MUST(firth_read(ehr, "Patient", NULL, &r, &error) == FIRTH_INVALID);
	MUST(firth_search(NULL, "Patient", NULL, &r, &error) == FIRTH_INVALID);
	MUST(firth_search_each(ehr, "Patient", NULL, NULL, NULL, &error) == FIRTH_INVALID);
	MUST(firth_create(ehr, "Patient", NULL, 0, &r, &error) == FIRTH_INVALID);
	MUST(firth_delete(ehr, "Patient", NULL, NULL, &error) == FIRTH_INVALID);
	MUST(strcmp(firth_status_name(FIRTH_INVALID), "invalid") == 0 && firth_status_name((enum firth_status)99));
	firth_result_free(NULL);
	firth_ehr_close(NULL);
}

static void change(struct firth_ehr *ehr, const char *id, const char *version)
{
	static const char patch[] = "[{\"op\":\"add\",\"path\":\"/gender\",\"value\":\"female\"}]";
	struct firth_result *r;
	char body[200];
	int n = snprintf(body, sizeof(body), "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"active\":true}", id);
	MUST(firth_update(ehr, "Patient", id, version, body, (size_t)n, &r, &error) == FIRTH_OK);
	MUST(strcmp(only(r)->id, id) == 0 && strcmp(only(r)->version, "2") == 0 && !only(r)->body);
	firth_result_free(r);
	MUST(firth_update(ehr, "Patient", id, version, body, (size_t)n, &r, &error) == FIRTH_CONFLICT);
	MUST(error.http_status == 412 || error.http_status == 409);
	MUST(firth_patch(ehr, "Patient", id, NULL, patch, sizeof(patch) - 1, &r, &error) == FIRTH_OK);
	firth_result_free(r);
	MUST(firth_read(ehr, "Patient", id, &r, &error) == FIRTH_OK);
	MUST(strcmp(only(r)->version, "3") == 0 && strstr(only(r)->body, "female"));
	firth_result_free(r);
}

int main(int argc, char **argv)
{
	struct firth_options options = {sizeof(options)};
	struct firth_result *r, *made;
	struct firth_ehr *ehr;
	size_t left = 2;

	/* A program that was compiled with the first header: what is behind is not looked at. */
	options.size = offsetof(struct firth_options, ca_file);
	options.ca_file = "/nowhere";
	options.base_url = argc > 1 ? argv[1] : "";
	options.name = "own";
	ehr = firth_ehr_open(&options, &error);
	MUST(ehr && strchr(firth_version(), '.'));
	misuse(ehr);
	MUST(firth_capabilities(ehr, &r, &error) == FIRTH_OK && strstr(only(r)->body, "4.0.1"));
	firth_result_free(r);
	for (int i = 0; i < 3; i++) {
		static const char body[] = "{\"resourceType\":\"Patient\"}";
		MUST(firth_create(ehr, "Patient", body, sizeof(body) - 1, &made, &error) == FIRTH_OK);
		MUST(*only(made)->id && strcmp(only(made)->version, "1") == 0);
		if (i < 2)
			firth_result_free(made);
	}
	MUST(firth_search(ehr, "Patient", "_count=2", &r, &error) == FIRTH_OK && firth_result_count(r) == 3);
	MUST(!firth_result_incomplete(r) && !firth_result_warning(r));
	firth_result_free(r);
	MUST(firth_search_each(ehr, "Patient", "_count=1", take, &left, &error) == FIRTH_OK && left == 0);
	change(ehr, only(made)->id, only(made)->version);
	MUST(firth_delete(ehr, "Patient", only(made)->id, NULL, &error) == FIRTH_OK);
	MUST(firth_read(ehr, "Patient", only(made)->id, &r, &error) == FIRTH_NOT_FOUND && error.http_status == 410);
	firth_ehr_close(ehr);
	MUST(*only(made)->id); /* results outlive the handle */
	firth_result_free(made);
	return 0;
}

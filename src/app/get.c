/* firth get EHR TYPE/ID: one resource of an EHR, with the login there, as a backend service, or of an open server. */
#include <stdio.h>

#include "app/ehr.h"
#include "app/login.h"

bool ehr_instance_parse(struct app *app, struct str what, struct str *ret_type, struct str *ret_id)
{
	size_t slash = str_find_char(what, '/', 0);
	struct str type = str_slice(what, 0, slash == STR_NONE ? what.n : slash);
	struct str id = slash == STR_NONE ? STR_NULL : str_slice(what, slash + 1, what.n);
	if (!definitions_resource(definitions_builtin(), type))
		app->status = app_misuse(app, "'%.*s' is no resource type of R4", STR_ARG(str_slice(type, 0, 40)));
	else if (!id.n || str_find_char(id, '/', 0) != STR_NONE || str_find_char(id, '?', 0) != STR_NONE)
		app->status = app_misuse(app, "say Type/id, such as Patient/123");
	else {
		*ret_type = type;
		*ret_id = id;
		return true;
	}
	return false;
}

void ehr_tell_request(const struct ehr_failure *failure)
{
	if (failure->correlation_id[0])
		fprintf(stderr, "the request, for the EHR's people: %s\n", failure->correlation_id);
}

enum normal_vendor ehr_normal_vendor(enum ehr_vendor vendor)
{
	return vendor == EHR_EPIC ? NORMAL_EPIC : vendor == EHR_CERNER ? NORMAL_CERNER : NORMAL_GENERIC;
}

/* The resource in Firth's one form. */
static bool normal_form(struct login_command *c, const struct ehr_resource *r, struct buf *out, struct error *err)
{
	struct normaliser *n = normaliser_new(definitions_builtin(), err);
	const struct normal_options options = {.vendor = ehr_normal_vendor(c->ehr->vendor),
					       .base_url = c->ehr->base_url};
	enum normal_fate fate = NORMAL_KEPT;
	bool ok = n && normalise(n, r->resource, &options, out, NULL, &fate, err);
	if (ok && fate == NORMAL_DROPPED)
		ok = error_set(err, ERR_GONE, "%.*s/%.*s was entered in error", STR_ARG(r->type), STR_ARG(r->id));
	normaliser_free(n);
	return ok;
}

static bool print(struct login_command *c, const struct ehr_resource *r, bool normal, struct error *err)
{
	struct buf text, out;
	const struct json *resource = r->resource;
	buf_init(&text, (size_t)256 << 20);
	buf_init(&out, (size_t)256 << 20);
	bool ok = !normal || normal_form(c, r, &text, err);
	if (ok && normal) {
		resource = json_parse(&c->app->arena, buf_str(&text), 0, err);
		ok = resource != NULL;
	}
	if (ok && c->app->json)
		buf_add(&out, normal ? buf_str(&text) : r->body);
	else if (ok)
		json_pretty(&out, resource);
	buf_char(&out, '\n');
	if (ok)
		ok = buf_ok(&out) ? app_write(c->app, buf_str(&out)) || error_set(err, ERR_IO, "nothing was written")
				  : error_memory(err);
	buf_done(&text);
	buf_done(&out);
	return ok;
}

int command_get(struct app *app)
{
	struct login_command c = {0};
	struct str type, id;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	struct error err = {0};
	bool normal = false;
	const struct option options[] = {
		{"normalise", OPTION_FLAG, NULL, "in the one form that firth normalise gives", &normal, NULL},
	};
	const char *details = "EHR is a name that firth ehr list knows, or the FHIR base URL of an open server.";
	if (!login_command_begin(&c, app, options, 1, 2, "EHR TYPE/ID", details))
		return app->status;
	int status;
	if (!ehr_instance_parse(app, app->args[1], &type, &id))
		status = app->status;
	else if (!ehr_read(c.client, &app->arena, type, id, &r, &failure)) {
		ehr_tell_request(&failure);
		status = app_fail(app, &failure.error);
	} else {
		if (!str_eq(r.id, id))
			fprintf(stderr, "note: the record was merged into %.*s/%.*s\n", STR_ARG(type), STR_ARG(r.id));
		status = print(&c, &r, normal, &err) ? APP_OK : app_fail(app, &err);
	}
	login_command_end(&c);
	return status;
}

/*
 * `firth patch`: one resource and one patch of any of the three kinds, which is seen from the patch itself. The result
 * is checked before anything is written, so a file is changed as a whole or not at all.
 */
#include "patch/patch.h"
#include "app/app.h"
#include "app/input.h"
#include "app/patch.h"
#include "base/file.h"
#include "fhir/xml.h"

#include <stdio.h>
#include <sys/stat.h>

#define MAX_MEMORY ((size_t)4 << 30)

struct patching {
	struct app *app;
	struct arena arena;
	struct str resource_path, patch_path;
	bool in_place, pretty, unchecked;
	bool xml; /* the resource came as XML */
};

static bool read_file(struct patching *p, struct str path, struct str *ret_text, struct error *err)
{
	return file_read(&p->arena, str_is(path, "-") ? S("/dev/stdin") : path, INPUT_MAX_DOCUMENT, ret_text, err);
}

static bool read_document(struct patching *p, struct str path, struct str text, const struct json **ret_document,
			  struct error *err)
{
	const struct json *j = input_is_xml(text) ? xml_read_resource(&p->arena, definitions_builtin(), text, NULL, err)
						  : json_parse(&p->arena, text, 0, err);
	*ret_document = j;
	return j || error_context(err, "%.*s", STR_ARG(path));
}

/* A list is a JSON Patch, a Parameters resource in either form a FHIRPath Patch, a <diff> an XML Patch. */
static bool is_diff(struct str text)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, MAX_MEMORY);
	const struct xml_node *root = input_is_xml(text) ? xml_parse(&a, text, NULL, &err) : NULL;
	bool diff = root && str_is(root->name, "diff");
	arena_done(&a);
	return diff;
}

static const struct json *apply(struct patching *p, const struct json *resource, struct str text, struct error *err)
{
	const struct json *patch;
	if (is_diff(text))
		return patch_xml(&p->arena, definitions_builtin(), resource, text, err);
	if (!read_document(p, p->patch_path, text, &patch, err))
		return NULL;
	if (json_is(patch, JSON_ARRAY))
		return patch_json(&p->arena, resource, patch, err);
	if (str_is(json_get_str(patch, S("resourceType")), "Parameters"))
		return patch_fhirpath(&p->arena, definitions_builtin(), resource, patch, err);
	error_set(err, ERR_STRUCTURE,
		  "%.*s is no patch: neither a list of operations, nor a Parameters resource, nor a <diff>",
		  STR_ARG(p->patch_path));
	return NULL;
}

static bool check(struct patching *p, const struct json *result, struct error *err)
{
	struct issues findings;
	issues_init(&findings, &p->arena);
	if (p->unchecked || resource_check(definitions_builtin(), result, &findings))
		return true;
	for (const struct issue *i = findings.first; i; i = i->next)
		if (i->severity <= ISSUE_ERROR)
			return error_set_at(err, ERR_PATCH, i->path,
					    "the result would be no valid resource: %.*s; --unchecked allows it",
					    STR_ARG(i->text));
	return error_memory(err);
}

static bool write_result(struct patching *p, const struct json *result, struct buf *out, struct error *err)
{
	const struct definitions *d = definitions_builtin();
	if (p->xml && !(p->pretty ? xml_write_resource_pretty(out, &p->arena, d, result, err)
				  : xml_write_resource(out, &p->arena, d, result, err)))
		return false;
	if (!p->xml && p->pretty) {
		json_pretty(out, result);
	} else if (!p->xml) {
		struct json_writer w = json_writer(out);
		json_put_value(&w, result);
	}
	buf_char(out, '\n');
	if (!buf_ok(out))
		return error_memory(err);
	if (!p->in_place)
		return app_write(p->app, buf_str(out)) || error_set(err, ERR_IO, "nothing was written");
	struct stat about;
	unsigned mode = stat(p->resource_path.p, &about) == 0 ? about.st_mode & 0777 : 0644;
	return file_write(p->resource_path, buf_str(out), mode, err);
}

static bool run(struct patching *p, struct error *err)
{
	struct str resource_text, patch_text;
	const struct json *resource, *result = NULL;
	struct buf out;
	if (!read_file(p, p->resource_path, &resource_text, err) || !read_file(p, p->patch_path, &patch_text, err))
		return false;
	p->xml = input_is_xml(resource_text);
	if (!read_document(p, p->resource_path, resource_text, &resource, err))
		return false;
	result = apply(p, resource, patch_text, err);
	if (!result || !check(p, result, err))
		return false;
	buf_init(&out, (size_t)1 << 30);
	bool ok = write_result(p, result, &out, err);
	buf_done(&out);
	return ok;
}

int command_patch(struct app *app)
{
	struct patching p = {.app = app};
	struct error err = {0};
	if (patch_is_of_ehr(app))
		return patch_at_ehr(app);
	const struct option options[] = {
		{"in-place", OPTION_FLAG, NULL, "write the result to RESOURCE instead of standard output", &p.in_place,
		 NULL},
		{"pretty", OPTION_FLAG, NULL, "indent the result", &p.pretty, NULL},
		{"unchecked", OPTION_FLAG, NULL, "accept a result that is no valid resource", &p.unchecked, NULL},
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "RESOURCE PATCH",
		.min_args = 2,
		.max_args = 2,
		.details =
			"RESOURCE is a file in JSON or XML; the result has the same form. PATCH is a JSON Patch (a "
			"list\n"
			"of operations, RFC 6902), a FHIRPath Patch (a Parameters resource) or an XML Patch (a "
			"<diff>,\n"
			"RFC 5261). One of the two may be - for standard input. All operations are applied or none.\n\n"
			"firth patch EHR TYPE/ID PATCH patches a resource at an EHR.",
	};
	if (!app_options(app, &line))
		return app->status;
	p.resource_path = app->args[0];
	p.patch_path = app->args[1];
	bool standard = str_is(p.resource_path, "-");
	if (standard && str_is(p.patch_path, "-"))
		return app_misuse(app, "only one of RESOURCE and PATCH can be standard input");
	if (standard && p.in_place)
		return app_misuse(app, "--in-place needs a file");
	arena_init(&p.arena, MAX_MEMORY);
	int status = run(&p, &err) ? APP_OK : app_fail(app, &err);
	arena_done(&p.arena);
	return status;
}

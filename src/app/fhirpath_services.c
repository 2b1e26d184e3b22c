/*
 * What expressions on the command line may ask: other resources of the same Bundle, value sets, code systems and
 * profiles of R4 and of the packages named. Terminology and validator are made when an expression first asks.
 */
#include "app/fhirpath.h"

#include "base/clock.h"

/* ---- references ------------------------------------------------------------------------------------------------- */

/* "Patient/1" of a resource, as the end of a reference. */
static bool names_resource(struct str reference, const struct json *resource)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	size_t slash = str_rfind_char(reference, '/');
	if (slash == STR_NONE || !id.n || !str_eq(str_slice(reference, slash + 1, reference.n), id))
		return false;
	return str_eq(str_slice(reference, 0, slash), type);
}

static bool resolve(void *ctx, struct arena *a, const struct path_item *from, struct str reference,
		    struct path_item *ret_item, struct error *err)
{
	const struct fhirpath_command *f = ctx;
	(void)a, (void)from, (void)err;
	for (struct json_iter it = json_iter(json_get(f->document, S("entry"))); json_next(&it);) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (!resource ||
		    (!str_eq(json_get_str(it.value, S("fullUrl")), reference) && !names_resource(reference, resource)))
			continue;
		*ret_item = path_item_resource(f->plain ? NULL : definitions_builtin(), resource);
		return true;
	}
	return true;
}

/* ---- terminology ------------------------------------------------------------------------------------------------ */

static bool open_world(struct fhirpath_command *f, struct error *err)
{
	if (f->validator)
		return true;
	if (!f->world.terminology && !code_world_open(f->app, &f->world, err))
		return false;
	f->validator = validator_new(definitions_builtin(), f->world.canonicals, f->world.terminology, err);
	return f->validator;
}

/* 1, 0, or -1 with the reason in detail. */
static int ask(struct fhirpath_command *f, struct arena *a, struct str value_set, const struct coding *coding,
	       bool bare, struct str *ret_detail)
{
	struct code_verdict v = terminology_validate_in(f->world.terminology, a, value_set, NULL, coding, bare);
	*ret_detail = v.detail;
	return v.answer == CODE_IN ? 1 : v.answer == CODE_NOT_IN ? 0 : -1;
}

static struct coding coding_of(const struct json *j)
{
	return (struct coding){.system = json_get_str(j, S("system")),
			       .version = json_get_str(j, S("version")),
			       .code = json_get_str(j, S("code"))};
}

/* Of several codings one in the value set is enough. */
static bool member_of(void *ctx, struct arena *a, const struct path_item *item, struct str value_set, int *ret_answer,
		      struct error *err)
{
	struct fhirpath_command *f = ctx;
	struct str detail = STR_NULL;
	struct str text = item->kind == PATH_STRING ? item->text : json_str(item->value);
	int answer = 0;
	if (!open_world(f, err))
		return false;
	if (text.p) {
		const struct coding bare = {.code = text};
		answer = ask(f, a, value_set, &bare, true, &detail);
	} else if (json_is(json_get(item->value, S("coding")), JSON_ARRAY)) {
		for (struct json_iter it = json_iter(json_get(item->value, S("coding")));
		     answer < 1 && json_next(&it);) {
			const struct coding coding = coding_of(it.value);
			int one = ask(f, a, value_set, &coding, false, &detail);
			answer = one ? one : answer;
		}
	} else {
		const struct coding coding = coding_of(item->value);
		answer = ask(f, a, value_set, &coding, false, &detail);
	}
	*ret_answer = answer;
	return answer >= 0 || error_set(err, ERR_NOT_SUPPORTED, "whether the code is in %.*s cannot be told%s%.*s",
					STR_ARG(str_slice(value_set, 0, 100)), detail.n ? ": " : "",
					STR_ARG(str_slice(detail, 0, 100)));
}

static bool subsumes(void *ctx, struct arena *a, const struct path_item *general, const struct path_item *special,
		     int *ret_answer, struct error *err)
{
	struct fhirpath_command *f = ctx;
	const struct coding x = coding_of(general->value), y = coding_of(special->value);
	(void)a;
	if (!x.system.p || !x.code.p || !str_eq(x.system, y.system))
		return error_set(err, ERR_NOT_SUPPORTED, "only two Codings of one system can be compared here");
	if (!open_world(f, err))
		return false;
	switch (terminology_subsumes(f->world.terminology, x.system, STR_NULL, x.code, y.code)) {
	case SUBSUMES:
	case SUBSUMES_EQUIVALENT:
		*ret_answer = 1;
		return true;
	case SUBSUMED_BY:
	case SUBSUMES_NOT:
		*ret_answer = 0;
		return true;
	case SUBSUMES_UNKNOWN:
		break;
	}
	return error_set(err, ERR_NOT_SUPPORTED, "the hierarchy of %.*s is not at hand",
			 STR_ARG(str_slice(x.system, 0, 100)));
}

/* ---- profiles --------------------------------------------------------------------------------------------------- */

static bool conforms_to(void *ctx, struct arena *a, const struct path_item *item, struct str profile, int *ret_answer,
			struct error *err)
{
	struct fhirpath_command *f = ctx;
	struct issues findings;
	const struct validation_options options = {
		.profiles = &profile, .profile_count = 1, .ignore_meta_profiles = true, .now_ms = clock_now_ms()};
	if (!item->type || item->type->kind != TYPE_RESOURCE || !item->value)
		return error_set(err, ERR_NOT_SUPPORTED, "only whole resources are compared with profiles here");
	if (!open_world(f, err))
		return false;
	const struct canonical *found = canonicals_find(f->world.canonicals, S("StructureDefinition"), profile, NULL);
	if (!found)
		return error_set(err, ERR_NOT_FOUND, "the profile %.*s is not at hand",
				 STR_ARG(str_slice(profile, 0, 120)));
	*ret_answer = str_eq(found->defines, item->type->name);
	issues_init(&findings, a);
	if (*ret_answer && !validate_resource(f->validator, a, item->value, &options, &findings, err))
		return false;
	*ret_answer = *ret_answer && findings.errors == 0;
	return true;
}

static bool in_slice(void *ctx, struct arena *a, const struct path_item *item, struct str structure, struct str name,
		     int *ret_answer, struct error *err)
{
	struct fhirpath_command *f = ctx;
	return open_world(f, err) && validator_in_slice(f->validator, a, item, structure, name, ret_answer, err);
}

static bool element_definition(void *ctx, struct arena *a, const struct path_item *item, struct path_item *ret_item,
			       struct error *err)
{
	struct fhirpath_command *f = ctx;
	(void)a;
	return open_world(f, err) && validator_element_definition(f->validator, item, ret_item, err);
}

/* ---- traces ----------------------------------------------------------------------------------------------------- */

static void show_trace(void *ctx, struct str name, const struct path_items *items)
{
	const struct fhirpath_command *f = ctx;
	struct buf line;
	if (!f->traces)
		return;
	buf_init(&line, 64 << 20);
	for (size_t i = 0; i < items->count; i++) {
		buf_printf(&line, "trace %.*s: ", STR_ARG(name));
		path_item_print(&line, &items->items[i]);
		buf_char(&line, '\n');
	}
	if (!items->count)
		buf_printf(&line, "trace %.*s: (nothing)\n", STR_ARG(name));
	fwrite(line.p ? line.p : "", 1, line.n, stderr);
	buf_done(&line);
}

void fhirpath_services_open(struct fhirpath_command *f)
{
	f->services = (struct path_services){f,	       resolve,	   member_of, conforms_to,
					     subsumes, show_trace, in_slice,  element_definition};
	f->world.packages.quiet = true;
}

void fhirpath_services_close(struct fhirpath_command *f)
{
	validator_free(f->validator);
	code_world_close(&f->world);
}

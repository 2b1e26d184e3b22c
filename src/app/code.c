/* What the `firth code` commands share; see code_priv.h. */
#include "app/code_priv.h"

#include <stdio.h>

#include "base/file.h"

enum { MAX_FILE = 256 << 20 };

bool code_world_open(struct app *app, struct code_world *w, struct error *err)
{
	w->canonicals = canonicals_new(err);
	if (!w->canonicals || !app_packages_load(app, w->canonicals, &w->packages, err))
		return false;
	w->terminology = terminology_new(w->canonicals, err);
	w->releases = w->terminology ? app_releases_open(app, w->directory, w->terminology, err) : NULL;
	return w->releases != NULL;
}

void code_world_close(struct code_world *w)
{
	terminology_free(w->terminology);
	releases_close(w->releases);
	canonicals_free(w->canonicals);
}

struct str code_system_name(struct str name)
{
	static const char *const names[][2] = {{"loinc", "http://loinc.org"},
					       {"snomed", "http://snomed.info/sct"},
					       {"rxnorm", "http://www.nlm.nih.gov/research/umls/rxnorm"},
					       {"ucum", "http://unitsofmeasure.org"},
					       {"icd10cm", "http://hl7.org/fhir/sid/icd-10-cm"},
					       {"bcp47", "urn:ietf:bcp:47"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq_nocase(name, str_from(names[i][0])))
			return str_from(names[i][1]);
	return name;
}

bool code_parse(struct str text, struct coding *ret_coding)
{
	size_t last = str_rfind_char(text, '|');
	struct coding c = {.code = last == STR_NONE ? text : str_slice(text, last + 1, text.n)};
	struct str version = last == STR_NONE ? STR_NULL : str_slice(text, 0, last);
	struct str system = version.p ? str_split(&version, '|') : STR_NULL;
	if (system.n)
		c.system = code_system_name(system);
	c.version = version;
	*ret_coding = c;
	return c.code.n > 0;
}

bool code_value_set(struct app *app, struct code_world *w, struct str name, struct str *ret_canonical,
		    struct error *err)
{
	struct error none = {0};
	struct str text;
	bool is_file = str_ends(name, S(".json")) || str_is(name, "-");
	struct str path = str_is(name, "-") ? S("/dev/stdin") : name;
	*ret_canonical = name;
	if (!is_file)
		return true;
	struct arena *a = canonicals_arena(w->canonicals);
	if (!file_read(a, path, MAX_FILE, &text, &none))
		return error_set(err, none.code, "%s", none.text);
	const struct json *json = json_parse(a, text, 0, err);
	if (!json)
		return error_context(err, "%.*s", STR_ARG(name));
	if (!str_is(json_get_str(json, S("resourceType")), "ValueSet") || !json_get_str(json, S("url")).n)
		return error_set(err, ERR_STRUCTURE, "%.*s: this is no ValueSet with a url", STR_ARG(name));
	(void)app;
	*ret_canonical = json_get_str(json, S("url"));
	return canonicals_add(w->canonicals, NULL, json, err);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

const struct json *parameter_find(const struct json *list, struct str name)
{
	struct json_iter it = json_iter(list);
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("name")), name))
			return it.value;
	return NULL;
}

struct str parameter_text_of(const struct json *parameter)
{
	struct json_iter it = json_iter(parameter);
	while (json_next(&it)) {
		if (!str_starts(it.key, S("value")))
			continue;
		if (json_is(it.value, JSON_BOOL))
			return json_bool(it.value) ? S("true") : S("false");
		return json_is(it.value, JSON_NUMBER) ? json_number(it.value) : json_str(it.value);
	}
	return STR_NULL;
}

void code_put_line(struct buf *out, struct str text)
{
	bool gap = false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c <= ' ' || c == 127) {
			gap = out->n > 0;
			continue;
		}
		if (gap)
			buf_char(out, ' ');
		gap = false;
		buf_char(out, (char)c);
	}
}

void code_put_coding(struct buf *out, const struct json *coding)
{
	struct str display = json_get_str(coding, S("display"));
	code_put_line(out, json_get_str(coding, S("system")));
	buf_char(out, '|');
	code_put_line(out, json_get_str(coding, S("code")));
	if (!display.n)
		return;
	buf_add(out, S("  "));
	code_put_line(out, display);
}

bool code_result(struct app *app, const struct buf *answer)
{
	const struct json *json = json_parse(&app->arena, buf_str(answer), 0, NULL);
	return json_bool(json_get(parameter_find(json_get(json, S("parameter")), S("result")), S("valueBoolean")));
}

int code_answer(struct app *app, struct buf *answer,
		void (*print)(struct app *app, const struct json *parameters, struct buf *out))
{
	struct error err = {0};
	struct buf out;
	const struct json *json = json_parse(&app->arena, buf_str(answer), 0, &err);
	buf_init(&out, 1 << 30);
	if (json && app->json) {
		json_pretty(&out, json);
		buf_char(&out, '\n');
	} else if (json) {
		print(app, json_get(json, S("parameter")), &out);
	}
	int status = json && buf_ok(&out) && app_write(app, buf_str(&out)) ? APP_OK : APP_FAILED;
	if (!json)
		status = app_fail(app, &err);
	buf_done(&out);
	buf_done(answer);
	return status;
}

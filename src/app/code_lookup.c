/* `firth code lookup`: what a code system says of a code. */
#include "app/code_priv.h"

static void put_row(struct app *app, struct buf *out, const char *label, struct str detail, struct str value)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	code_put_line(&text, value);
	buf_printf(out, "  %s%-12s%s %.*s", app_style(app, STYLE_DIM), label, app_style(app, STYLE_PLAIN),
		   STR_ARG(buf_str(&text)));
	buf_done(&text);
	if (detail.n)
		buf_printf(out, "  %.*s", STR_ARG(detail));
	buf_char(out, '\n');
}

static void put_property(struct app *app, struct buf *out, const struct json *part)
{
	struct str code = parameter_text_of(parameter_find(part, S("code")));
	struct str value = parameter_text_of(parameter_find(part, S("value")));
	const struct json *coding = json_get(parameter_find(part, S("value")), S("valueCoding"));
	char label[64];
	size_t n = code.n < sizeof(label) - 1 ? code.n : sizeof(label) - 1;
	memcpy(label, code.p ? code.p : "", n);
	label[n] = '\0';
	put_row(app, out, label, parameter_text_of(parameter_find(part, S("description"))),
		coding ? json_get_str(coding, S("code")) : value);
}

static void print(struct app *app, const struct json *list, struct buf *out)
{
	struct str display = parameter_text_of(parameter_find(list, S("display")));
	buf_printf(out, "%s", app_style(app, STYLE_BOLD));
	code_put_line(out, display);
	buf_printf(out, "%s\n", app_style(app, STYLE_PLAIN));
	put_row(app, out, "system", parameter_text_of(parameter_find(list, S("version"))),
		parameter_text_of(parameter_find(list, S("name"))));
	struct str definition = parameter_text_of(parameter_find(list, S("definition")));
	if (definition.n)
		put_row(app, out, "definition", STR_NULL, definition);
	if (json_bool(json_get(parameter_find(list, S("abstract")), S("valueBoolean"))))
		put_row(app, out, "abstract", STR_NULL, S("it only groups others and cannot be selected"));
	struct json_iter it = json_iter(list);
	while (json_next(&it)) {
		const struct json *part = json_get(it.value, S("part"));
		if (str_is(json_get_str(it.value, S("name")), "designation"))
			put_row(app, out, "also", parameter_text_of(parameter_find(part, S("language"))),
				parameter_text_of(parameter_find(part, S("value"))));
		else if (part)
			put_property(app, out, part);
	}
}

int command_code_lookup(struct app *app)
{
	struct code_world w = {0};
	struct option_list properties = {0};
	struct lookup_options o = {0};
	struct coding coding;
	struct error err = {0};
	struct buf answer;
	const struct option options[] = {
		{"property", OPTION_LIST, "NAME", "only these properties; may be repeated", &properties, NULL},
		{"language", OPTION_TEXT, "TAG", "the display in this language, where there is one", &o.language, NULL},
		CODE_WORLD_OPTIONS(w)};
	const struct command_line line = {
		OPTIONS(options), .arguments = "SYSTEM|CODE", .min_args = 1, .max_args = 1,
		.details =
			"loinc, snomed, rxnorm, ucum, icd10cm and bcp47 are short names of systems. A version stands\n"
			"between the two: SYSTEM|VERSION|CODE. Status 1 when the code is not there."};
	if (!app_options(app, &line))
		return app->status;
	if (!code_parse(app->args[0], &coding) || !coding.system.n)
		return app_misuse(app, "name the code as SYSTEM|CODE");
	o.properties = properties.count ? properties.items : NULL;
	o.property_count = properties.count;
	buf_init(&answer, 64 << 20);
	bool ok = code_world_open(app, &w, &err) &&
		  terminology_lookup(w.terminology, &app->arena, &coding, &o, &answer, &err);
	int status = ok ? code_answer(app, &answer, print) : app_fail(app, &err);
	if (!ok)
		buf_done(&answer);
	code_world_close(&w);
	return status;
}

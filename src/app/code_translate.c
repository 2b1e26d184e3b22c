/* `firth code translate`: what a code is in another system, by the concept maps at hand. */
#include "app/code_priv.h"

static void print(struct app *app, const struct json *list, struct buf *out)
{
	struct str message = parameter_text_of(parameter_find(list, S("message")));
	if (message.n) {
		code_put_line(out, message);
		buf_char(out, '\n');
	}
	struct json_iter it = json_iter(list);
	while (json_next(&it)) {
		const struct json *part = json_get(it.value, S("part"));
		const struct json *concept = json_get(parameter_find(part, S("concept")), S("valueCoding"));
		if (!str_is(json_get_str(it.value, S("name")), "match") || !concept)
			continue;
		struct str equivalence = parameter_text_of(parameter_find(part, S("equivalence")));
		buf_printf(out, "%s%-12.*s%s ", app_style(app, STYLE_BOLD), STR_ARG(equivalence),
			   app_style(app, STYLE_PLAIN));
		code_put_coding(out, concept);
		buf_printf(out, "  %s", app_style(app, STYLE_DIM));
		code_put_line(out, parameter_text_of(parameter_find(part, S("source"))));
		buf_printf(out, "%s\n", app_style(app, STYLE_PLAIN));
	}
}

/* PROPERTY=VALUE or PROPERTY=SYSTEM|VALUE. */
static bool read_dependencies(struct app *app, const struct option_list *list, struct translate_options *o)
{
	struct translate_dependency *d = ARENA_ARRAY(&app->arena, struct translate_dependency, list->count + 1);
	for (size_t i = 0; d && i < list->count; i++) {
		struct str value = list->items[i], property = str_split(&value, '=');
		if (!value.n)
			return false;
		size_t bar = str_rfind_char(value, '|');
		d[i].property = property;
		d[i].system = bar == STR_NONE ? STR_NULL : str_slice(value, 0, bar);
		d[i].value = bar == STR_NONE ? value : str_slice(value, bar + 1, value.n);
	}
	o->dependencies = d;
	o->dependency_count = d ? list->count : 0;
	return d != NULL;
}

static int translate(struct app *app, struct code_world *w, const struct coding *coding,
		     const struct translate_options *o)
{
	struct error err = {0};
	struct buf answer;
	buf_init(&answer, 64 << 20);
	if (!code_world_open(app, w, &err) ||
	    !terminology_translate(w->terminology, &app->arena, coding, o, &answer, &err)) {
		buf_done(&answer);
		return app_fail(app, &err);
	}
	bool result = code_result(app, &answer);
	int status = code_answer(app, &answer, print);
	return status == APP_OK && !result ? APP_FAILED : status;
}

int command_code_translate(struct app *app)
{
	struct code_world w = {0};
	struct translate_options o = {0};
	struct option_list depends = {0};
	struct coding coding;
	const struct option options[] = {
		{"map", OPTION_TEXT, "URL", "by this ConceptMap; without it, by all that list the code", &o.map, NULL},
		{"target-system", OPTION_TEXT, "SYSTEM", "only into this code system", &o.target_system, NULL},
		{"source", OPTION_TEXT, "URL", "only by maps from this value set", &o.source, NULL},
		{"target", OPTION_TEXT, "URL", "only by maps into this value set", &o.target, NULL},
		{"reverse", OPTION_FLAG, NULL, "find the codes that map to this one", &o.reverse, NULL},
		{"depends", OPTION_LIST, "PROPERTY=VALUE", "what a mapping may depend on; may be repeated", &depends,
		 NULL},
		CODE_WORLD_OPTIONS(w)};
	const struct command_line line = {OPTIONS(options), .arguments = "SYSTEM|CODE", .min_args = 1, .max_args = 1,
					  .details = "Status 1 when there is no translation."};
	if (!app_options(app, &line))
		return app->status;
	if (!code_parse(app->args[0], &coding) || !coding.system.n)
		return app_misuse(app, "name the code as SYSTEM|CODE");
	if (!read_dependencies(app, &depends, &o))
		return app_misuse(app, "--depends takes PROPERTY=VALUE");
	o.target_system = code_system_name(o.target_system);
	int status = translate(app, &w, &coding, &o);
	code_world_close(&w);
	return status;
}

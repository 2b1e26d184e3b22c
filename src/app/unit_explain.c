/* `firth unit explain UNIT`: what a code is made of, what one of it is in base units, and what it converts to. */
#include "app/unit.h"

void app_unit_kind(struct buf *out, const struct unit_info *info)
{
	const char *separator = "";
	const struct {
		bool is;
		const char *text;
	} facts[] = {
		{info->base, "base unit"},
		{info->special, "special: its scale has its own zero or is logarithmic"},
		{info->arbitrary, "arbitrary: defined by an assay, converts to nothing else"},
		{info->metric && !info->base, "takes prefixes"},
	};
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		if (!facts[i].is)
			continue;
		buf_printf(out, "%s%s", separator, facts[i].text);
		separator = "; ";
	}
}

void app_unit_members(struct json_writer *w, const struct unit_info *info)
{
	json_put_member(w, S("code"), info->code);
	json_put_member(w, S("name"), info->name);
	json_put_member(w, S("symbol"), info->symbol.n ? info->symbol : STR_NULL);
	json_put_member(w, S("property"), info->property);
	json_put_member(w, S("class"), info->group);
	json_put_member(w, S("value"), info->value.n ? info->value : STR_NULL);
	json_put_member(w, S("definition"), info->definition.n ? info->definition : STR_NULL);
	json_key(w, S("metric"));
	json_put_bool(w, info->metric);
	json_key(w, S("special"));
	json_put_bool(w, info->special);
	json_key(w, S("arbitrary"));
	json_put_bool(w, info->arbitrary);
}

struct explanation {
	struct unit unit;
	struct buf name, base;
	struct decimal factor; /* one of it in base units */
	struct unit_symbol symbols[UNIT_MAX_PARTS];
	size_t symbol_count;
};

static bool explain(struct str text, struct explanation *e, struct error *err)
{
	struct decimal one = decimal_from_i64(1);
	if (!app_unit(text, &e->unit, err) || !unit_write_name(&e->name, text, err))
		return false;
	unit_write_canonical(&e->base, &e->unit);
	e->symbol_count = unit_symbols(text, e->symbols, UNIT_MAX_PARTS);
	return e->unit.scale != UNIT_RATIO || unit_canonical(&one, &e->unit, &e->factor, err);
}

static void write_meaning(struct buf *out, const struct explanation *e)
{
	if (e->unit.scale == UNIT_RATIO) {
		buf_add(out, S("1 = "));
		decimal_write(out, &e->factor);
		buf_printf(out, " %.*s", STR_ARG(buf_str(&e->base)));
	} else if (e->unit.scale == UNIT_SPECIAL) {
		buf_printf(out, "by a function to %.*s", STR_ARG(buf_str(&e->base)));
	} else {
		buf_add(out, S("none: a special unit has no meaning in combination with others"));
	}
}

/* The units of the table without prefix that it converts to. */
static void write_relatives(struct buf *out, const struct explanation *e, const char *separator)
{
	const char *between = "";
	for (size_t i = 0; i < unit_count(); i++) {
		struct unit other;
		struct str code = unit_info_at(i).code;
		if (!unit_parse(code, &other, NULL) || !unit_commensurable(&e->unit, &other) ||
		    str_eq(code, e->unit.text))
			continue;
		buf_printf(out, "%s%.*s", between, STR_ARG(code));
		between = separator;
	}
}

static void print_symbol(const struct app *app, struct buf *out, const struct unit_symbol *s)
{
	buf_printf(out, "\n%s%.*s%s", app_style(app, STYLE_BOLD), STR_ARG(s->code), app_style(app, STYLE_PLAIN));
	if (s->power != 1)
		buf_printf(out, " to the power of %d", s->power);
	buf_printf(out, ": %.*s%.*s, %.*s", STR_ARG(s->prefix), STR_ARG(s->unit.name), STR_ARG(s->unit.property));
	if (s->unit.definition.n)
		buf_printf(out, "; 1 %.*s is %.*s%s%.*s", STR_ARG(s->unit.code), STR_ARG(s->unit.value),
			   s->unit.value.n ? " " : "", STR_ARG(s->unit.definition));
	struct buf kind;
	buf_init(&kind, 1 << 10);
	app_unit_kind(&kind, &s->unit);
	if (kind.n)
		buf_printf(out, "; %.*s", STR_ARG(buf_str(&kind)));
	buf_done(&kind);
}

static void print_text(const struct app *app, struct buf *out, const struct explanation *e)
{
	size_t start = out->n;
	buf_printf(out, "name         %.*s\nmeaning      ", STR_ARG(buf_str(&e->name)));
	write_meaning(out, e);
	start = out->n;
	buf_add(out, S("\nconverts to  "));
	size_t before = out->n;
	write_relatives(out, e, " ");
	if (out->n == before) /* nothing without a prefix: leave the line out */
		out->n = start;
	if (e->symbol_count)
		buf_char(out, '\n');
	for (size_t i = 0; i < e->symbol_count; i++)
		print_symbol(app, out, &e->symbols[i]);
}

static void print_json(struct buf *out, const struct explanation *e)
{
	struct json_writer w = json_writer(out);
	struct buf factor;
	json_object_begin(&w);
	json_put_member(&w, S("unit"), e->unit.text);
	json_put_member(&w, S("name"), buf_str(&e->name));
	json_put_member(&w, S("base"), buf_str(&e->base));
	buf_init(&factor, 1 << 10);
	decimal_write(&factor, &e->factor);
	if (e->unit.scale == UNIT_RATIO) {
		json_key(&w, S("factor"));
		json_put_raw(&w, buf_str(&factor));
	}
	buf_done(&factor);
	json_put_member(&w, S("scale"),
			e->unit.scale == UNIT_RATIO	? S("ratio")
			: e->unit.scale == UNIT_SPECIAL ? S("special")
							: S("mixed"));
	json_key(&w, S("symbols"));
	json_array_begin(&w);
	for (size_t i = 0; i < e->symbol_count; i++) {
		json_object_begin(&w);
		json_put_member(&w, S("written"), e->symbols[i].code);
		json_put_member(&w, S("prefix"), e->symbols[i].prefix.n ? e->symbols[i].prefix : STR_NULL);
		json_key(&w, S("power"));
		json_put_i64(&w, e->symbols[i].power);
		app_unit_members(&w, &e->symbols[i].unit);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
}

int command_unit_explain(struct app *app)
{
	const struct command_line line = {
		.arguments = "UNIT",
		.min_args = 1,
		.max_args = 1,
		.details = "UNIT is a UCUM code:  firth unit explain mmol/L",
	};
	struct explanation e = {0};
	struct error err = {0};
	struct buf out;
	if (!app_options(app, &line))
		return app->status;
	buf_init(&out, 1 << 20);
	buf_init(&e.name, 1 << 14);
	buf_init(&e.base, UNIT_CANONICAL_MAX);
	int status;
	if (!explain(app->args[0], &e, &err)) {
		buf_done(&out);
		status = app_fail(app, &err);
	} else {
		if (app->json)
			print_json(&out, &e);
		else
			print_text(app, &out, &e);
		status = app_unit_print(app, &out);
	}
	buf_done(&e.name);
	buf_done(&e.base);
	return status;
}

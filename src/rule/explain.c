/* What a service would do, as it was understood: for whoever wrote it. */
#include "rule/rule_priv.h"

static void put_text(struct buf *out, const struct rule_text *t)
{
	for (const struct rule_part *p = t->parts; p; p = p->next) {
		if (p->kind == PART_LITERAL)
			buf_add(out, p->literal);
		else
			buf_printf(out, "{{%s%.*s%s}}",
				   p->kind == PART_EACH ? "#each "
				   : p->kind == PART_IF ? "#if "
							: " ",
				   STR_ARG(p->expression->program->expression), p->kind == PART_VALUE ? " " : "");
	}
}

static void put_given(struct buf *out, const struct path_given *given)
{
	for (size_t i = 0; i < given->count && i < 4; i++) {
		static const char *const system[] = {"element", "boolean",  "string", "integer",  "long", "decimal",
						     "date",	"dateTime", "time",   "quantity", "type", "nothing"};
		const struct path_type *type = &given->types[i];
		if (i)
			buf_add(out, S(" or "));
		buf_add(out, type->fhir ? type->fhir->name : str_from(system[type->system]));
	}
	if (given->open || given->count > 4)
		buf_add(out, given->count ? S(" or others") : S("of any type"));
	else if (!given->count)
		buf_add(out, S("nothing"));
}

static void put_names(struct buf *out, const struct rule_program *p, enum name_kind kind, const char *title)
{
	for (size_t i = 0, n = 0; i < p->name_count; i++) {
		const struct rule_name *name = &p->names[i];
		if (name->kind != kind)
			continue;
		if (!n++)
			buf_printf(out, "%s\n", title);
		buf_printf(out, "  %%%.*s: ", STR_ARG(p->declarations[i].name));
		put_given(out, &p->declarations[i].given);
		if (kind == NAME_KEY)
			buf_printf(out, " from %.*s%s", STR_ARG(p->service->prefetch[name->key].query),
				   p->service->prefetch[name->key].optional ? ", where it can be had" : "");
		if (kind == NAME_DEFINE)
			buf_printf(out, " = %.*s", STR_ARG(str_trim(name->expression->program->expression)));
		buf_char(out, '\n');
	}
}

static void put_rule(struct buf *out, const struct rule *rule)
{
	buf_printf(out, "rule %.*s\n", STR_ARG(rule->id));
	for (size_t i = 0; i < rule->when_count; i++)
		buf_printf(out, "  %s %.*s\n", i ? "and" : "when",
			   STR_ARG(str_trim(rule->when[i]->program->expression)));
	if (rule->each) {
		buf_printf(out, "  for each %.*s (", STR_ARG(str_trim(rule->each->program->expression)));
		put_given(out, &rule->each->program->given);
		buf_add(out, S(")\n"));
	}
	if (rule->card) {
		buf_add(out, S("  card "));
		put_text(out, &rule->card->indicator);
		buf_add(out, S(": "));
		put_text(out, &rule->card->summary);
		buf_printf(out, "\n  topic %.*s, source ", STR_ARG(rule->card->topic.code));
		put_text(out, &rule->card->source_label);
		buf_printf(out, "\n  %zu suggestions, %zu links, %zu override reasons\n", rule->card->suggestion_count,
			   rule->card->link_count, rule->card->override_reason_count);
	}
	if (rule->system_action_count)
		buf_printf(out, "  %zu system actions\n", rule->system_action_count);
}

void rule_explain(struct buf *out, const struct rule_service *s)
{
	const struct rule_program *p = s->program;
	buf_printf(out, "service %.*s at hook %.*s\n", STR_ARG(s->id), STR_ARG(s->hook));
	put_names(out, p, NAME_KEY, "prefetch");
	for (size_t i = 0; i < p->value_count; i++) {
		if (!i)
			buf_add(out, S("value sets\n"));
		buf_printf(out, "  %.*s: ", STR_ARG(p->values[i].name));
		if (p->values[i].values)
			buf_printf(out, "%zu codes\n", values_count(p->values[i].values));
		else
			buf_printf(out, "asked from terminology, %.*s\n", STR_ARG(p->values[i].url));
	}
	put_names(out, p, NAME_TABLE, "tables");
	put_names(out, p, NAME_DEFINE, "expressions");
	for (size_t i = 0; i < p->rule_count; i++)
		put_rule(out, &p->rules[i]);
}

/*
 * `firth knowledge show`: what is known of a drug, a class or an allergen, and what would be said of two drugs
 * together, each with its source and how far it was verified. It is how one looks behind a warning.
 */
#include <stdio.h>

#include "app/knowledge.h"
#include "clinical/allergy.h"
#include "clinical/interaction.h"

struct show {
	struct app *app;
	const struct knowledge *k;
	struct buf out;
	struct json_writer w;
};

static void say(struct show *s, const char *key, struct str value)
{
	if (!value.n)
		return;
	if (s->app->json)
		json_put_member(&s->w, str_from(key), value);
	else
		buf_printf(&s->out, "  %-12s %.*s\n", key, STR_ARG(value));
}

/* ---- one thing -----------------------------------------------------------------------------------------------------
 */

static void show_classes(struct show *s, const struct ingredient *g)
{
	struct buf list;
	buf_init(&list, 1 << 14);
	for (size_t i = 0; i < g->class_count; i++)
		buf_printf(&list, "%s%.*s", i ? ", " : "", STR_ARG(knowledge_class(s->k, g->classes[i])->id));
	say(s, "classes", buf_str(&list));
	buf_done(&list);
}

/* What the tables say of it: one line a rule. */
static void show_rules(struct show *s, int ingredient, int drug_class)
{
	struct rule_info r;
	if (s->app->json) {
		json_key(&s->w, S("rules"));
		json_array_begin(&s->w);
	}
	for (size_t i = 0; i < rule_count(s->k); i++) {
		rule_at(s->k, i, ingredient, drug_class, &r);
		if (!r.about)
			continue;
		struct str sides =
			arena_printf(&s->app->arena, r.allergy ? "allergy to %.*s, order of %.*s" : "%.*s with %.*s",
				     STR_ARG(r.a), STR_ARG(r.b));
		if (!s->app->json) {
			buf_printf(&s->out, "  %-12.*s %s, %s: %.*s\n", STR_ARG(r.id), level_name(r.level),
				   verified_name(r.verified), STR_ARG(sides));
			continue;
		}
		json_object_begin(&s->w);
		say(s, "rule", r.id);
		say(s, "about", sides);
		say(s, "level", str_from(level_name(r.level)));
		say(s, "verified", str_from(verified_name(r.verified)));
		say(s, "why", r.why);
		say(s, "source", r.source);
		json_object_end(&s->w);
	}
	if (s->app->json)
		json_array_end(&s->w);
}

static void show_ingredient(struct show *s, unsigned index)
{
	const struct ingredient *g = knowledge_ingredient(s->k, index);
	char number[24];
	snprintf(number, sizeof(number), "%u", (unsigned)g->rxcui);
	if (!s->app->json)
		buf_printf(&s->out, "%s%.*s%s\n", app_style(s->app, STYLE_BOLD), STR_ARG(g->name),
			   app_style(s->app, STYLE_PLAIN));
	else
		json_object_begin(&s->w);
	say(s, "kind", S("ingredient"));
	if (s->app->json)
		say(s, "name", g->name);
	say(s, "rxcui", str_from(number));
	if (g->base != index)
		say(s, "salt of", knowledge_ingredient(s->k, g->base)->name);
	say(s, "unii", g->unii);
	say(s, "atc", g->atc);
	say(s, "synonyms", g->synonyms);
	show_classes(s, g);
	say(s, "code", str_from(verified_name(g->verified)));
	say(s, "source", g->source);
	show_rules(s, g->base, -1);
	if (s->app->json)
		json_object_end(&s->w);
}

static void show_class(struct show *s, unsigned index)
{
	const struct drug_class *c = knowledge_class(s->k, index);
	struct buf members;
	buf_init(&members, 1 << 20);
	for (size_t i = 0, n = 0; i < knowledge_ingredient_count(s->k); i++) {
		const struct ingredient *g = knowledge_ingredient(s->k, (unsigned)i);
		if (g->base == i && knowledge_is_in(s->k, (unsigned)i, index))
			buf_printf(&members, "%s%.*s", n++ ? ", " : "", STR_ARG(g->name));
	}
	if (!s->app->json)
		buf_printf(&s->out, "%s%.*s%s\n", app_style(s->app, STYLE_BOLD), STR_ARG(c->id),
			   app_style(s->app, STYLE_PLAIN));
	else
		json_object_begin(&s->w);
	say(s, "kind", S("class"));
	if (s->app->json)
		say(s, "name", c->id);
	say(s, "sort", c->kind);
	if (c->parent >= 0)
		say(s, "part of", knowledge_class(s->k, (unsigned)c->parent)->id);
	say(s, "members", buf_str(&members));
	say(s, "doubled", c->duplicate);
	say(s, "class is", str_from(verified_name(c->verified)));
	say(s, "source", c->source);
	show_rules(s, -1, (int)index);
	if (s->app->json)
		json_object_end(&s->w);
	buf_done(&members);
}

static void show_other(struct show *s, struct str name, const struct meaning *m)
{
	static const char *const kinds[] = {"product", "class", "no known allergy", "no drug", "drug, not told which",
					    "unknown"};
	if (!s->app->json)
		buf_printf(&s->out, "%s%.*s%s\n", app_style(s->app, STYLE_BOLD), STR_ARG(name),
			   app_style(s->app, STYLE_PLAIN));
	else
		json_object_begin(&s->w);
	say(s, "kind", str_from(kinds[m->kind]));
	say(s, "means", m->token);
	if (m->route != ROUTE_UNKNOWN)
		say(s, "route", str_from(drug_route_name(m->route)));
	if (m->partial)
		say(s, "ingredients", S("these, and there may be more"));
	say(s, "reading is", str_from(verified_name(m->verified)));
	say(s, "source", m->source);
	if (s->app->json)
		json_object_end(&s->w);
}

/* "723", "snomed|91936005", a system's URI and a code, the id of a class, or a name. */
static bool find(const struct knowledge *k, struct str what, struct meaning *ret)
{
	size_t bar = str_rfind_char(what, '|');
	int c = knowledge_class_named(k, what);
	if (bar != STR_NONE)
		return knowledge_code(k, str_slice(what, 0, bar), str_slice(what, bar + 1, what.n), ret);
	if (c >= 0) {
		*ret = (struct meaning){.kind = MEANS_CLASS, .drug_class = (unsigned)c};
		return true;
	}
	return knowledge_code(k, S("rxnorm"), what, ret) || knowledge_phrase(k, what, false, ret) ||
	       knowledge_phrase(k, what, true, ret);
}

static void show_meaning(struct show *s, struct str name, const struct meaning *m)
{
	if (m->kind == MEANS_CLASS)
		show_class(s, m->drug_class);
	else if (m->kind != MEANS_INGREDIENTS || m->product)
		show_other(s, name, m);
	for (size_t i = 0; m->kind == MEANS_INGREDIENTS && i < m->count; i++)
		show_ingredient(s, m->ingredients[i]);
}

/* ---- two drugs -----------------------------------------------------------------------------------------------------
 */

static struct medication as_drug(const struct knowledge *k, const struct meaning *m, struct str label)
{
	struct medication d = {
		.label = label, .mg_day = -1, .mg_week = -1, .found = MEDICATION_BY_CODE, .route = m->route};
	for (size_t i = 0; i < m->count && d.count < MEDICATION_INGREDIENTS_MAX; i++)
		d.ingredients[d.count++] = knowledge_ingredient(k, m->ingredients[i])->base;
	return d;
}

static void show_finding(struct show *s, const struct finding *f, struct str heading)
{
	if (!s->app->json)
		buf_printf(&s->out, "%s%.*s: %.*s, %s%s\n", app_style(s->app, STYLE_BOLD), STR_ARG(heading),
			   STR_ARG(f->rule), level_name(f->level), app_style(s->app, STYLE_PLAIN));
	else
		json_object_begin(&s->w);
	if (s->app->json) {
		say(s, "when", heading);
		say(s, "rule", f->rule);
		say(s, "level", str_from(level_name(f->level)));
	}
	say(s, "severity", f->severity);
	say(s, "why", f->mechanism);
	say(s, "effect", f->effect);
	say(s, "advice", f->advice);
	say(s, "rule is", str_from(verified_name(f->verified)));
	if (f->kind == FINDING_INTERACTION && f->verified == VERIFIED_NO)
		say(s, "by default", S("off, because it is not verified"));
	else if (!f->interruptive)
		say(s, "by default", S("silent, because it should not interrupt"));
	say(s, "source", f->source);
	if (s->app->json)
		json_object_end(&s->w);
}

/* The allergy rules by which a record of the first concerns the second. */
static bool check_allergy(struct show *s, const struct medication *to, const struct medication *drug,
			  struct findings *f, struct error *err)
{
	struct policy p = policy_default();
	struct allergy g = {.drug = true, .sure = true};
	struct allergies list = {.items = &g, .count = 1, .known = ALLERGIES_SOME};
	memcpy(g.ingredients, to->ingredients, to->count * sizeof(*g.ingredients));
	g.ingredient_count = to->count;
	return allergies_check(s->k, &p, &s->app->arena, &list, drug, 0, f, err);
}

static bool show_pair(struct show *s, const struct meaning *m, struct error *err)
{
	struct medication drugs[2];
	struct findings together = {0}, first = {0}, second = {0};
	struct policy p = policy_default();
	struct str *names = s->app->args;
	p.unverified_interactions = LEVEL_CRITICAL;
	p.noninterruptive = LEVEL_INFO;
	for (int i = 0; i < 2; i++) {
		if (m[i].kind != MEANS_INGREDIENTS)
			return error_set(err, ERR_USAGE, "\"%.*s\" is no drug.", STR_ARG(names[i]));
		drugs[i] = as_drug(s->k, &m[i], names[i]);
	}
	drugs[0].record = (const struct json *)&drugs[0];
	if (!interactions_check(s->k, &p, S(""), &s->app->arena, drugs, 2, 1, NULL, 0, &together, err) ||
	    !check_allergy(s, &drugs[0], &drugs[1], &first, err) ||
	    !check_allergy(s, &drugs[1], &drugs[0], &second, err))
		return false;
	for (size_t i = 0; i < together.count; i++)
		show_finding(s, &together.items[i], S("together"));
	for (size_t i = 0; i < first.count; i++)
		show_finding(s, &first.items[i],
			     arena_printf(&s->app->arena, "with an allergy to %.*s", STR_ARG(names[0])));
	for (size_t i = 0; i < second.count; i++)
		show_finding(s, &second.items[i],
			     arena_printf(&s->app->arena, "with an allergy to %.*s", STR_ARG(names[1])));
	if (!together.count && !first.count && !second.count && !s->app->json)
		buf_printf(&s->out, "No rule is about the two. That says nothing of whether they go together.\n");
	return true;
}

static bool show_all(struct show *s, struct error *err)
{
	struct meaning m[2];
	for (size_t i = 0; i < s->app->arg_count; i++) {
		if (!find(s->k, s->app->args[i], &m[i]))
			return error_set(err, ERR_NOT_FOUND, "The tables know nothing of \"%.*s\".",
					 STR_ARG(str_slice(s->app->args[i], 0, 80)));
	}
	if (s->app->json)
		json_array_begin(&s->w);
	if (s->app->arg_count == 1)
		show_meaning(s, s->app->args[0], &m[0]);
	else if (!show_pair(s, m, err))
		return false;
	if (s->app->json)
		json_array_end(&s->w);
	return true;
}

int command_knowledge_show(struct app *app)
{
	struct str tables = S("");
	const struct option options[] = {
		{"tables", OPTION_TEXT, "DIR", "a site's own tables, read on top", &tables, NULL}};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "DRUG|CLASS|CODE [DRUG]",
		.min_args = 1,
		.max_args = 2,
		.details =
			"What is known of it, or of two drugs together, with sources. A code may have its system in\n"
			"front; without one it is an RxNorm concept. No pharmacist reviewed any of it.\n\n"
			"  firth knowledge show amoxicillin\n"
			"  firth knowledge show 'http://snomed.info/sct|91936005'\n"
			"  firth knowledge show warfarin ibuprofen",
	};
	struct error err = {0};
	struct show s = {.app = app};
	if (!app_options(app, &line))
		return app->status;
	struct knowledge *k = app_knowledge(&app->arena, tables, &err);
	if (!k)
		return app_fail(app, &err);
	s.k = k;
	buf_init(&s.out, 16 << 20);
	s.w = json_writer(&s.out);
	bool ok = show_all(&s, &err);
	if (ok && app->json)
		buf_char(&s.out, '\n');
	ok = ok && buf_ok(&s.out) && app_write(app, buf_str(&s.out));
	buf_done(&s.out);
	knowledge_free(k);
	return ok ? APP_OK : err.code ? app_fail(app, &err) : APP_FAILED;
}

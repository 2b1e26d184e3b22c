/* What `firth cds replay` found, as a table for people and as JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "app/cds_replay_priv.h"

enum { OUTPUT_MAX = 64 << 20, ABOUT_WIDTH = 60 };

struct report {
	struct replay *r;
	struct buf out;
	bool outcomes, recorded;
};

static uint64_t sum(const uint64_t counts[REPLAY_LEVELS])
{
	uint64_t n = 0;
	for (size_t i = 0; i < REPLAY_LEVELS; i++)
		n += counts[i];
	return n;
}

static double per_100(const struct replay *r, uint64_t cards)
{
	return r->tally.orders ? 100.0 * (double)cards / (double)r->tally.orders : 0;
}

static struct replay_rule total_of(const struct replay *r)
{
	struct replay_rule t = {.name = S("all")};
	for (size_t i = 0; i < r->tally.count; i++) {
		const struct replay_rule *rule = &r->tally.rules[i];
		for (size_t k = 0; k < REPLAY_LEVELS; k++) {
			t.now[k] += rule->now[k];
			t.changed[k] += rule->changed[k];
			t.recorded[k] += rule->recorded[k];
		}
		t.accepted += rule->accepted;
		t.overridden += rule->overridden;
	}
	return t;
}

/* What the rule is about, from the tables; empty for another's. */
static struct str about(struct report *p, struct str name)
{
	struct rule_info info;
	const struct knowledge *k = p->r->knowledge;
	for (size_t i = 0; i < rule_count(k); i++) {
		rule_at(k, i, -1, -1, &info);
		if (str_eq(info.id, name))
			return arena_printf(&p->r->app->arena,
					    info.allergy ? "allergy to %.*s, order of %.*s" : "%.*s with %.*s",
					    STR_ARG(info.a), STR_ARG(info.b));
	}
	if (str_is(name, "DUP-INGREDIENT"))
		return S("the same ingredient twice");
	if (str_is(name, "DUP-CLASS"))
		return S("two drugs of one class");
	if (str_is(name, "UNCODED-ALLERGY"))
		return S("an allergy record that could not be read");
	if (str_is(name, "UNREAD-DRUG"))
		return S("an order that could not be read");
	return str_is(name, "PARTLY-READ-DRUG") ? S("an order that could be read in part") : S("");
}

static int compare(const void *x, const void *y)
{
	const struct replay_rule *a = x, *b = y;
	uint64_t na = sum(a->now), nb = sum(b->now);
	if (na != nb)
		return na > nb ? -1 : 1;
	return str_cmp(a->name, b->name);
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

static void add_head(struct report *p, const struct replay_rule *all)
{
	const struct replay_tally *t = &p->r->tally;
	uint64_t cards = sum(all->now);
	buf_printf(&p->out,
		   "%llu orders in %llu requests: %llu cards, %.2f per 100 orders; %.1f%% of requests had none\n",
		   (unsigned long long)t->orders, (unsigned long long)t->requests, (unsigned long long)cards,
		   per_100(p->r, cards), t->requests ? 100.0 * (double)t->quiet_now / (double)t->requests : 100.0);
	if (sum(t->times) && p->r->service_url.p)
		buf_printf(&p->out, "answered within %.0f ms (half), %.0f ms (99%%)\n", replay_time_at(t, 0.5),
			   replay_time_at(t, 0.99));
	if (t->refused || t->wrong)
		buf_printf(&p->out, "%s%llu requests were not answered, %llu answers have mistakes%s\n",
			   app_style(p->r->app, STYLE_BAD), (unsigned long long)t->refused,
			   (unsigned long long)t->wrong, app_style(p->r->app, STYLE_PLAIN));
}

static int name_width(const struct replay *r)
{
	size_t width = 4;
	for (size_t i = 0; i < r->tally.count; i++)
		if (r->tally.rules[i].name.n > width)
			width = r->tally.rules[i].name.n;
	return width > 44 ? 44 : (int)width;
}

static void add_columns(struct report *p, int width)
{
	buf_printf(&p->out, "\n%s%-*s %8s %8s %8s %8s %8s", app_style(p->r->app, STYLE_BOLD), width, "RULE", "CARDS",
		   "PER 100", "CRITICAL", "WARNING", "INFO");
	if (p->r->has_changes)
		buf_printf(&p->out, " | %8s %8s %8s %8s %8s", "THEN", "CRITICAL", "WARNING", "INFO", "CHANGE");
	if (p->recorded)
		buf_printf(&p->out, " | %8s", "RECORDED");
	if (p->outcomes)
		buf_printf(&p->out, " | %8s %8s", "ACCEPTED", "OVERRIDE");
	buf_printf(&p->out, "  ABOUT%s\n", app_style(p->r->app, STYLE_PLAIN));
}

static void add_levels(struct report *p, const uint64_t counts[REPLAY_LEVELS])
{
	for (int k = LEVEL_CRITICAL; k >= LEVEL_INFO; k--)
		buf_printf(&p->out, " %8llu", (unsigned long long)counts[k]);
}

static void add_row(struct report *p, const struct replay_rule *rule, int width, struct str text)
{
	uint64_t now = sum(rule->now), then = sum(rule->changed), told = rule->accepted + rule->overridden;
	struct buf name;
	buf_init(&name, 1 << 14);
	cds_add_text(&name, rule->name, (size_t)width);
	buf_printf(&p->out, "%-*.*s", width, STR_ARG(buf_str(&name)));
	buf_done(&name);
	buf_printf(&p->out, " %8llu %8.2f", (unsigned long long)now, per_100(p->r, now));
	add_levels(p, rule->now);
	if (p->r->has_changes) {
		buf_printf(&p->out, " | %8llu", (unsigned long long)then);
		add_levels(p, rule->changed);
		buf_printf(&p->out, " %+8lld", (long long)(then - now));
	}
	if (p->recorded)
		buf_printf(&p->out, " | %8llu", (unsigned long long)sum(rule->recorded));
	if (p->outcomes && told)
		buf_printf(&p->out, " | %8llu %7.0f%%", (unsigned long long)rule->accepted,
			   100.0 * (double)rule->overridden / (double)told);
	else if (p->outcomes)
		buf_printf(&p->out, " | %8s %8s", "-", "-");
	buf_add(&p->out, text.n ? S("  ") : S(""));
	cds_add_text(&p->out, text, ABOUT_WIDTH);
	buf_char(&p->out, '\n');
}

/* In one sentence, for whoever decides. */
static void add_change(struct report *p, const struct replay_rule *all)
{
	const struct replay *r = p->r;
	uint64_t now = sum(all->now), then = sum(all->changed);
	if (!r->has_changes)
		return;
	buf_add(&p->out, S("\nWith "));
	for (size_t i = 0; i < r->change_count; i++)
		buf_printf(&p->out, "%s%.*s", i ? ", " : "", STR_ARG(r->changes[i]));
	buf_printf(&p->out,
		   ": %.2f instead of %.2f cards per 100 orders (%+lld; critical %+lld, warning %+lld, info %+lld); "
		   "%.1f%% of requests would have none.\n",
		   per_100(r, then), per_100(r, now), (long long)(then - now),
		   (long long)(all->changed[LEVEL_CRITICAL] - all->now[LEVEL_CRITICAL]),
		   (long long)(all->changed[LEVEL_WARNING] - all->now[LEVEL_WARNING]),
		   (long long)(all->changed[LEVEL_INFO] - all->now[LEVEL_INFO]),
		   r->tally.requests ? 100.0 * (double)r->tally.quiet_changed / (double)r->tally.requests : 100.0);
}

static void add_notes(struct report *p)
{
	const struct replay_tally *t = &p->r->tally;
	if (t->unknown_outcomes)
		buf_printf(&p->out, "note: %llu outcomes are about cards that are not in the input\n",
			   (unsigned long long)t->unknown_outcomes);
	if (t->unread)
		buf_printf(&p->out, "note: %llu outcomes say neither accepted nor overridden\n",
			   (unsigned long long)t->unread);
	if (p->r->bad_lines)
		buf_printf(&p->out, "note: %llu lines could not be read, and are not counted\n",
			   (unsigned long long)p->r->bad_lines);
	if (t->full)
		buf_add(&p->out, S("note: there were more rules, cards or outcomes than are kept apart; the figures by "
				   "rule leave some out\n"));
}

static void add_text(struct report *p, const struct replay_rule *all)
{
	int width = name_width(p->r);
	add_head(p, all);
	if (p->r->tally.count) {
		add_columns(p, width);
		for (size_t i = 0; i < p->r->tally.count; i++)
			add_row(p, &p->r->tally.rules[i], width, about(p, p->r->tally.rules[i].name));
		add_row(p, all, width, S(""));
	}
	add_change(p, all);
	add_notes(p);
}

/* ---- for programs ------------------------------------------------------------------------------------------------ */

static void put_number(struct json_writer *w, const char *name, uint64_t n)
{
	json_key(w, str_from(name));
	json_put_i64(w, (int64_t)n);
}

static void put_ratio(struct json_writer *w, const char *name, double n)
{
	char text[40];
	snprintf(text, sizeof(text), "%.4f", n);
	json_key(w, str_from(name));
	json_put_raw(w, str_from(text));
}

static void put_counts(struct report *p, struct json_writer *w, const uint64_t counts[REPLAY_LEVELS])
{
	put_number(w, "cards", sum(counts));
	put_ratio(w, "cards_per_100_orders", per_100(p->r, sum(counts)));
	for (int k = LEVEL_CRITICAL; k >= LEVEL_INFO; k--)
		put_number(w, level_name((enum level)k), counts[k]);
}

static void put_member_counts(struct report *p, struct json_writer *w, const char *name,
			      const uint64_t counts[REPLAY_LEVELS])
{
	json_key(w, str_from(name));
	json_object_begin(w);
	put_counts(p, w, counts);
	json_object_end(w);
}

static void put_rule(struct report *p, struct json_writer *w, const struct replay_rule *rule, bool named)
{
	if (named)
		json_put_member(w, S("rule"), rule->name);
	if (named && about(p, rule->name).n)
		json_put_member(w, S("about"), about(p, rule->name));
	put_counts(p, w, rule->now);
	if (p->r->has_changes)
		put_member_counts(p, w, "changed", rule->changed);
	if (p->recorded)
		put_member_counts(p, w, "recorded", rule->recorded);
	if (p->outcomes) {
		put_number(w, "accepted", rule->accepted);
		put_number(w, "overridden", rule->overridden);
	}
}

static void put_changes(struct report *p, struct json_writer *w)
{
	if (!p->r->has_changes)
		return;
	json_key(w, S("changes"));
	json_array_begin(w);
	for (size_t i = 0; i < p->r->change_count; i++)
		json_put_str(w, p->r->changes[i]);
	json_array_end(w);
	put_number(w, "requests_without_cards_changed", p->r->tally.quiet_changed);
}

static void add_json(struct report *p, const struct replay_rule *all)
{
	const struct replay_tally *t = &p->r->tally;
	struct json_writer w = json_writer(&p->out);
	json_object_begin(&w);
	put_number(&w, "requests", t->requests);
	put_number(&w, "orders", t->orders);
	put_number(&w, "requests_without_cards", t->quiet_now);
	put_number(&w, "lines_not_read", p->r->bad_lines);
	put_changes(p, &w);
	put_rule(p, &w, all, false);
	if (p->r->service_url.p) {
		put_number(&w, "not_answered", t->refused);
		put_number(&w, "answers_with_mistakes", t->wrong);
		put_ratio(&w, "milliseconds_p50", replay_time_at(t, 0.5));
		put_ratio(&w, "milliseconds_p99", replay_time_at(t, 0.99));
	}
	put_number(&w, "outcomes_of_unknown_cards", t->unknown_outcomes);
	json_key(&w, S("rules"));
	json_array_begin(&w);
	for (size_t i = 0; i < t->count; i++) {
		json_object_begin(&w);
		put_rule(p, &w, &t->rules[i], true);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_char(&p->out, '\n');
}

bool replay_report(struct replay *r)
{
	struct report p = {.r = r};
	struct replay_rule all = total_of(r);
	if (r->tally.count)
		qsort(r->tally.rules, r->tally.count, sizeof(*r->tally.rules), compare);
	p.outcomes = all.accepted + all.overridden > 0;
	p.recorded = r->tally.recorded > 0;
	buf_init(&p.out, OUTPUT_MAX);
	if (r->app->json)
		add_json(&p, &all);
	else
		add_text(&p, &all);
	bool ok = buf_ok(&p.out) && app_write(r->app, buf_str(&p.out));
	buf_done(&p.out);
	return ok;
}

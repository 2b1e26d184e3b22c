/*
 * How often the cards of a topic were shown and what users did with them, from what is kept of answers and feedback: so
 * that a site sees which rules are overridden all the time.
 */
#include "server/cds/cds_priv.h"

#include <stdlib.h>

#include "base/map.h"

enum { PAGE = 1000, TOPICS_MAX = 20000 };
#define DAY_MS INT64_C(86400000)

struct counting {
	struct store *store;
	struct arena *a;
	int64_t since_ms;
	struct map index; /* "service topic" -> its place plus one */
	struct cds_tally *items;
	size_t count, capacity;
	struct error *err;
};

static struct cds_tally *tally_of(struct counting *c, struct str service, struct str topic)
{
	struct str shown = topic.n ? topic : S("-");
	struct str key = arena_printf(c->a, "%.*s %.*s", STR_ARG(service), STR_ARG(shown));
	bool fresh;
	uint64_t *place = key.p ? map_put(&c->index, key, &fresh) : NULL;
	if (!place) {
		error_set(c->err, ERR_LIMIT, "There are more than %d topics", TOPICS_MAX);
		return NULL;
	}
	if (!fresh)
		return &c->items[*place - 1];
	struct cds_tally *items = arena_grow(c->a, c->items, c->count, &c->capacity, c->count + 1, sizeof(*items));
	if (!items) {
		error_memory(c->err);
		return NULL;
	}
	c->items = items;
	*place = c->count + 1;
	items[c->count] = (struct cds_tally){.service = arena_str(c->a, service), .topic = arena_str(c->a, shown)};
	return &items[c->count++];
}

static bool count_cards(struct counting *c, const struct json *answer, const struct store_fact *fact)
{
	struct json_iter it = json_iter(json_get(answer, S("cards")));
	if (fact->expires_ms - CDS_CARDS_DAYS * DAY_MS < c->since_ms)
		return true;
	while (json_next(&it)) {
		struct cds_tally *t =
			tally_of(c, json_get_str(answer, S("service")), json_get_str(it.value, S("topic")));
		if (!t)
			return false;
		t->shown++;
	}
	return true;
}

static void count_reason(struct counting *c, struct cds_tally *t, struct str code)
{
	size_t i = 0;
	while (i < t->reason_count && !str_eq(t->reasons[i].code, code))
		i++;
	if (i == CDS_TALLY_REASONS)
		return;
	if (i == t->reason_count) {
		t->reasons[i].code = arena_str(c->a, code);
		t->reason_count++;
	}
	t->reasons[i].count++;
}

static bool count_feedback(struct counting *c, const struct json *entry, const struct store_fact *fact)
{
	struct str at = json_number(json_get(entry, S("at"))), reason = json_get_str(entry, S("reason"));
	int64_t when;
	(void)fact;
	if (!str_to_i64(at.p ? at : S(""), &when) || when < c->since_ms)
		return true;
	struct cds_tally *t = tally_of(c, json_get_str(entry, S("service")), json_get_str(entry, S("topic")));
	if (!t)
		return false;
	if (str_is(json_get_str(entry, S("outcome")), "accepted")) {
		t->accepted++;
		return true;
	}
	t->overridden++;
	count_reason(c, t, reason.n ? reason : S("-"));
	return true;
}

/* All facts of a shelf, page by page; each page's text is gone before the next. */
static bool walk(struct counting *c, struct str shelf,
		 bool (*count)(struct counting *c, const struct json *value, const struct store_fact *fact))
{
	struct arena page;
	struct str after = STR_NULL;
	struct store_fact *facts;
	size_t n;
	bool ok = true;
	arena_init(&page, 1 << 30);
	do {
		ok = store_fact_list(c->store, &page, shelf, after, PAGE, &facts, &n, c->err);
		for (size_t i = 0; ok && i < n; i++) {
			struct error ignored = {0};
			const struct json *value = json_parse(&page, facts[i].value, 0, &ignored);
			ok = !value || count(c, value, &facts[i]);
		}
		if (ok && n == PAGE)
			after = arena_str(c->a, facts[n - 1].key);
		arena_reset(&page);
	} while (ok && n == PAGE);
	arena_done(&page);
	return ok;
}

static int by_shown(const void *a, const void *b)
{
	const struct cds_tally *x = a, *y = b;
	if (x->shown != y->shown)
		return x->shown > y->shown ? -1 : 1;
	if (x->overridden != y->overridden)
		return x->overridden > y->overridden ? -1 : 1;
	int order = str_cmp(x->service, y->service);
	return order ? order : str_cmp(x->topic, y->topic);
}

bool cds_tally_read(struct store *store, struct arena *a, int64_t since_ms, struct cds_tally **ret_tallies,
		    size_t *ret_count, struct error *err)
{
	struct counting c = {.store = store, .a = a, .since_ms = since_ms, .err = err};
	map_init(&c.index, TOPICS_MAX);
	bool ok = walk(&c, SHELF_CARDS, count_cards) && walk(&c, SHELF_FEEDBACK, count_feedback);
	map_done(&c.index);
	if (!ok)
		return false;
	if (c.count)
		qsort(c.items, c.count, sizeof(*c.items), by_shown);
	*ret_tallies = c.items;
	*ret_count = c.count;
	return true;
}

/*
 * The entries of a page: matches first, then what _include and _revinclude ask for, each resource once, all as the
 * snapshot sees them. Everything that is added at one distance from the matches is looked up together; :iterate goes on
 * from what was added until nothing new comes, so circles end.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

bool seek_entries(struct seek *k, struct store_page *page, const int64_t *vids, size_t count, bool included,
		  struct error *err)
{
	struct store_entry *entries = ARENA_ARRAY(k->a, struct store_entry, page->count + count + 1);
	if (!entries)
		return error_memory(err);
	if (page->count)
		memcpy(entries, page->entries, page->count * sizeof(*entries));
	for (size_t i = 0; i < count; i++)
		entries[page->count + i].included = included;
	if (count && !k->source->entries(k->source->x, k->a, vids, count, entries + page->count, err))
		return false;
	page->entries = entries;
	page->count += count;
	return true;
}

struct include {
	const struct search_include *asked;
	int64_t source, target; /* types; 0: any */
	struct seek_numbers params; /* empty with asked->param NULL: any, going forward */
	int64_t param;
};

struct including {
	struct seek *k;
	struct store_page *page;
	struct map seen; /* rids */
	struct include *includes;
	size_t count;
	struct seek_batch level, next, looked; /* from where references are followed; what was new; a look-up */
	struct seek_batch tail; /* versions without index rows */
	struct seek_numbers numbers; /* of one look-up */
	bool reverse;
};

/* ---- what was asked for ---------------------------------------------------------------------------------------------
 */

static bool name_include(struct seek *k, struct naming *n, struct include *i, struct error *err)
{
	const struct search_include *asked = i->asked;
	struct seek_name source = {NAME_TYPE}, target = {NAME_TYPE, .text = asked->target}, param = {NAME_PARAM};
	if (asked->source) {
		source.text = param.scope = asked->source->name;
		if (!naming_add(k, n, source, &i->source, -1, err))
			return false;
	}
	if (asked->target.p && !naming_add(k, n, target, &i->target, -1, err))
		return false;
	if (!asked->param || !asked->source)
		return true;
	param.text = asked->param->code;
	return naming_add(k, n, param, &i->param, -1, err);
}

static bool find_params(struct seek *k, struct include *i, struct error *err)
{
	if (i->asked->param && i->asked->source)
		return seek_numbers_add(&i->params, i->param, err);
	return !i->asked->reverse || i->source < 0 || k->source->params(k->source->x, i->source, &i->params, err);
}

static bool compile(struct including *n, struct error *err)
{
	struct naming names = {0};
	for (size_t i = 0; i < n->count; i++) {
		n->includes[i].asked = &n->k->query->includes[i];
		n->reverse |= n->includes[i].asked->reverse;
		if (!name_include(n->k, &names, &n->includes[i], err))
			return false;
	}
	if (!naming_resolve(n->k, &names, err))
		return false;
	for (size_t i = 0; i < n->count; i++)
		if (!find_params(n->k, &n->includes[i], err))
			return false;
	return true;
}

/* ---- following ------------------------------------------------------------------------------------------------------
 */

static bool mark(struct including *n, int64_t rid, bool *ret_fresh, struct error *err)
{
	struct str key = arena_str(&n->k->scratch, str_make((const char *)&rid, sizeof(rid)));
	return (key.p && map_put(&n->seen, key, ret_fresh)) || error_memory(err);
}

static bool too_many(const struct including *n, struct error *err)
{
	return error_set(
		err, ERR_LIMIT,
		"The matches of this page include more than %zu resources (limits.includes); ask for fewer with _count",
		n->k->most_includes);
}

/* What was looked up, may be seen and is not on the page yet goes there. */
static bool take(struct including *n, int64_t type, struct error *err)
{
	if (!seek_gate(n->k, &n->looked, err))
		return false;
	for (size_t i = 0; i < n->looked.count; i++) {
		const struct seek_found *f = &n->looked.list[i];
		bool fresh = false;
		if (type && f->type != type)
			continue;
		if (!mark(n, f->rid, &fresh, err))
			return false;
		if (!fresh)
			continue;
		if (n->page->count + n->next.count - n->page->match_count >= n->k->most_includes)
			return too_many(n, err);
		if (!seek_batch_add(&n->next, f, err))
			return false;
	}
	return true;
}

static bool has_param(const struct include *i, int64_t param)
{
	for (size_t at = 0; at < i->params.count; at++)
		if (i->params.list[at] == param)
			return true;
	return !i->asked->param;
}

static bool is_seen(const struct including *n, int64_t rid)
{
	return map_get(&n->seen, str_make((const char *)&rid, sizeof(rid))) != NULL;
}

static bool forward(struct including *n, const struct include *i, struct error *err)
{
	const struct seek_source *s = n->k->source;
	for (size_t at = 0; at < n->level.count; at++) {
		struct str terms = n->level.list[at].terms;
		struct term t;
		if (i->source && n->level.list[at].type != i->source)
			continue;
		while (term_next(&terms, &t))
			if (t.type == PARAM_REFERENCE && t.target && has_param(i, t.param) && !is_seen(n, t.target) &&
			    !seek_numbers_add(&n->numbers, t.target, err))
				return false;
	}
	return s->versions(s->x, n->numbers.list, n->numbers.count, n->k->snapshot, &n->looked, err) &&
	       take(n, i->target, err);
}

static bool refers_to_level(const struct including *n, const struct include *i, int64_t rid)
{
	for (size_t at = 0; at < n->level.count; at++)
		if (n->level.list[at].rid == rid)
			return !i->target || n->level.list[at].type == i->target;
	return false;
}

/* Of the versions without index rows, those that refer to the level. */
static bool reverse_tail(struct including *n, const struct include *i, struct error *err)
{
	for (size_t at = 0; at < n->tail.count; at++) {
		struct str terms = n->tail.list[at].terms;
		struct term t;
		bool refers = false;
		if (i->source && n->tail.list[at].type != i->source)
			continue;
		while (!refers && term_next(&terms, &t))
			refers = t.type == PARAM_REFERENCE && t.target && has_param(i, t.param) &&
				 refers_to_level(n, i, t.target);
		if (refers && !seek_batch_add(&n->looked, &n->tail.list[at], err))
			return false;
	}
	return true;
}

static bool reverse(struct including *n, const struct include *i, struct error *err)
{
	const struct seek_source *s = n->k->source;
	struct seek_arm *arms = ARENA_ARRAY(&n->next.arena, struct seek_arm, n->level.count * i->params.count + 1);
	size_t count = 0;
	if (!arms)
		return error_memory(err);
	for (size_t at = 0; at < n->level.count; at++) {
		if (i->target && n->level.list[at].type != i->target)
			continue;
		for (size_t p = 0; p < i->params.count; p++)
			arms[count++] = (struct seek_arm){.form = FORM_REFERENCE,
							  .values = {{VALUE_INT, .integer = i->params.list[p]},
								     {VALUE_INT, .integer = n->level.list[at].rid}},
							  .count = 2};
	}
	n->numbers.limit = MOST_COLLECTED;
	if (!s->collect(s->x, (struct seek_arms){arms, count}, (struct seek_range){0, n->k->snapshot, false},
			&n->numbers, err))
		return false;
	if (n->numbers.count > n->numbers.limit)
		return too_many(n, err);
	numbers_sort(&n->numbers, 0, n->k->snapshot, false);
	return s->look(s->x, n->numbers.list, n->numbers.count, n->k->snapshot, &n->looked, err) &&
	       reverse_tail(n, i, err) && take(n, 0, err);
}

/* Everything one step away from the level, by those includes that go on from there. */
static bool step(struct including *n, bool first, struct error *err)
{
	seek_batch_reset(&n->next);
	for (size_t i = 0; i < n->count; i++) {
		const struct include *include = &n->includes[i];
		if (!first && !include->asked->iterate)
			continue;
		if (!seek_spend(n->k, 0, err))
			return false;
		n->numbers.count = 0;
		seek_batch_reset(&n->looked);
		if (!(include->asked->reverse ? reverse(n, include, err) : forward(n, include, err)))
			return false;
	}
	return true;
}

static bool add_level(struct including *n, struct error *err)
{
	int64_t *vids = ARENA_ARRAY(&n->k->scratch, int64_t, n->next.count + 1);
	if (!vids)
		return error_memory(err);
	for (size_t i = 0; i < n->next.count; i++)
		vids[i] = n->next.list[i].vid;
	struct seek_batch done = n->level;
	n->level = n->next;
	n->next = done;
	return seek_entries(n->k, n->page, vids, n->level.count, true, err);
}

/* The versions without index rows that hold references to what is asked for. */
static bool load_tail(struct including *n, struct error *err)
{
	const struct seek_source *s = n->k->source;
	struct seek_arm *arms = ARENA_ARRAY(&n->k->scratch, struct seek_arm, n->count + 1);
	struct seek_range range = {s->indexed, n->k->snapshot, false};
	size_t count = 0;
	if (!arms)
		return error_memory(err);
	for (size_t i = 0; i < n->count; i++) {
		struct seek_arm arm = {.form = FORM_TAIL, .count = 1};
		if (!n->includes[i].asked->reverse)
			continue;
		arm.values[0] = (struct seek_value){VALUE_INT, .integer = n->includes[i].source};
		arms[count++] = arm;
		if (n->includes[i].source)
			continue;
		arms[0] = (struct seek_arm){.form = FORM_TAIL_ALL, .values = {{VALUE_INT, .integer = 0}}, .count = 1};
		count = 1;
		break;
	}
	for (n->tail.ended = false; !n->tail.ended && range.low < range.high; range.low = n->tail.reached)
		if (!seek_spend(n->k, 0, err) ||
		    !s->walk(s->x, (struct seek_arms){arms, count}, range, n->k->snapshot, MOST_BATCH, &n->tail, err))
			return false;
	return true;
}

static bool include_all(struct including *n, const int64_t *vids, struct error *err)
{
	const struct seek_source *s = n->k->source;
	if (!compile(n, err) || (n->reverse && !load_tail(n, err)) ||
	    !s->look(s->x, vids, n->page->match_count, n->k->snapshot, &n->level, err))
		return false;
	for (size_t i = 0; i < n->level.count; i++)
		if (!mark(n, n->level.list[i].rid, NULL, err))
			return false;
	for (bool first = true; n->level.count; first = false)
		if (!step(n, first, err) || !add_level(n, err))
			return false;
	return true;
}

bool seek_includes(struct seek *k, struct store_page *page, const int64_t *vids, struct error *err)
{
	struct including n = {.k = k, .page = page, .count = k->query->include_count};
	if (!n.count || !page->count)
		return true;
	n.includes = ARENA_ARRAY(&k->scratch, struct include, n.count);
	if (!n.includes)
		return error_memory(err);
	map_init(&n.seen, 1 << 22);
	seek_batch_init(&n.level);
	seek_batch_init(&n.next);
	seek_batch_init(&n.looked);
	seek_batch_init(&n.tail);
	bool ok = include_all(&n, vids, err);
	for (size_t i = 0; i < n.count; i++)
		free(n.includes[i].params.list);
	free(n.numbers.list);
	seek_batch_done(&n.tail);
	seek_batch_done(&n.looked);
	seek_batch_done(&n.next);
	seek_batch_done(&n.level);
	map_done(&n.seen);
	return ok;
}

/*
 * The first page of a large sorted answer, without looking at all of it: the index of the first sort parameter is
 * walked in its order, each version decided as it comes, until nothing that is still to come could sort before the end
 * of the page. Worth it when matches are dense among all of the type; it gives up when they turn out not to be.
 */
#include "store/seek/seek_priv.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_SCAN = 128, MOST_SCAN = 32768, SMALL_TYPE = 300, MOST_STRETCHES = DATE_CLASSES };

struct sorted {
	struct order *o;
	struct part *part;
	bool descending;
	enum seek_table table;
	/* One, or for dates and numbers one for each class of width. */
	struct seek_stretch stretches[MOST_STRETCHES];
	struct seek_keys keys[MOST_STRETCHES];
	size_t done[MOST_STRETCHES]; /* rows seen of each stretch */
	size_t count;
	struct rid_map seen; /* vids */
	bool bounded; /* criteria on the sort parameter limit the stretches, and leave no version without a value */
};

/* So many versions with several values may be looked at beforehand. */
enum { MOST_SEVERAL = 2000 };

/* The table whose order is that of a parameter. References sort by ids, which no index has, and quantities by their
 * values, which the index has for each unit and once more in base units. */
static enum seek_table table_of(const struct search_param *param)
{
	switch (param->type) {
	case PARAM_DATE:
		return TABLE_DATE;
	case PARAM_STRING:
		return TABLE_STRING;
	case PARAM_TOKEN:
	case PARAM_URI:
		return TABLE_TOKEN;
	case PARAM_NUMBER:
		return TABLE_NUMBER;
	default:
		return TABLE_COUNT;
	}
}

/* Only when matches are dense enough that those before the page's end are fewer rows away than all matches are. */
static bool is_worth_it(struct order *o, bool *ret_worth, struct error *err)
{
	struct seek *k = o->k;
	const struct search_sort *first = k->query->sorts;
	const struct way *way;
	int64_t all, count;
	*ret_worth = false;
	if (!k->source->scan || k->part_count != 1 || first->kind != SORT_PARAM || !k->parts->number || !o->params[0] ||
	    table_of(first->param) == TABLE_COUNT)
		return true;
	if (o->after.vid && o->after.keys[0].missing)
		return true;
	if (!k->source->count_type(k->source->x, k->parts->number, &all, err))
		return false;
	int64_t enough = (int64_t)sqrt((double)o->want * (double)all) + 1;
	if (!seek_choose(k, k->parts, enough, &way, &count, err))
		return false;
	/* Criteria on the sort parameter itself limit the rows, not how dense the matches are among them. */
	if (way && way->check && way->check->param == o->params[0] && first->param->type == PARAM_DATE)
		count = all;
	double matches = way && count < all ? (double)count : (double)all;
	*ret_worth = all > SMALL_TYPE && matches >= (double)enough;
	return true;
}

static void start_dates(struct sorted *s, struct seek_stretch *t, int width)
{
	const struct order *o = s->o;
	t->width = width;
	t->low = o->after.vid ? o->after.keys[0].integer : s->descending ? INT64_MAX : INT64_MIN;
	/* Versions with one date begin where criteria on it allow; those with several come beforehand. */
	if (s->bounded && s->descending && s->part->dates.low_to < t->low)
		t->low = s->part->dates.low_to;
	if (s->bounded && !s->descending && least_low(&s->part->dates, width) > t->low)
		t->low = least_low(&s->part->dates, width);
}

/* A range sorts by a number that is not below its low end, so ascending ones are looked at from the beginning. */
static void start_numbers(struct sorted *s, struct seek_stretch *t, int width)
{
	const struct order *o = s->o;
	t->width = width;
	t->number = s->descending ? INFINITY : -INFINITY;
	if (o->after.vid && (s->descending || t->width == 0))
		t->number = o->after.keys[0].number;
}

static void start(struct sorted *s)
{
	const struct order *o = s->o;
	bool goes_on = o->after.vid != 0;
	s->count = s->table == TABLE_DATE ? DATE_CLASSES : s->table == TABLE_NUMBER ? NUMBER_CLASSES : 1;
	for (size_t i = 0; i < s->count; i++) {
		struct seek_stretch *t = &s->stretches[i];
		*t = (struct seek_stretch){.table = s->table, .param = o->params[0], .descending = s->descending};
		if (s->table == TABLE_DATE)
			start_dates(s, t, (int)i);
		else if (s->table == TABLE_NUMBER)
			start_numbers(s, t, (int)i);
		else
			t->key = goes_on ? key_cut(o->after.keys[0].text) : s->descending ? STR_NULL : S("");
		arena_init(&s->keys[i].arena, (size_t)64 << 20);
	}
}

static bool add_batch(struct order *o, struct part *part, struct seek_batch *b, struct error *err)
{
	bool ok = seek_spend(o->k, b->count, err) && seek_filter(o->k, part, 1, b, err) && order_add(o, b, err);
	seek_batch_reset(b);
	return ok;
}

/* The versions that have several dates, unless they are too many for criteria to limit the stretches. */
static bool find_several(struct sorted *s, struct seek_numbers *vids, struct error *err)
{
	struct seek *k = s->o->k;
	struct seek_arm arm = several_dates(s->part->dated);
	struct seek_range range = {0, k->source->indexed, false};
	if (s->table != TABLE_DATE || s->part->dated != s->o->params[0])
		return true;
	vids->limit = MOST_SEVERAL;
	if (!k->source->collect(k->source->x, (struct seek_arms){&arm, 1}, range, vids, err))
		return false;
	s->bounded = vids->count <= MOST_SEVERAL;
	if (!s->bounded)
		vids->count = 0;
	return true;
}

bool order_add_tail(struct order *o, struct part *part, struct seek_batch *b, struct error *err)
{
	struct seek *k = o->k;
	struct seek_arm arm = {.form = FORM_TAIL, .values = {{VALUE_INT, .integer = part->number}}, .count = 1};
	struct seek_range range = {k->source->indexed, k->snapshot, false};
	for (bool ended = false; !ended && range.low < range.high;) {
		if (!k->source->walk(k->source->x, (struct seek_arms){&arm, 1}, range, k->snapshot, MOST_BATCH, b, err))
			return false;
		ended = b->ended;
		range.low = b->reached;
		if (!add_batch(o, part, b, err))
			return false;
	}
	return true;
}

/* Versions that were not looked at before. */
static bool add_vids(struct sorted *s, const struct seek_numbers *vids, struct seek_batch *b, struct error *err)
{
	struct seek *k = s->o->k;
	struct seek_numbers fresh = {0};
	bool ok = true;
	for (size_t i = 0; ok && i < vids->count; i++) {
		int64_t vid = vids->list[i];
		if (vid > k->source->indexed || rid_map_get(&s->seen, vid))
			continue;
		ok = rid_map_put(&k->scratch, &s->seen, vid, 1, err) && seek_numbers_add(&fresh, vid, err);
	}
	for (size_t at = 0; ok && at < fresh.count; at += MOST_BATCH) {
		size_t n = fresh.count - at < MOST_BATCH ? fresh.count - at : MOST_BATCH;
		ok = k->source->look(k->source->x, fresh.list + at, n, k->snapshot, b, err) &&
		     add_batch(s->o, s->part, b, err);
	}
	free(fresh.list);
	return ok;
}

/* The versions behind the rows that are new since the last round. */
static bool add_rows(struct sorted *s, struct seek_batch *b, struct error *err)
{
	struct seek_numbers vids = {0};
	bool ok = true;
	for (size_t i = 0; ok && i < s->count; i++)
		for (; ok && s->done[i] < s->keys[i].count; s->done[i]++)
			ok = seek_numbers_add(&vids, s->keys[i].list[s->done[i]].vid, err);
	ok = ok && add_vids(s, &vids, b, err);
	free(vids.list);
	return ok;
}

/* Does a match sort before everything that a stretch has not given yet? */
static bool is_before(const struct sorted *s, size_t stretch, const struct sort_key *key)
{
	const struct seek_key *last = &s->keys[stretch].list[s->keys[stretch].count - 1];
	if (s->table == TABLE_NUMBER)
		return s->descending ? s->stretches[stretch].width == 0 && key->number > last->number
				     : key->number < last->number;
	if (s->table != TABLE_DATE) {
		int order = str_cmp(key_cut(key->text), last->key);
		return s->descending ? order > 0 : order < 0;
	}
	if (!s->descending)
		return key->integer < last->low;
	/* Rows come by their low ends, but sort by the high ones, which are no further away than the class allows. */
	int64_t most;
	if (stretch == DATE_CLASSES - 1 || __builtin_add_overflow(last->low, date_spans[stretch], &most))
		return false;
	return key->integer > most;
}

/* Is everything that criteria on the sort parameter allow behind the last row? */
static bool is_past(const struct sorted *s, size_t stretch)
{
	const struct seek_key *last = &s->keys[stretch].list[s->keys[stretch].count - 1];
	return s->bounded && (s->descending ? last->low < least_low(&s->part->dates, (int)stretch)
					    : last->low > s->part->dates.low_to);
}

static bool is_final(const struct sorted *s, size_t max)
{
	const struct order *o = s->o;
	if (o->count < o->want || o->matches[o->want - 1].keys[0].missing)
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (s->keys[i].count == max && !is_past(s, i) && !is_before(s, i, &o->matches[o->want - 1].keys[0]))
			return false;
	return true;
}

static bool scan(struct sorted *s, size_t max, bool *ret_ended, struct error *err)
{
	const struct seek_source *source = s->o->k->source;
	*ret_ended = true;
	for (size_t i = 0; i < s->count; i++) {
		s->keys[i].count = 0;
		arena_reset(&s->keys[i].arena);
	}
	if (!source->scan(source->x, s->stretches, s->count, max, s->keys, err))
		return false;
	for (size_t i = 0; i < s->count; i++) {
		*ret_ended = *ret_ended && (s->keys[i].count < max || is_past(s, i));
		s->o->k->rows += s->keys[i].count;
	}
	return true;
}

static bool fill(struct sorted *s, bool *ret_done, struct error *err)
{
	struct seek_batch b;
	struct seek_numbers several = {0};
	bool ok, ended = false;
	seek_batch_init(&b);
	ok = find_several(s, &several, err);
	start(s);
	ok = ok && order_add_tail(s->o, s->part, &b, err) && add_vids(s, &several, &b, err);
	/* Each round begins anew and skips what it saw: rows with equal keys come in no order that could be gone on
	 * from. */
	for (size_t max = LEAST_SCAN; ok && !*ret_done && !ended && max <= MOST_SCAN; max *= 4) {
		ok = scan(s, max, &ended, err) && add_rows(s, &b, err);
		if (ok)
			order_finish(s->o);
		*ret_done = ok && (is_final(s, max) || (ended && s->bounded));
	}
	free(several.list);
	seek_batch_done(&b);
	return ok;
}

static bool fill_by_rows(struct order *o, enum seek_table table, bool *ret_done, struct error *err)
{
	struct sorted s = {.o = o, .part = o->k->parts, .descending = o->k->query->sorts->descending, .table = table};
	bool ok = fill(&s, ret_done, err);
	for (size_t i = 0; i < s.count; i++) {
		arena_done(&s.keys[i].arena);
		free(s.keys[i].list);
	}
	return ok;
}

bool sorted_fill(struct order *o, bool *ret_done, struct error *err)
{
	bool worth, grouped = false;
	*ret_done = false;
	if (!is_worth_it(o, &worth, err))
		return false;
	if (!worth)
		return true;
	enum seek_table table = table_of(o->k->query->sorts->param);
	if (table == TABLE_TOKEN && !groups_fill(o, &grouped, ret_done, err))
		return false;
	return grouped || fill_by_rows(o, table, ret_done, err);
}

/* The index of words: its rows, what it finds, what is not in it yet, and that what was purged is not found by it. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/words.h"

static void keys_are_parts_of_words(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		bool begun;
		const char *key;
		bool wider;
	} cases[] = {
		{"blood", false, "blood", false},
		{"blood", true, "blood", true},
		{"bl", true, "bl", true},
		{"85354", false, "853", false},
		{"85354", true, "853", false},
		{"853", true, "853", true},
		{"a1b2c3d4", true, "a1b", false},
		{"abcd1234", true, "abcd1234", true},
		{"12", true, "12", true},
		{"abcdefghijklmnopqrstuvwxyz", true, "abcdefghijklmnopqrstuvwx", false},
		{"abcdefghijklmnopqrstuvwx", true, "abcdefghijklmnopqrstuvwx", false},
		{"abcdefghijklmnopqrstuvw", true, "abcdefghijklmnopqrstuvw", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search_word w = search_word_key(str_from(cases[i].word), cases[i].begun);
		if (!str_is(w.key, cases[i].key) || w.begun != cases[i].wider)
			fail_msg("%s: %.*s", cases[i].word, STR_ARG(w.key));
	}
}

/* Whatever a word begins with leads to its key. */
static void every_beginning_finds_its_word(void **state)
{
	(void)state;
	static const char *const words[] = {"blood",
					    "85354",
					    "a1b2c3d4",
					    "abcd1234",
					    "x",
					    "12",
					    "ab1",
					    "ab12",
					    "abc1",
					    "\xc3\xa9\x31\x32\x33",
					    "abcdefghijklmnopqrstuvwxyz0123"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct str whole = str_from(words[i]), key = search_word_key(whole, false).key;
		for (size_t n = 1; n <= whole.n; n++) {
			struct search_word w = search_word_key(str_slice(whole, 0, n), true);
			if (w.begun ? !str_starts(key, w.key) : !str_eq(key, w.key))
				fail_msg("%.*s of %s", (int)n, words[i], words[i]);
		}
	}
}

static void rows_hold_the_versions_of_each_word(void **state)
{
	(void)state;
	struct error err = {0};
	struct words_builder *b = words_builder_new(&err);
	struct words_row *rows;
	size_t count;
	assert_non_null(b);
	assert_true(words_builder_add(b, 7, 5, S("{\"a\":\"Fever and fever\",\"n\":3}"), &err));
	assert_true(
		words_builder_add(b, 7, 70000, S("{\"a\":[\"FEVER\"],\"text\":{\"div\":\"<b>h&#233;</b>\"}}"), &err));
	assert_true(words_builder_add(b, 300, 70001, S("{\"resourceType\":\"Flag\",\"a\":\"fever\"}"), &err));
	assert_true(words_builder_add(b, 300, 70002, S("no JSON"), &err));
	assert_true(words_builder_rows(b, &rows, &count, &err));
	static const struct {
		const char *key;
		size_t size;
		int64_t low, high;
	} wanted[] = {{"\0\7and", 5, 5, 5},
		      {"\0\7fever", 7, 5, 70000},
		      {"\0\7he", 4, 70000, 70000},
		      {"\1\54fever", 7, 70001, 70001}};
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++) {
		assert_true(str_eq(rows[i].key, str_make(wanted[i].key, wanted[i].size)));
		assert_int_equal(rows[i].low, wanted[i].low);
		assert_int_equal(rows[i].high, wanted[i].high);
	}
	struct seek_numbers vids = {.limit = SIZE_MAX};
	assert_true(words_take(rows[1].vids, &vids, &err));
	assert_int_equal(vids.count, 2);
	assert_int_equal(vids.list[0], 5);
	assert_int_equal(vids.list[1], 70000);
	struct arena a;
	struct str left, none;
	arena_init(&a, 1 << 16);
	assert_true(words_without(&a, rows[1].vids, 5, &left));
	vids.count = 0;
	assert_true(words_take(left, &vids, &err));
	assert_int_equal(vids.count, 1);
	assert_int_equal(vids.list[0], 70000);
	assert_true(words_without(&a, left, 70000, &none));
	assert_null(none.p);
	free(vids.list);
	arena_done(&a);
	words_builder_free(b);
}

/* ---- in a store ----------------------------------------------------------------------------------------------------
 */

static void open_again(struct fixture *f, int64_t lag)
{
	struct error err = {0};
	struct store_options options = fixture_options(f);
	options.words_lag = lag;
	options.no_words = !lag;
	store_close(f->store);
	f->store = store_open(str_from(f->location), &options, &err);
	assert_string_equal(err.text, "");
}

static int64_t worded(struct fixture *f)
{
	return fixture_number(f, f->postgres ? "SELECT coalesce(max(value), 0) FROM kept WHERE key = 'worded'"
					     : "SELECT coalesce(max(value), 0) FROM meta WHERE key = 'worded'");
}

static void wait_for_words(struct fixture *f)
{
	int64_t last = fixture_number(f, "SELECT max(vid) FROM version");
	for (int i = 0; i < 1000 && worded(f) < last; i++)
		nanosleep(&(struct timespec){0, 20000000}, NULL);
	assert_int_equal(worded(f), last);
}

/* The ids that a query finds, in order, each with a space behind it. */
static const char *found(struct fixture *f, const char *type, const char *query, struct store_page *ret_page)
{
	struct error err = {0};
	struct search_query q;
	struct store_search_options options = {.explain = true};
	struct str ids = S("");
	if (!search_parse(f->definitions, &f->arena, type_named(f, type), str_from(query), &(struct search_options){0},
			  &q, &err) ||
	    !store_search(f->store, &f->arena, &q, &options, ret_page, &err))
		fail_msg("%s?%s: %s", type, query, err.text);
	for (size_t i = 0; i < ret_page->count; i++)
		ids = arena_printf(&f->arena, "%.*s%.*s ", STR_ARG(ids), STR_ARG(ret_page->entries[i].id));
	return ids.p;
}

static const struct {
	const char *type, *query, *ids;
} questions[] = {
	{"Condition", "_content=fever", "c1 c2 "},
	{"Condition", "_content=fev", "c1 c2 "},
	{"Condition", "_content=fever not high", "c2 "},
	{"Condition", "_content=%22high fever%22", "c1 "},
	{"Condition", "_content=%22fever high%22", ""},
	{"Condition", "_content=fracture or high", "c1 c3 "},
	{"Condition", "_text=broken", "c3 "},
	{"Condition", "_text=fever", ""},
	{"Condition", "code:text=fever", "c1 c2 "},
	{"Condition", "code:text=fever,fracture", "c1 c2 c3 "},
	{"Condition", "code:text=fever&_content=low", "c2 "},
	{"Condition", "subject=Patient/p1&_content=fever", "c1 "},
	{"Condition", "_content=aabb1234", "c3 "},
	{"Condition", "_content=aabb1235", ""},
	{"Condition", "_content=nothing", ""},
	{"Patient", "_content=jose", "p1 "},
	{"Patient", "_has:Condition:patient:_content=fever", "p1 p2 "},
};

static void ask_all(struct fixture *f)
{
	struct store_page page;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const char *ids = found(f, questions[i].type, questions[i].query, &page);
		if (strcmp(ids, questions[i].ids) != 0)
			fail_msg("%s?%s finds %s", questions[i].type, questions[i].query, ids);
	}
}

#define CONDITION(id, subject, more)                                                                                   \
	"{\"resourceType\":\"Condition\",\"id\":\"" id "\",\"subject\":{\"reference\":\"Patient/" subject "\"}," more  \
	"}"

static void fill(struct fixture *f)
{
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"name\":[{\"given\":[\"Jos\u00e9\"]}]}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"p2\"}");
	put(f, CONDITION("c1", "p1", "\"code\":{\"text\":\"High fever\"}"));
	put(f,
	    CONDITION("c2", "p2", "\"code\":{\"coding\":[{\"code\":\"x\",\"display\":\"Fever\"}],\"text\":\"low\"}"));
	put(f, CONDITION("c3", "p2",
			 "\"text\":{\"div\":\"<div>Broken <b>arm</b></div>\"},\"code\":{\"text\":\"Fracture\"},"
			 "\"note\":[{\"text\":\"see aabb1234\"}]"));
	put(f, CONDITION("c4", "p1", "\"code\":{\"text\":\"Fever\"}"));
	struct store_change gone = deletion_of(f, "Condition", "c4");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
}

static void texts_are_found_with_and_without_the_index(void **state)
{
	struct fixture *f = *state;
	struct store_page page;
	open_again(f, 0);
	fill(f);
	ask_all(f);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM word"), 0);
	open_again(f, 1);
	wait_for_words(f);
	ask_all(f);
	found(f, "Condition", "_content=nothing", &page);
	assert_int_equal(page.plan->looked, 0);
	assert_true(str_is(page.plan->parts[0].way, "words"));
	/* What came afterwards is looked at one by one. */
	open_again(f, 0);
	put(f, CONDITION("c5", "p1", "\"code\":{\"text\":\"new fever\"}"));
	assert_string_equal(found(f, "Condition", "_content=fever", &page), "c1 c2 c5 ");
	put(f, CONDITION("c1", "p1", "\"code\":{\"text\":\"better\"}"));
	assert_string_equal(found(f, "Condition", "_content=fever", &page), "c2 c5 ");
	assert_string_equal(found(f, "Condition", "_content=better", &page), "c1 ");
}

/* A page goes on in what was there when it began, although the index has moved on. */
static void pages_keep_to_their_snapshot(void **state)
{
	struct fixture *f = *state;
	struct store_page page;
	struct error err = {0};
	struct search_query q;
	fill(f);
	open_again(f, 0);
	assert_true(search_parse(f->definitions, &f->arena, type_named(f, "Condition"), S("_content=fever&_count=1"),
				 &(struct search_options){0}, &q, &err));
	assert_true(store_search(f->store, &f->arena, &q, NULL, &page, &err));
	assert_true(str_is(page.entries[0].id, "c1"));
	put(f, CONDITION("c2", "p2", "\"code\":{\"text\":\"well\"}"));
	open_again(f, 1);
	wait_for_words(f);
	struct store_search_options options = {.position = page.next};
	assert_true(store_search(f->store, &f->arena, &q, &options, &page, &err));
	assert_int_equal(page.count, 1);
	assert_true(str_is(page.entries[0].id, "c2"));
	assert_int_equal(page.entries[0].version, 1);
}

static void purging_takes_the_words_away(void **state)
{
	struct fixture *f = *state;
	char sql[200];
	open_again(f, 1);
	fill(f);
	wait_for_words(f);
	const char *secret = f->postgres
				     ? "SELECT count(*) FROM word WHERE position('\\x667261637475'::bytea IN key) > 0"
				     : "SELECT count(*) FROM word WHERE instr(key, x'667261637475') > 0";
	assert_int_equal(fixture_number(f, secret), 1);
	struct store_change gone = deletion_of(f, "Condition", "c3");
	gone.purge = true;
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_int_equal(fixture_number(f, secret), 0);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM word WHERE %s > 0",
		 f->postgres ? "position('\\x6665766572'::bytea IN key)" : "instr(key, x'6665766572')");
	assert_int_not_equal(fixture_number(f, sql), 0); /* what others have stays */
}

static void note(void *ctx, const struct store_finding *found)
{
	*(struct str *)ctx = str_is(found->where, "word") ? S("lacks words") : S("something else");
}

static void the_check_finds_what_it_lacks(void **state)
{
	struct fixture *f = *state;
	struct str said = STR_NULL;
	struct store_keeping k = {.extractor = f->extractor, .finding = note, .ctx = &said};
	struct store_kept kept;
	struct error err = {0};
	open_again(f, 1);
	fill(f);
	wait_for_words(f);
	assert_true(store_check(f->store, &k, &kept, &err));
	assert_null(said.p);
	fixture_sql(f, f->postgres ? "DELETE FROM word WHERE position('\\x667261637475'::bytea IN key) > 0"
				   : "DELETE FROM word WHERE instr(key, x'667261637475') > 0");
	open_again(f, 0); /* what others do to the file is not seen otherwise */
	assert_true(store_check(f->store, &k, &kept, &err));
	assert_int_equal(kept.findings, 1);
	assert_true(str_is(said, "lacks words"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_parts_of_words),
		cmocka_unit_test(every_beginning_finds_its_word),
		cmocka_unit_test(rows_hold_the_versions_of_each_word),
		cmocka_unit_test_setup_teardown(texts_are_found_with_and_without_the_index, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(pages_keep_to_their_snapshot, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(purging_takes_the_words_away, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_check_finds_what_it_lacks, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

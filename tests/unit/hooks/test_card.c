/* Cards as JSON, and texts of records in them: cut at words, never markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/unicode.h"
#include "hooks/card.h"

static void test_markdown(void **state)
{
	static const struct {
		const char *value, *markdown, *plain;
	} cases[] = {
		{"amoxicillin 500 mg", "amoxicillin 500 mg", "amoxicillin 500 mg"},
		{" two\r\n\tlines ", "two lines", "two lines"},
		{"[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))", "[x](javascript:alert(1))"},
		{"![p](http://evil)", "!\\[p\\](http\\://evil)", "![p](http://evil)"},
		{"<script>a&b</script>", "&lt;script&gt;a&amp;b&lt;/script&gt;", "<script>a&b</script>"},
		{"# head", "\\# head", "# head"},
		{"- item", "\\- item", "- item"},
		{"12. item 3.5", "12\\. item 3.5", "12. item 3.5"},
		{"www.evil.org", "www\\.evil.org", "www.evil.org"},
		{"a_b*c`d~e|f\\g", "a\\_b\\*c\\`d\\~e\\|f\\\\g", "a_b*c`d~e|f\\g"},
		{"abc\xE2\x80\xAE"
		 "fed\x01",
		 "abcfed", "abcfed"},
		{"broken\xFF", "broken\xEF\xBF\xBD", "broken\xEF\xBF\xBD"},
		{"123456789012345678901234567890xyz", "123456789012345678901234567890…",
		 "123456789012345678901234567890…"},
		{"", "", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out;
		buf_init(&out, 4096);
		hook_markdown_add(&out, str_from(cases[i].value), 30);
		buf_char(&out, 0);
		assert_string_equal(out.p, cases[i].markdown);
		buf_reset(&out);
		hook_plain_add(&out, str_from(cases[i].value), 30);
		buf_char(&out, 0);
		assert_string_equal(out.p, cases[i].plain);
		buf_done(&out);
	}
}

static void test_cut(void **state)
{
	static const struct {
		const char *text, *cut;
	} cases[] = {
		{"short", "short"},
		{"exactly ten", "exactly…"},
		{"0123456789", "0123456789"},
		{"0123456789a", "012345678…"},
		{"ä ö ü ß é è ê", "ä ö ü ß é…"},
		{"a\nb", "a b"},
		{"  a  b ", "a b"},
	};
	struct arena a;
	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str cut = hook_text_cut(&a, str_from(cases[i].text), 10);
		assert_non_null(cut.p);
		assert_string_equal(arena_str(&a, cut).p, cases[i].cut);
		assert_true(unicode_length(cut) <= 10);
	}
	arena_done(&a);
}

static void fill(struct hook_card *card)
{
	static struct hook_action action = {
		.type = HOOK_DELETE, .description = {"Remove", 6}, .resource_id = {"MedicationRequest/1", 19}};
	static struct hook_suggestion suggestion = {.label = {"Remove it", 9}, .uuid = {"u-2", 3}};
	static struct hook_link links[] = {{.label = {"More", 4}, .url = {"https://example.org/a", 21}},
					   {.label = {"App", 3},
					    .url = {"https://example.org/launch", 26},
					    .smart = true,
					    .app_context = {"{\"a\":1}", 7}}};
	static struct hook_coding reason = {.code = {"benefit", 7}, .display = {"Benefit", 7}};
	suggestion.actions = &action;
	suggestion.action_count = 1;
	*card = (struct hook_card){.uuid = S("u-1"),
				   .summary = S("Penicillin \"allergy\""),
				   .detail = S("why"),
				   .indicator = HOOK_CRITICAL,
				   .suggestions = &suggestion,
				   .suggestion_count = 1,
				   .override_reasons = &reason,
				   .override_reason_count = 1,
				   .links = links,
				   .link_count = 2};
	card->source.label = S("Firth");
	card->source.topic = (struct hook_coding){S("urn:x"), S("T1"), STR_NULL};
}

static void check_written(const struct hook_answer *answer, const char *expected)
{
	struct error err = {0};
	struct buf out;
	buf_init(&out, 1 << 20);
	assert_true(hook_answer_write(answer, &out, &err));
	buf_char(&out, 0);
	assert_string_equal(out.p, expected);
	buf_done(&out);
}

static void test_write(void **state)
{
	struct arena a;
	struct error err = {0};
	struct hook_answer answer = {0};
	(void)state;
	arena_init(&a, 1 << 20);
	check_written(&answer, "{\"cards\":[]}");
	fill(hook_answer_card(&answer, &a, &err));
	struct hook_action *action = hook_answer_system_action(&answer, &a, &err);
	action->type = HOOK_UPDATE;
	action->description = S("Annotate");
	action->resource_text = S("{\"resourceType\":\"ServiceRequest\"}");
	check_written(&answer,
		      "{\"cards\":[{\"uuid\":\"u-1\",\"summary\":\"Penicillin \\\"allergy\\\"\",\"detail\":\"why\","
		      "\"indicator\":\"critical\",\"source\":{\"label\":\"Firth\",\"topic\":{\"system\":\"urn:x\","
		      "\"code\":\"T1\"}},\"suggestions\":[{\"label\":\"Remove "
		      "it\",\"uuid\":\"u-2\",\"isRecommended\":false,\"actions\":[{"
		      "\"type\":\"delete\",\"description\":\"Remove\",\"resourceId\":\"MedicationRequest/1\"}]}],"
		      "\"selectionBehavior\":\"any\",\"overrideReasons\":[{\"code\":\"benefit\",\"display\":"
		      "\"Benefit\"}],\"links\":[{\"label\":\"More\",\"url\":\"https://example.org/a\",\"type\":"
		      "\"absolute\"},{\"label\":\"App\",\"url\":\"https://example.org/launch\",\"type\":\"smart\","
		      "\"appContext\":\"{\\\"a\\\":1}\"}]}],\"systemActions\":[{\"type\":\"update\",\"description\":"
		      "\"Annotate\",\"resource\":{\"resourceType\":\"ServiceRequest\"}}]}");
	arena_done(&a);
}

/* However long a summary is, and of whatever characters, fewer than 140 of them are written. */
static void test_summary(void **state)
{
	struct arena a;
	struct error err = {0};
	struct hook_answer answer = {0};
	struct buf text, out;
	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&text, 1 << 20);
	buf_init(&out, 1 << 20);
	for (int i = 0; i < 500; i++)
		buf_add(&text, S("é"));
	hook_answer_card(&answer, &a, &err)->summary = buf_str(&text);
	assert_true(hook_answer_write(&answer, &out, &err));
	const struct json *j = json_parse(&a, buf_str(&out), 0, &err);
	struct str summary = json_get_str(json_at(json_get(j, S("cards")), 0), S("summary"));
	assert_int_equal(unicode_length(summary), HOOK_SUMMARY_MAX);
	buf_done(&text);
	buf_done(&out);
	arena_done(&a);
}

static void test_cap(void **state)
{
	struct arena a;
	struct error err = {0};
	struct hook_answer answer = {0};
	(void)state;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < HOOK_CARDS_MAX; i++)
		assert_non_null(hook_answer_card(&answer, &a, &err));
	assert_null(hook_answer_card(&answer, &a, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_markdown), cmocka_unit_test(test_cut),
					   cmocka_unit_test(test_write), cmocka_unit_test(test_summary),
					   cmocka_unit_test(test_cap)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

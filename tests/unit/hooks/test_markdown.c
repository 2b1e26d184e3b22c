/* What a card's detail becomes in HTML and in a terminal, and that nothing of a stranger's text becomes more than text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hooks/markdown.h"

static void must_be(const char *text, const char *expected, const struct markdown_terminal *how)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	if (how)
		markdown_terminal(&out, str_from(text), how);
	else
		markdown_html(&out, str_from(text));
	if (!str_is(buf_str(&out), expected))
		fail_msg("%s\n became   %.*s\n and not  %s", text, STR_ARG(buf_str(&out)), expected);
	buf_done(&out);
}

static void blocks_and_inlines_become_elements(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"a\nb\n\nc", "<p>a\nb</p>\n<p>c</p>\n"},
		{"# One\n#### Four ##", "<h4>One</h4>\n<h6>Four</h6>\n"},
		{"#no heading", "<p>#no heading</p>\n"},
		{"*a* **b** ***c*** _d_ __e__ ~~f~~",
		 "<p><em>a</em> <strong>b</strong> <strong><em>c</em></strong> <em>d</em> <strong>e</strong> "
		 "<del>f</del></p>\n"},
		{"**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>\n"},
		{"*a **b* c**", "<p><em>a **b</em> c**</p>\n"},
		{"snake_case_name 2*3*4", "<p>snake_case_name 2<em>3</em>4</p>\n"},
		{"* alone", "<ul>\n<li>alone\n</li>\n</ul>\n"},
		{"a * b * c", "<p>a * b * c</p>\n"},
		{"\\*a\\* \\<", "<p>*a* &lt;</p>\n"},
		{"`a*b*` ``a`b``", "<p><code>a*b*</code> <code>a`b</code></p>\n"},
		{"`open", "<p>`open</p>\n"},
		{"one  \ntwo\\\nthree<br>four", "<p>one<br>\ntwo<br>\nthree<br>\nfour</p>\n"},
		{"&lt;b&gt; &amp; &#945; &nope;", "<p>&lt;b&gt; &amp; \xCE\xB1 &amp;nope;</p>\n"},
		{"```\n<b> *x*\n```\nend", "<pre tabindex=\"0\"><code>&lt;b&gt; *x*\n</code></pre>\n<p>end</p>\n"},
		{"> a\n> b\n\nc", "<blockquote>\n<p>a\nb</p>\n</blockquote>\n<p>c</p>\n"},
		{"---", "<hr>\n"},
		{"- a\n- b\n  - c\n- d",
		 "<ul>\n<li>a\n</li>\n<li>b\n<ul>\n<li>c\n</li>\n</ul>\n</li>\n<li>d\n</li>\n</ul>\n"},
		{"- a\n\n  more\n- b", "<ul>\n<li><p>a</p>\n<p>more</p>\n</li>\n<li>b\n</li>\n</ul>\n"},
		{"3. a\n4. b", "<ol start=\"3\">\n<li>a\n</li>\n<li>b\n</li>\n</ol>\n"},
		{"a | b\n--|--\n1 | *2*",
		 "<div class=\"table\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">a</th><th "
		 "scope=\"col\">b</th>"
		 "</tr>\n</thead>\n<tbody>\n<tr><td>1</td><td><em>2</em></td></tr>\n</tbody></table></div>\n"},
		{"[words *here*](https://x.example/a?b=1&c=2 \"title\")",
		 "<p><a rel=\"noopener noreferrer\" href=\"https://x.example/a?b=1&amp;c=2\">words "
		 "<em>here</em></a></p>\n"},
		{"see https://x.example/a, and <http://y.example>.",
		 "<p>see <a rel=\"noopener noreferrer\" href=\"https://x.example/a\">https://x.example/a</a>, and <a "
		 "rel=\"noopener noreferrer\" href=\"http://y.example\">http://y.example</a>.</p>\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		must_be(cases[i][0], cases[i][1], NULL);
}

static void a_stranger_cannot_do_more_than_write(void **state)
{
	static const char *const cases[][2] = {
		{"<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"},
		{"<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"},
		{"![a *b*](https://x.example/p.png)", "<p>(image: a *b*)</p>\n"},
		{"[x](javascript:alert(1))", "<p>x</p>\n"},
		{"[x](JaVaScRiPt:alert`1`)", "<p>x</p>\n"},
		{"[x](data:text/html,y)", "<p>x</p>\n"},
		{"[x](//evil.example)", "<p>x</p>\n"},
		{"[x](https://a\" onmouseover=\"b)",
		 "<p><a rel=\"noopener noreferrer\" href=\"https://a&quot;\">x</a></p>\n"},
		{"[x](https://a.example/\xC2\xA0\x01)", "<p>x</p>\n"},
		{"<javascript:alert(1)>", "<p>&lt;javascript:alert(1)&gt;</p>\n"},
		{"[a [b](https://x.example)](https://y.example)",
		 "<p><a rel=\"noopener noreferrer\" href=\"https://y.example\">a [b](https://x.example)</a></p>\n"},
		{"a\xE2\x80\xAE"
		 "b\x1B[31mc&#8238;d&#27;e",
		 "<p>ab[31mcde</p>\n"},
		{"&#60;b&#62;", "<p>&lt;b&gt;</p>\n"},
		{"`<b>`", "<p><code>&lt;b&gt;</code></p>\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		must_be(cases[i][0], cases[i][1], NULL);
}

static void a_terminal_gets_wrapped_lines(void **state)
{
	const struct markdown_terminal plain = {.width = 24, .indent = 2}, colour = {.width = 80, .colour = true};
	(void)state;
	must_be("one two three four five six seven", "  one two three four\n  five six seven\n", &plain);
	must_be("- one two three four five six\n  - deep\n- b",
		"  - one two three four\n    five six\n    - deep\n  - b\n", &plain);
	must_be("10. x\n11. y", "  10. x\n  11. y\n", &plain);
	must_be("a\n\nb", "  a\n\n  b\n", &plain);
	must_be("[w](https://x.example)", "  w <https://x.example>\n", &plain);
	must_be("**b** \x1B[2Jx", "\033[1mb\033[22m [2Jx\n", &colour);
	must_be("# T", "\033[1mT\033[22m\n", &colour);
	must_be("a | b\n-|-\n1 | 2", "a | b\n1 | 2\n", &colour);
}

/* Hostile texts end in time and in bounds; the test's time-out is the judge. */
static void hostile_texts_are_bounded(void **state)
{
	static const char *const pieces[] = {"[",    "![", "*",	   "**a",     "`",   "``` `",  "> ",
					     "- ",   "<",  "&",	   " ",	      "\n",  "- \n\n", "a|",
					     "|-\n", "](", "[a](", "http://", "~~a", "_a*"};
	struct buf text, out;
	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&out, 64 << 20);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		buf_reset(&text);
		buf_reset(&out);
		while (text.n < 100000)
			buf_add(&text, str_from(pieces[i]));
		markdown_html(&out, buf_str(&text));
		assert_true(buf_ok(&out));
		buf_reset(&out);
		markdown_terminal(&out, buf_str(&text), &(struct markdown_terminal){.width = 80});
		assert_true(buf_ok(&out));
		assert_true(str_find(buf_str(&out), S("is left out")) != STR_NONE ||
			    str_is(str_from(pieces[i]), "``` `"));
	}
	buf_done(&text);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_and_inlines_become_elements),
		cmocka_unit_test(a_stranger_cannot_do_more_than_write),
		cmocka_unit_test(a_terminal_gets_wrapped_lines),
		cmocka_unit_test(hostile_texts_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

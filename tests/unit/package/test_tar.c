/* Archives: the forms that packages come in are read, and what is hostile or damaged is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "make.h"
#include "package/tar.h"

/* "name=content;" of every file, or what is wrong. */
static void unpack(struct str gzip, const struct tar_limits *limits, struct buf *out, struct error *err)
{
	struct str name, content;
	struct tar *t = tar_open(gzip, limits, err);
	while (t && tar_next(t, &name, &content, err))
		buf_printf(out, "%.*s=%.*s;", STR_ARG(name), STR_ARG(content));
	tar_close(t);
}

struct world {
	struct buf tar, gzip, out;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	buf_init(&w->tar, 1 << 20);
	buf_init(&w->gzip, 1 << 20);
	buf_init(&w->out, 1 << 20);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	buf_done(&w->tar);
	buf_done(&w->gzip);
	buf_done(&w->out);
	free(w);
	return 0;
}

static void assert_unpacks(struct world *w, const char *expected)
{
	struct error err = {0};
	tar_zip(&w->gzip, buf_str(&w->tar));
	unpack(buf_str(&w->gzip), NULL, &w->out, &err);
	assert_string_equal(err.text, "");
	buf_char(&w->out, '\0');
	assert_string_equal(w->out.p, expected);
}

static void assert_refuses(struct world *w, const char *part)
{
	struct error err = {0};
	buf_reset(&w->gzip);
	buf_reset(&w->out);
	tar_zip(&w->gzip, buf_str(&w->tar));
	unpack(buf_str(&w->gzip), NULL, &w->out, &err);
	bool says = str_find(str_from(err.text), str_from(part)) != STR_NONE;
	if (!says)
		print_message("%s\n", err.text);
	assert_true(says);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void plain(void **state)
{
	struct world *w = *state;
	tar_put_entry(&w->tar, "package/", '5', S(""));
	tar_put_entry(&w->tar, "package/package.json", '0', S("{}"));
	tar_put_entry(&w->tar, "./package//old.json", '\0', S("[1]"));
	tar_put_entry(&w->tar, "package/empty", '0', S(""));
	tar_put_end(&w->tar);
	assert_unpacks(*state, "package/package.json={};package/old.json=[1];package/empty=;");
}

static void long_names(void **state)
{
	struct world *w = *state;
	tar_put_entry(&w->tar, "pax", 'x', S("31 path=package/by-pax-\xc3\xa9.json\n9 size=4\n"));
	tar_put_entry(&w->tar, "short", '0', S("four"));
	tar_put_entry(&w->tar, "././@LongLink", 'L', str_make("package/by-gnu.json\0", 20));
	tar_put_entry(&w->tar, "short", '0', S("1"));
	tar_put_entry(&w->tar, "comment", 'g', S("20 comment=whatever\n"));
	tar_put_entry(&w->tar, "package/own", '0', S("2"));
	tar_put_end(&w->tar);
	assert_unpacks(*state, "package/by-pax-\xc3\xa9.json=four;package/by-gnu.json=1;package/own=2;");
}

static void without_end(void **state)
{
	struct world *w = *state;
	tar_put_entry(&w->tar, "package/a", '0', S("1"));
	assert_unpacks(*state, "package/a=1;");
}

static void hostile_names(void **state)
{
	static const char *const names[] = {"../a", "package/../../a", "/etc/passwd", "package/..", "a\\..\\b", "a\nb"};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_reset(&w->tar);
		tar_put_entry(&w->tar, names[i], '0', S("x"));
		tar_put_end(&w->tar);
		assert_refuses(w, "the archive holds a file");
	}
	buf_reset(&w->tar);
	tar_put_entry(&w->tar, "pax", 'x', S("16 path=../../a\n"));
	tar_put_entry(&w->tar, "a", '0', S("x"));
	assert_refuses(w, "not safe to unpack");
}

static void hostile_kinds(void **state)
{
	static const struct {
		char type;
		const char *says;
	} rows[] = {{'1', "a link"}, {'2', "a link"}, {'3', "a device"}, {'6', "a device"}, {'S', "unknown kind"}};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&w->tar);
		tar_put_entry(&w->tar, "package/x", rows[i].type, S(""));
		tar_put_end(&w->tar);
		assert_refuses(w, rows[i].says);
	}
}

static void damaged(void **state)
{
	struct world *w = *state;
	char noise[4096];
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 7919 >> 3);
	tar_put_entry(&w->tar, "package/a", '0', str_make(noise, sizeof(noise)));
	tar_put_end(&w->tar);
	tar_zip(&w->gzip, buf_str(&w->tar));
	for (size_t n = 1; n < w->gzip.n; n += 37) {
		struct error err = {0};
		unpack(str_make(w->gzip.p, n), NULL, &w->out, &err);
		assert_int_equal(err.code, ERR_VALUE);
	}
	w->gzip.p[w->gzip.n - 6] ^= 1; /* the checksum */
	struct error err = {0};
	unpack(buf_str(&w->gzip), NULL, &w->out, &err);
	assert_non_null(strstr(err.text, "damaged"));
	w->tar.p[0] = 'q'; /* the header's checksum */
	assert_refuses(w, "does not match its checksum");
	buf_reset(&w->tar);
	buf_add(&w->tar, S("this is text"));
	assert_refuses(w, "cut off");
	err = (struct error){0};
	assert_null(tar_open(S("PK\003\004 this is a zip archive"), NULL, &err));
	assert_non_null(strstr(err.text, "no gzip"));
}

static void size_that_lies(void **state)
{
	static const char *const sizes[] = {"77777777777", "00000001000", "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char header[512] = {"package/a"};
		header[156] = '0';
		buf_reset(&w->tar);
		if (i == 2)
			memcpy(header + 124, sizes[i], 12);
		tar_finish_header(header, i == 2 ? "" : sizes[i]);
		buf_add(&w->tar, str_make(header, sizeof(header)));
		assert_refuses(w, i == 1 ? "cut off" : "");
	}
}

static void limits(void **state)
{
	struct world *w = *state;
	static const struct {
		struct tar_limits limits;
		const char *says;
	} rows[] = {{{.max_entries = 1}, "more than 1 files"},
		    {{.max_entry = 3}, "a file of more than 3 bytes"},
		    {{.max_total = 1500}, "unpacks to more than 1500 bytes"}};
	tar_put_entry(&w->tar, "package/a", '0', S("four"));
	tar_put_entry(&w->tar, "package/b", '0', S("four"));
	tar_put_end(&w->tar);
	tar_zip(&w->gzip, buf_str(&w->tar));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		unpack(buf_str(&w->gzip), &rows[i].limits, &w->out, &err);
		assert_int_equal(err.code, ERR_TOO_LARGE);
		assert_non_null(strstr(err.text, rows[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_kinds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(size_that_lies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

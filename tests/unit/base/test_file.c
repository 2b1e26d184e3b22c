/* Whole files: what was written is read, modes and limits hold, and failures leave nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static char directory[64];

static struct str in_directory(struct arena *a, const char *name)
{
	return arena_printf(a, "%s/%s", directory, name);
}

static void test_write_then_read(void **state)
{
	struct arena *a = *state;
	struct str path = in_directory(a, "key"), content = STR_NULL;
	struct error err = {0};
	umask(0);
	assert_true(file_write(path, S("first"), 0600, &err));
	assert_true(file_write(path, str_make("two\0three", 9), 0600, &err));
	assert_true(file_read(a, path, 100, &content, &err));
	assert_int_equal(content.n, 9);
	assert_memory_equal(content.p, "two\0three", 10);
	struct stat info;
	assert_int_equal(stat(path.p, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_limit(void **state)
{
	struct arena *a = *state;
	struct str path = in_directory(a, "five"), content = STR_NULL;
	struct error err = {0};
	assert_true(file_write(path, S("12345"), 0644, &err));
	assert_true(file_read(a, path, 5, &content, &err));
	assert_int_equal(content.n, 5);
	content = STR_NULL;
	assert_false(file_read(a, path, 4, &content, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_null(content.p);
}

static void test_failures(void **state)
{
	struct arena *a = *state;
	struct str content = STR_NULL;
	struct error err = {0};
	assert_false(file_read(a, in_directory(a, "absent"), 5, &content, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "absent"));
	error_clear(&err);
	assert_false(file_read(a, str_from(directory), 5, &content, &err));
	assert_int_equal(err.code, ERR_IO);
	error_clear(&err);
	assert_false(file_read(a, S(""), 5, &content, &err));
	assert_int_equal(err.code, ERR_IO);
	error_clear(&err);
	assert_false(file_write(in_directory(a, "no/such/place"), S("x"), 0644, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	error_clear(&err);
	/* A directory in the way: the rename fails and the half-made file is gone. */
	struct str busy = in_directory(a, "busy");
	assert_int_equal(mkdir(busy.p, 0700), 0);
	assert_false(file_write(busy, S("x"), 0644, &err));
	char beside[200];
	snprintf(beside, sizeof(beside), "%s.%ld.tmp", busy.p, (long)getpid());
	assert_int_not_equal(access(beside, F_OK), 0);
}

static int setup(void **state)
{
	static struct arena arena;
	arena_init(&arena, ARENA_NO_CAP);
	snprintf(directory, sizeof(directory), "/tmp/firth-file-XXXXXX");
	*state = &arena;
	return mkdtemp(directory) ? 0 : -1;
}

static void test_standard_input_is_a_socket(void **state)
{
	struct arena *a = *state;
	struct str content = STR_NULL;
	struct error err = {0};
	int pair[2], before = dup(STDIN_FILENO);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "input", 5), 5);
	close(pair[1]);
	dup2(pair[0], STDIN_FILENO);
	bool read = file_read(a, S("/dev/stdin"), 100, &content, &err);
	dup2(before, STDIN_FILENO);
	close(before);
	close(pair[0]);
	assert_true(read);
	assert_true(str_is(content, "input"));
}

static int teardown(void **state)
{
	struct arena *a = *state;
	unlink(in_directory(a, "key").p);
	unlink(in_directory(a, "five").p);
	rmdir(in_directory(a, "busy").p);
	int status = rmdir(directory);
	arena_done(a);
	return status;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_then_read),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_standard_input_is_a_socket),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

/*
 * Runs the JOSE vectors of Wycheproof: each token against the keys of its group. We accept RS384 and ES384 with JSON
 * claims only, so most of what is valid there must be refused here too; nothing marked invalid may pass, and no text of
 * a key or token may crash us. Usage: jose_suite DIRECTORY. A line per failing case, then "N passed, N failed".
 */
#include <stdio.h>

#include "base/file.h"
#include "jose/jose.h"

struct score {
	size_t passed, failed;
};

/* The group's keys as a set: "public" or "private" holds one key or a set. */
static struct jose_key_set *group_keys(struct arena *a, const struct json *group, struct error *err)
{
	const struct json *from = json_get(group, S("public"));
	if (!from)
		from = json_get(group, S("private"));
	if (json_get(from, S("keys")))
		return jose_key_set_parse(from, err);
	struct buf text;
	buf_init(&text, 1 << 20);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_key(&w, S("keys"));
	json_array_begin(&w);
	json_put_value(&w, from);
	json_array_end(&w);
	json_object_end(&w);
	const struct json *set = json_parse(a, arena_str(a, buf_str(&text)), 0, err);
	buf_done(&text);
	return set ? jose_key_set_parse(set, err) : NULL;
}

static bool is_ours(struct str algorithm)
{
	return str_is(algorithm, "RS384") || str_is(algorithm, "ES384");
}

static bool case_passes(struct arena *a, const struct jose_key_set *keys, const struct json *test)
{
	struct str token = json_get_str(test, S("jws"));
	struct jose_token read = {0};
	struct error err = {0}, peek_err = {0};
	if (!token.p)
		return true; /* encryption is not our matter */
	bool verified = keys && jose_verify(a, token, keys, &read, &err);
	bool readable = jose_peek(a, token, &read, &peek_err);
	bool may = readable && keys && str_is(json_get_str(test, S("result")), "valid") && is_ours(read.algorithm);
	return verified == may && (verified || !keys || err.text[0]);
}

static void run_file(const char *path, struct score *score)
{
	struct arena a;
	struct str text;
	struct error err = {0};
	arena_init(&a, 256 << 20);
	const struct json *suite =
		file_read(&a, str_from(path), 64 << 20, &text, &err) ? json_parse(&a, text, 0, &err) : NULL;
	if (!suite) {
		printf("FAILED %s: %s\n", path, err.text);
		score->failed++;
	}
	for (struct json_iter g = json_iter(json_get(suite, S("testGroups"))); json_next(&g);) {
		struct error why = {0};
		struct jose_key_set *keys = group_keys(&a, g.value, &why);
		for (struct json_iter t = json_iter(json_get(g.value, S("tests"))); json_next(&t);) {
			bool passes = case_passes(&a, keys, t.value);
			score->passed += passes;
			score->failed += !passes;
			if (!passes)
				printf("FAILED %s %.*s: %.*s\n", path,
				       STR_ARG(json_number(json_get(t.value, S("tcId")))),
				       STR_ARG(json_get_str(t.value, S("comment"))));
		}
		jose_key_set_free(keys);
	}
	arena_done(&a);
}

int main(int argc, char **argv)
{
	static const char *const files[] = {"json_web_crypto_test.json", "json_web_key_test.json"};
	struct score score = {0, 0};
	char path[4096];
	if (argc != 2) {
		fprintf(stderr, "usage: jose_suite DIRECTORY\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[1], files[i]);
		run_file(path, &score);
	}
	printf("%zu passed, %zu failed\n", score.passed, score.failed);
	return score.failed || !score.passed ? 1 : 0;
}

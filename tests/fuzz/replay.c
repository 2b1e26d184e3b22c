/*
 * Runs a fuzz target over the files of its corpus, and over mutations of them made with a fixed seed, so that the
 * normal test run covers the target without a fuzzing engine. Usage: TARGET CORPUS-DIRECTORY [MUTATIONS-PER-FILE].
 * Linked with clang -fsanitize=fuzzer instead of this file, the same target fuzzes for real.
 */
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "fuzz.h"

/* xorshift: repeatable on every machine. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Changes, removes, doubles or inserts a few bytes; the marks of query strings and expressions come up often. */
static size_t mutate(uint8_t *p, size_t n, size_t room, uint64_t *state)
{
	static const char marks[] = "&=,|\\%:.()[]'`\"-_$@{}\n\0 aA09\xC3\xFF";
	for (uint64_t changes = 1 + next_random(state) % 6; changes && n; changes--) {
		size_t at = next_random(state) % n, length = 1 + next_random(state) % 8;
		if (length > n - at)
			length = n - at;
		switch (next_random(state) % 4) {
		case 0:
			p[at] = (uint8_t)marks[next_random(state) % (sizeof(marks) - 1)];
			break;
		case 1:
			memmove(p + at, p + at + length, n - at - length);
			n -= length;
			break;
		case 2:
			if (n + length > room)
				break;
			memmove(p + at + length, p + at, n - at);
			n += length;
			break;
		default:
			p[at] = (uint8_t)next_random(state);
			break;
		}
	}
	return n;
}

static bool replay(struct arena *a, struct str path, uint64_t mutations)
{
	struct str text;
	struct error err = {0};
	if (!file_read(a, path, 1 << 20, &text, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	uint64_t state = 0x9E3779B97F4A7C15u ^ text.n;
	size_t room = text.n * 2 + 64;
	uint8_t *copy = arena_alloc(a, room);
	if (!copy)
		return false;
	LLVMFuzzerTestOneInput((const uint8_t *)text.p, text.n);
	for (uint64_t i = 0; i < mutations; i++) {
		memcpy(copy, text.p, text.n);
		LLVMFuzzerTestOneInput(copy, mutate(copy, text.n, room, &state));
	}
	return true;
}

int main(int argc, char **argv)
{
	uint64_t mutations = 200, files = 0;
	DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
	if (!dir || (argc > 2 && !str_to_u64(str_from(argv[2]), &mutations))) {
		fprintf(stderr, "usage: %s CORPUS-DIRECTORY [MUTATIONS-PER-FILE]\n", argv[0]);
		return 2;
	}
	bool ok = true;
	for (struct dirent *e; ok && (e = readdir(dir));) {
		struct arena a;
		if (e->d_name[0] == '.')
			continue;
		arena_init(&a, 16 << 20);
		ok = replay(&a, arena_printf(&a, "%s/%s", argv[1], e->d_name), mutations);
		arena_done(&a);
		files++;
	}
	closedir(dir);
	printf("%llu files, %llu mutations each\n", (unsigned long long)files, (unsigned long long)mutations);
	return ok && files ? 0 : 1;
}

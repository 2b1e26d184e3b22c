/*
 * Writes Synthea bundles several times over, one a line, so that a store of any size can be filled from a small
 * archive. Every copy is other people: UUIDs are mixed with the number of the copy, and so are the last letters of
 * family names, so that references stay whole and names stay selective. Usage: multiply COPIES FILE... >bundles.ndjson
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

enum { UUID_LENGTH = 36, HEX_DIGITS = 8, MOST_COPIES = 100000 };

struct places {
	size_t *list;
	size_t count, capacity;
};

struct bundle {
	char *text;
	size_t length;
	struct places uuids, names; /* names: the last letter of each */
};

static void die(const char *what, const char *which)
{
	fprintf(stderr, "multiply: %s%s\n", what, which);
	exit(1);
}

static void place_add(struct places *p, size_t at)
{
	if (p->count == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 1024;
		p->list = realloc(p->list, p->capacity * sizeof(*p->list));
		if (!p->list)
			die("out of memory", "");
	}
	p->list[p->count++] = at;
}

/* Takes the white space between tokens away, in place. */
static size_t minify(char *text, size_t length)
{
	size_t to = 0;
	bool inside = false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (!inside && strchr(" \t\r\n", c))
			continue;
		text[to++] = c;
		if (inside && c == '\\' && i + 1 < length)
			text[to++] = text[++i];
		else if (c == '"')
			inside = !inside;
	}
	return to;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_uuid(const char *text)
{
	for (int i = 0; i < UUID_LENGTH; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text[i] != '-' : !is_hex(text[i]))
			return false;
	}
	return true;
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static void find_places(struct bundle *b)
{
	static const char family[] = "\"family\":\"";
	for (size_t i = 0; i + UUID_LENGTH < b->length; i++) {
		if (is_uuid(b->text + i)) {
			place_add(&b->uuids, i);
			i += UUID_LENGTH - 1;
		} else if (!memcmp(b->text + i, family, sizeof(family) - 1)) {
			const char *end = memchr(b->text + i + sizeof(family), '"', b->length - i - sizeof(family));
			if (end && is_letter(end[-1]) && is_letter(end[-2]))
				place_add(&b->names, (size_t)(end - 1 - b->text));
		}
	}
}

/* The eight digits at an UUID's start, mixed with a number; twice the same number gives them back. */
static void mix_uuid(char *at, unsigned long mix)
{
	char digits[HEX_DIGITS + 1];
	memcpy(digits, at, HEX_DIGITS);
	digits[HEX_DIGITS] = 0;
	snprintf(digits, sizeof(digits), "%08lx", (strtoul(digits, NULL, 16) ^ mix) & 0xffffffff);
	memcpy(at, digits, HEX_DIGITS);
}

/* The last letter of a name, moved along the alphabet by one; once round moves the letter before. */
static void move_name(char *last, bool round)
{
	last[0] = (char)('a' + (last[0] - 'a' + 1) % 26);
	if (round)
		last[-1] = (char)('a' + (last[-1] - 'a' + 1) % 26);
}

static void write_copy(struct bundle *b, unsigned long copy)
{
	unsigned long mix = copy * 2654435761UL;
	for (size_t i = 0; i < b->uuids.count; i++)
		mix_uuid(b->text + b->uuids.list[i], mix);
	for (size_t i = 0; copy && i < b->names.count; i++)
		move_name(b->text + b->names.list[i], copy % 26 == 0);
	if (fwrite(b->text, 1, b->length, stdout) != b->length || putchar('\n') == EOF)
		die("cannot write", "");
	for (size_t i = 0; i < b->uuids.count; i++)
		mix_uuid(b->text + b->uuids.list[i], mix);
}

static void read_bundle(struct arena *a, const char *path, struct bundle *b)
{
	struct str text;
	struct error err = {0};
	if (!file_read(a, str_from(path), (size_t)1 << 30, &text, &err))
		die(err.text, "");
	b->text = malloc(text.n + 1);
	if (!b->text)
		die("out of memory", "");
	memcpy(b->text, text.p, text.n);
	b->length = minify(b->text, text.n);
	b->text[b->length] = 0;
	find_places(b);
}

int main(int argc, char **argv)
{
	unsigned long copies = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (!copies || copies > MOST_COPIES)
		die("usage: multiply COPIES FILE...", "");
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	size_t count = (size_t)argc - 2;
	struct bundle *bundles = calloc(count, sizeof(*bundles));
	if (!bundles)
		die("out of memory", "");
	for (size_t i = 0; i < count; i++) {
		read_bundle(&a, argv[i + 2], &bundles[i]);
		arena_reset(&a);
	}
	for (unsigned long copy = 0; copy < copies; copy++)
		for (size_t i = 0; i < count; i++)
			write_copy(&bundles[i], copy);
	arena_done(&a);
	return fflush(stdout) ? 1 : 0;
}

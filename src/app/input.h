/*
 * Input of commands that look at one resource after another: files, directories and standard input, plain or gzip. A
 * file is one document in JSON or XML, or NDJSON, which streams through line by line, so its size does not matter.
 */
#ifndef FIRTH_APP_INPUT_H
#define FIRTH_APP_INPUT_H

#include "base/arena.h"
#include "base/error.h"

#define INPUT_MAX_DOCUMENT ((size_t)256 << 20)
#define INPUT_MAX_LINE	   ((size_t)64 << 20)

struct input {
	struct str file; /* as a person would name it; "(standard input)" */
	struct str relative; /* below the directory that was named, or its last part; without ".gz" */
	size_t line; /* of NDJSON, from 1; 0: the text is the whole file */
	struct str text; /* gone after the call */
};

/* What to do with documents, and with files that cannot be read. Both return whether to go on. */
struct input_user {
	void *ctx;
	bool (*document)(void *ctx, const struct input *in);
	bool (*problem)(void *ctx, const struct input *in, const struct error *err);
};

/* Reads the paths in their order, directories with everything below them in order of names: .json, .xml, .ndjson and
 * .jsonl, each with or without .gz. What is named is read whatever its name is; "-" is standard input. A file is NDJSON
 * when its name says so or its first two lines look like it. Returns false when the user stopped it or memory ran out
 * (told to problem). Names live in the arena, which must last as long as they are used. */
bool input_read(struct arena *a, const struct str *paths, size_t count, const struct input_user *user);

/* Does the text begin like XML: a < after white space and a byte order mark? */
bool input_is_xml(struct str text);

#endif

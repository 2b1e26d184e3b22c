/*
 * Any bytes as a document to validate, JSON or XML: read with its faults, validated with everything there is, located,
 * and the findings written. A text without errors must still be without errors when its tree is written and read again.
 */
#include <assert.h>

#include "fuzz.h"
#include "validate/document.h"

enum { MAX_OUT = 16 << 20, MAX_MEMORY = 256 << 20 };

/* Made once: a validator learns, and is meant to live long. */
static struct validator *validator(void)
{
	static struct validator *made;
	static struct canonicals *canonicals;
	static struct terminology *terminology;
	struct error err = {0};
	if (!made) {
		canonicals = canonicals_new(&err);
		terminology = canonicals ? terminology_new(canonicals, &err) : NULL;
		made = terminology ? validator_new(definitions_builtin(), canonicals, terminology, &err) : NULL;
	}
	assert(made);
	return made;
}

static void validate_again(struct arena *a, const struct json *tree)
{
	struct buf out;
	struct issues findings;
	struct error err = {0};
	struct validation_options options = {0};
	buf_init(&out, MAX_OUT);
	issues_init(&findings, a);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, tree);
	if (buf_ok(&out) &&
	    validate_text(validator(), definitions_builtin(), a, buf_str(&out), NULL, &options, &findings, &err))
		assert(findings.errors == 0);
	buf_done(&out);
}

static void check_places(const struct issues *findings, size_t lines)
{
	for (const struct issue *i = findings->first; i; i = i->next)
		assert(i->text.p && i->line <= lines && (!i->line || i->column));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct issues findings;
	struct document document;
	struct buf outcome;
	struct error err = {0};
	struct validation_options options = {0};
	struct str text = str_make((const char *)data, size);
	size_t lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	arena_init(&a, MAX_MEMORY);
	buf_init(&outcome, MAX_OUT);
	issues_init(&findings, &a);
	if (document_read(&a, definitions_builtin(), text, NULL, &findings, &document, &err)) {
		assert(document.tree || findings.errors);
		bool done =
			document.tree && validate_resource(validator(), &a, document.tree, &options, &findings, &err);
		assert(!document.tree || done || err.code != ERR_NONE);
		document_locate(&a, &document, &findings);
		check_places(&findings, lines);
		outcome_write(&outcome, &findings);
		if (done && !findings.errors && !document.xml)
			validate_again(&a, document.tree);
	}
	buf_done(&outcome);
	arena_done(&a);
	return 0;
}

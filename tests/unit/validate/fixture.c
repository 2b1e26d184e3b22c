/* See fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#include "validate/document.h"

static const struct json *parse(struct arena *a, const char *text)
{
	struct error err = {0};
	struct str copy = arena_str(a, str_from(text));
	for (size_t i = 0; i < copy.n; i++)
		if (copy.p[i] == '\'')
			((char *)(uintptr_t)copy.p)[i] = '"';
	const struct json *j = json_parse(a, copy, 0, &err);
	if (!j)
		fail_msg("%s in %s", err.text, text);
	return j;
}

void fixture_open(struct fixture *f, const char *const *definitions)
{
	struct error err = {0};
	f->canonicals = canonicals_new(&err);
	assert_non_null(f->canonicals);
	for (; definitions && *definitions; definitions++)
		assert_true(canonicals_add(f->canonicals, NULL, parse(canonicals_arena(f->canonicals), *definitions),
					   &err));
	f->terminology = terminology_new(f->canonicals, &err);
	assert_non_null(f->terminology);
	f->validator = validator_new(definitions_builtin(), f->canonicals, f->terminology, &err);
	assert_non_null(f->validator);
}

void fixture_close(struct fixture *f)
{
	validator_free(f->validator);
	terminology_free(f->terminology);
	canonicals_free(f->canonicals);
}

static void write_findings(struct buf *out, const struct issues *findings)
{
	for (const struct issue *i = findings->first; i; i = i->next)
		if (i->severity <= ISSUE_WARNING)
			buf_printf(out, "%s%s %.*s %.*s", out->n ? "\n" : "", issue_severity_name(i->severity),
				   STR_ARG(i->path), STR_ARG(i->rule));
}

void fixture_check(const struct fixture *f, const struct fixture_case *c, const struct validation_options *options)
{
	struct validation_options own = options ? *options : (struct validation_options){0};
	struct str profile = str_from(c->profile);
	struct issues findings;
	struct error err = {0};
	struct arena a;
	struct buf found;
	arena_init(&a, 64 << 20);
	buf_init(&found, 1 << 16);
	issues_init(&findings, &a);
	if (c->profile) {
		own.profiles = &profile;
		own.profile_count = 1;
	}
	bool ok = c->resource[0] != '{'
			  ? validate_text(f->validator, definitions_builtin(), &a, str_from(c->resource), NULL, &own,
					  &findings, &err)
			  : validate_resource(f->validator, &a, parse(&a, c->resource), &own, &findings, &err);
	if (!ok)
		fail_msg("%s", err.text);
	write_findings(&found, &findings);
	if (!str_is(buf_str(&found), c->expected))
		fail_msg("%s\nexpected: %s\nfound:    %.*s\n(%.*s)", c->resource, c->expected, STR_ARG(buf_str(&found)),
			 STR_ARG(findings.first ? findings.first->text : S("no findings")));
	buf_done(&found);
	arena_done(&a);
}

int fixture_close_group(void **state)
{
	fixture_close(*state);
	return 0;
}

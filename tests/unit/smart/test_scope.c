/*
 * Scopes of both grammars, and what two lists have in common: what is asked for, what a client is registered with, what
 * a person left, what is asked for again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/smart/smart_priv.h"

static struct scope_list read_list(struct arena *a, const char *text)
{
	struct scope_list list;
	struct error err = {0};
	if (!scope_list_read(a, definitions_builtin(), str_from(text), &list, NULL, &err))
		fail_msg("%s: %s", text, err.text);
	return list;
}

static void lists_are_what_both_allow(void **state)
{
	(void)state;
	static const struct {
		const char *asked, *allowed;
		enum scope_contexts contexts;
		const char *common;
	} cases[] = {
		{"patient/Observation.rs", "patient/*.rs", SCOPES_OF_PEOPLE, "patient/Observation.rs"},
		{"patient/*.rs", "patient/Observation.rs patient/Condition.r", SCOPES_OF_PEOPLE,
		 "patient/Observation.rs patient/Condition.r"},
		{"patient/Observation.cruds", "patient/Observation.rs", SCOPES_OF_PEOPLE, "patient/Observation.rs"},
		{"patient/Observation.read", "patient/*.cruds", SCOPES_OF_PEOPLE, "patient/Observation.read"},
		{"patient/*.read", "patient/Observation.rs", SCOPES_OF_PEOPLE, "patient/Observation.read"},
		{"patient/*.*", "patient/Patient.write", SCOPES_OF_PEOPLE, "patient/Patient.cud"},
		{"user/Patient.rs", "patient/Patient.rs", SCOPES_OF_PEOPLE, ""},
		{"patient/Patient.c", "patient/Patient.rs", SCOPES_OF_PEOPLE, ""},
		/* Each kind of client has its own contexts. */
		{"system/*.rs patient/*.rs openid", "system/*.rs patient/*.rs openid", SCOPES_OF_PEOPLE,
		 "patient/*.rs openid"},
		{"system/*.rs patient/*.rs openid", "system/*.rs patient/*.rs openid", SCOPES_OF_SYSTEM, "system/*.rs"},
		/* Words, in the order that they were asked in. */
		{"launch openid fhirUser offline_access", "offline_access openid launch", SCOPES_OF_PEOPLE,
		 "launch openid offline_access"},
		{"launch/patient launch/encounter", "launch launch/patient", SCOPES_OF_PEOPLE, "launch/patient"},
		/* Filters: asked, registered, both. */
		{"patient/Observation.rs?category=laboratory", "patient/*.rs", SCOPES_OF_PEOPLE,
		 "patient/Observation.rs?category=laboratory"},
		{"patient/Observation.rs", "patient/Observation.rs?category=laboratory", SCOPES_OF_PEOPLE,
		 "patient/Observation.rs?category=laboratory"},
		{"patient/Observation.rs?status=final", "patient/Observation.rs?category=laboratory", SCOPES_OF_PEOPLE,
		 "patient/Observation.rs?status=final&category=laboratory"},
		{"patient/Observation.rs?category=a", "patient/Observation.rs?category=a", SCOPES_OF_PEOPLE,
		 "patient/Observation.rs?category=a"},
		{"patient/Observation.rs?category=a patient/Observation.rs", "patient/*.rs", SCOPES_OF_PEOPLE,
		 "patient/Observation.rs?category=a patient/Observation.rs"},
		/* What another of the list covers is left out, and so is what was asked twice. */
		{"patient/*.rs patient/Observation.r patient/*.rs", "patient/*.rs", SCOPES_OF_PEOPLE, "patient/*.rs"},
		{"", "patient/*.rs", SCOPES_OF_PEOPLE, ""},
		{"patient/*.rs", "", SCOPES_OF_PEOPLE, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		struct scope_list common;
		arena_init(&a, 8 << 20);
		struct scope_list asked = read_list(&a, cases[i].asked), allowed = read_list(&a, cases[i].allowed);
		assert_true(scope_list_common(&a, &asked, &allowed, cases[i].contexts, &common, &err));
		if (!str_is(common.text, cases[i].common))
			fail_msg("%s & %s: %.*s", cases[i].asked, cases[i].allowed, STR_ARG(common.text));
		/* What is common is never more than either. */
		assert_true(scope_list_covers(&allowed, &common));
		struct scope_list again = read_list(&a, cases[i].common);
		assert_int_equal(again.count, common.count);
		assert_int_equal(again.words, common.words);
		arena_done(&a);
	}
}

static void what_is_no_scope_is_counted(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	struct scope_list list;
	size_t ignored;
	arena_init(&a, 8 << 20);
	assert_true(scope_list_read(
		&a, definitions_builtin(),
		S(" openid  nonsense patient/Nothing.rs patient/Patient.rx patient/Patient.sr x/Patient.rs "
		  "patient/Patient.rs?  patient/*.rs?a=\"b\" patient/Patient.rs "),
		&list, &ignored, &err));
	assert_int_equal(ignored, 7);
	assert_true(str_is(list.text, "openid patient/Patient.rs"));
	struct buf many;
	buf_init(&many, 1 << 20);
	for (int i = 0; i < 600; i++)
		buf_printf(&many, "patient/Patient.rs?_id=%d ", i);
	assert_false(scope_list_read(&a, definitions_builtin(), buf_str(&many), &list, NULL, &err));
	assert_int_equal(err.code, ERR_INVALID_SCOPE);
	buf_done(&many);
	arena_done(&a);
}

static void wider_lists_are_noticed(void **state)
{
	(void)state;
	static const struct {
		const char *list, *other;
		bool covers;
	} cases[] = {
		{"patient/*.rs", "patient/Observation.r", true},
		{"patient/*.rs", "patient/Observation.rs?category=x", true},
		{"patient/Observation.rs?category=x", "patient/Observation.rs", false},
		{"patient/Observation.rs?category=x", "patient/Observation.r?category=x", true},
		{"patient/Observation.rs?category=x", "patient/Observation.r?category=y", false},
		{"patient/Observation.rs", "patient/*.rs", false},
		{"patient/Observation.rs", "user/Observation.rs", false},
		{"patient/Observation.rs openid", "openid", true},
		{"patient/Observation.rs", "openid", false},
		{"openid", "", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		arena_init(&a, 8 << 20);
		struct scope_list list = read_list(&a, cases[i].list), other = read_list(&a, cases[i].other);
		if (scope_list_covers(&list, &other) != cases[i].covers)
			fail_msg("%s and %s", cases[i].list, cases[i].other);
		arena_done(&a);
	}
}

static void words_have_names(void **state)
{
	(void)state;
	for (unsigned bit = SCOPE_OPENID; bit <= SCOPE_OFFLINE_ACCESS; bit <<= 1) {
		const char *text = scope_word_text((enum scope_word)bit);
		assert_int_equal(scope_word_parse(str_from(text)), bit);
	}
	assert_int_equal(scope_word_parse(S("OpenID")), 0);
	assert_int_equal(scope_word_parse(S("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_what_both_allow),
		cmocka_unit_test(what_is_no_scope_is_counted),
		cmocka_unit_test(wider_lists_are_noticed),
		cmocka_unit_test(words_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The looks of firth token explain. */
#include <stdio.h>

#include "app/token.h"
#include "app/why.h"

/* The first that failed; one with a code before others. */
static const struct token_check *first_failed(const struct token_report *r)
{
	const struct token_check *found = NULL;
	for (size_t i = 0; i < r->check_count; i++)
		if (!r->checks[i].passed && (!found || (!found->refusal && r->checks[i].refusal)))
			found = &r->checks[i];
	return found;
}

void token_print(const struct app *app, const struct token_report *r, int64_t now_ms)
{
	const char *plain = app_style(app, STYLE_PLAIN);
	const struct token_check *failed = first_failed(r);
	(void)now_ms;
	printf("%s%s%s\n", app_style(app, STYLE_BOLD), r->says, plain);
	for (size_t i = 0; i < r->fact_count; i++) {
		bool again = i > 0 && str_eq(r->facts[i - 1].name, r->facts[i].name);
		printf("  %-12.*s ", STR_ARG(again ? S("") : r->facts[i].name));
		why_print_wrapped(r->facts[i].text, 15);
	}
	putchar('\n');
	for (size_t i = 0; i < r->check_count; i++)
		why_print_check(app, check_question(r->checks[i].check), r->checks[i].passed, r->checks[i].had,
				r->checks[i].needed);
	if (!failed) {
		printf("\n  %s%s%s\n", app_style(app, STYLE_GOOD),
		       r->check_count ? "Nothing speaks against it." : "Nothing was checked.", plain);
		return;
	}
	printf("\n  %sRefused%s%s%s", app_style(app, STYLE_BAD), failed->refusal ? ": " : ".",
	       failed->refusal ? failed->refusal : "", plain);
	putchar('\n');
	if (failed->hint.n) {
		printf("  What to do: ");
		why_print_wrapped(failed->hint, 14);
	}
}

static void put_text(struct json_writer *w, struct str name, struct str text)
{
	if (text.p)
		json_put_member(w, name, text);
}

static void put_checks(struct json_writer *w, const struct token_report *r)
{
	json_key(w, S("checks"));
	json_array_begin(w);
	for (size_t i = 0; i < r->check_count; i++) {
		const struct token_check *c = &r->checks[i];
		json_object_begin(w);
		json_put_member(w, S("check"), str_from(check_word(c->check)));
		json_key(w, S("passed"));
		json_put_bool(w, c->passed);
		put_text(w, S("had"), c->had);
		put_text(w, S("needed"), c->needed);
		put_text(w, S("refusal"), str_from(c->refusal));
		put_text(w, S("hint"), c->hint);
		json_object_end(w);
	}
	json_array_end(w);
}

bool token_write(const struct app *app, const struct token_report *r)
{
	struct buf out;
	buf_init(&out, 16 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("kind"), str_from(r->kind));
	json_put_member(&w, S("says"), str_from(r->says));
	json_key(&w, S("facts"));
	json_array_begin(&w);
	for (size_t i = 0; i < r->fact_count; i++) {
		json_object_begin(&w);
		json_put_member(&w, S("name"), r->facts[i].name);
		json_put_member(&w, S("text"), r->facts[i].text);
		json_object_end(&w);
	}
	json_array_end(&w);
	put_checks(&w, r);
	json_key(&w, S("good"));
	json_put_bool(&w, !r->failed);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

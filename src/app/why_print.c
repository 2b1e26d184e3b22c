/* The looks of firth why, for people and for machines. */
#include "app/why.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

enum { WIDTH = 100, QUESTION = 46 };

bool why_copy_row(struct arena *a, struct audit_row *row)
{
	struct audit_event *e = &row->event;
	struct str *const texts[] = {&e->interaction, &e->agent, &e->address, &e->request_id, &e->type,
				     &e->id,	      &e->query, &e->patient, &e->detail};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!texts[i]->p)
			continue;
		*texts[i] = arena_str(a, *texts[i]);
		if (!texts[i]->p)
			return false;
	}
	return true;
}

/* ---- for people ---------------------------------------------------------------------------------------------------
 */

void why_print_wrapped(struct str text, int column)
{
	size_t room = (size_t)(WIDTH - column);
	while (text.n > room) {
		size_t cut = room;
		while (cut > room / 2 && text.p[cut] != ' ')
			cut--;
		while (((unsigned char)text.p[cut] & 0xC0) == 0x80)
			cut--;
		printf("%.*s\n%*s", (int)cut, text.p, column, "");
		text = str_trim(str_slice(text, cut, text.n));
	}
	printf("%.*s\n", STR_ARG(text));
}

static void print_part(const struct app *app, const char *name, struct str text)
{
	if (!text.p)
		return;
	printf("        %s%-7s%s ", app_style(app, STYLE_DIM), name, app_style(app, STYLE_PLAIN));
	why_print_wrapped(text.n ? text : S("nothing"), 16);
}

void why_print_check(const struct app *app, const char *question, bool passed, struct str had, struct str needed)
{
	const char *plain = app_style(app, STYLE_PLAIN);
	/* What passed fits on a line; what failed is what one came for. */
	if (passed) {
		printf("  %s✓%s %s", app_style(app, STYLE_GOOD), plain, question);
		if (had.n)
			printf("%*s %s%.*s%s", (int)(QUESTION > strlen(question) ? QUESTION - strlen(question) : 0), "",
			       app_style(app, STYLE_DIM), STR_ARG(str_slice(had, 0, 120)), plain);
		putchar('\n');
		return;
	}
	printf("  %s✗ %s%s%s\n", app_style(app, STYLE_BAD), app_style(app, STYLE_BOLD), question, plain);
	print_part(app, "had", had);
	print_part(app, "needed", needed);
}

static const char *question_of(struct str word)
{
	for (int i = 0; i < CHECK_COUNT; i++)
		if (str_is(word, check_word((enum check)i)))
			return check_question((enum check)i);
	return NULL;
}

static void print_checks(const struct app *app, const struct json *checks)
{
	for (struct json_iter it = json_iter(checks); json_next(&it);) {
		struct str word = json_get_str(it.value, S("check"));
		char other[64];
		const char *question = question_of(word);
		snprintf(other, sizeof(other), "%.*s", STR_ARG(str_slice(word, 0, 40)));
		why_print_check(app, question ? question : other, json_bool(json_get(it.value, S("passed"))),
				json_get_str(it.value, S("had")), json_get_str(it.value, S("needed")));
	}
}

static void print_who(const struct app *app, const struct json *kept)
{
	static const struct {
		const char *key, *name;
	} parts[] = {{"client", "client "},
		     {"user", "user "},
		     {"grant", "grant "},
		     {"patient", "patient "},
		     {"address", "from "}};
	bool some = false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct str text = json_get_str(kept, str_from(parts[i].key));
		if (!text.n)
			continue;
		printf("%s%s%.*s", some ? ", " : "  ", parts[i].name, STR_ARG(text));
		some = true;
	}
	if (some)
		putchar('\n');
	(void)app;
}

static void print_time(int64_t ms)
{
	char text[CLOCK_INSTANT_SIZE];
	clock_format_instant(ms, text);
	printf("%.19sZ", text);
}

/* The text for the caller ends with the hint, which has a line of its own here. */
static struct str without_hint(struct str text, struct str hint)
{
	return hint.n && text.n > hint.n + 2 && str_ends(text, hint) ? str_slice(text, 0, text.n - hint.n - 2) : text;
}

static void print_kept(const struct app *app, const struct json *kept)
{
	struct str hint = json_get_str(kept, S("hint"));
	struct str code = json_get_str(kept, S("refusal")), status = json_number(json_get(kept, S("status")));
	struct str route = json_get_str(kept, S("route")), method = json_get_str(kept, S("method"));
	int64_t at = 0;
	(void)!str_to_i64(json_number(json_get(kept, S("at"))), &at);
	printf("  %s%.*s refused: %.*s%s  at ", app_style(app, STYLE_BAD), STR_ARG(status), STR_ARG(code),
	       app_style(app, STYLE_PLAIN));
	print_time(at);
	printf("  %.*s %.*s\n", STR_ARG(method), STR_ARG(route));
	print_who(app, kept);
	putchar('\n');
	print_checks(app, json_get(kept, S("checks")));
	printf("\n  ");
	why_print_wrapped(without_hint(json_get_str(kept, S("text")), hint), 2);
	if (str_is(status, "404") && !str_starts(route, S("auth/")))
		printf("  The caller was told no more than that there is no such resource.\n");
	printf("  What to do: ");
	why_print_wrapped(hint, 14);
	printf("  More: docs/why.md#%.*s\n", STR_ARG(code));
}

static void print_row(const struct app *app, const struct audit_row *row, bool told)
{
	const struct audit_event *e = &row->event;
	printf("  %srecord %" PRId64 "%s  ", app_style(app, STYLE_DIM), row->number, app_style(app, STYLE_PLAIN));
	print_time(row->time_ms);
	printf("  %s%s%s %d  %.*s", app_style(app, e->outcome ? STYLE_BAD : STYLE_GOOD),
	       e->outcome == 0	 ? "let in"
	       : e->outcome == 4 ? "refused"
				 : "failed",
	       app_style(app, STYLE_PLAIN), e->http_status, STR_ARG(e->interaction));
	if (e->type.n)
		printf("  %.*s%s%.*s", STR_ARG(e->type), e->id.n ? "/" : "", STR_ARG(e->id));
	printf("  by %.*s", STR_ARG(e->agent));
	if (e->patient.n)
		printf(", about %.*s", STR_ARG(e->patient));
	putchar('\n');
	if (e->detail.n && !(told && e->outcome)) {
		printf("      ");
		why_print_wrapped(e->detail, 6);
	}
}

void why_print(const struct app *app, const struct why_request *r, struct str tenant, bool further)
{
	bool refused = false;
	if (further)
		putchar('\n');
	printf("%sRequest %.*s%s", app_style(app, STYLE_BOLD), STR_ARG(r->id), app_style(app, STYLE_PLAIN));
	if (tenant.n)
		printf("  of tenant %.*s", STR_ARG(tenant));
	putchar('\n');
	for (size_t i = 0; i < r->kept_count; i++)
		print_kept(app, r->kept[i]);
	if (r->kept_count && r->row_count)
		putchar('\n');
	for (size_t i = r->row_count; i > 0; i--) {
		print_row(app, &r->rows[i - 1], r->kept_count > 0);
		refused = refused || r->rows[i - 1].event.outcome == 4;
	}
	if (r->rows_left)
		printf("  and %zu more records\n", r->rows_left);
	if (!r->kept_count && refused)
		printf("  The checks were not kept: it was no matter of authorization, or a part of a bundle, or there "
		       "were "
		       "too many refusals at once.\n");
}

/* ---- for machines --------------------------------------------------------------------------------------------------
 */

static void put_text(struct json_writer *w, struct str key, struct str text)
{
	if (text.n)
		json_put_member(w, key, text);
}

static void put_row(struct json_writer *w, const struct audit_row *row)
{
	const struct audit_event *e = &row->event;
	char time[CLOCK_INSTANT_SIZE];
	clock_format_instant(row->time_ms, time);
	json_object_begin(w);
	json_key(w, S("number"));
	json_put_i64(w, row->number);
	json_put_member(w, S("time"), str_make(time, sizeof(time)));
	json_key(w, S("outcome"));
	json_put_i64(w, e->outcome);
	json_key(w, S("http_status"));
	json_put_i64(w, e->http_status);
	put_text(w, S("interaction"), e->interaction);
	put_text(w, S("agent"), e->agent);
	put_text(w, S("address"), e->address);
	put_text(w, S("type"), e->type);
	put_text(w, S("id"), e->id);
	put_text(w, S("patient"), e->patient);
	put_text(w, S("detail"), e->detail);
	json_object_end(w);
}

void why_write(struct json_writer *w, const struct why_request *r, struct str tenant)
{
	json_object_begin(w);
	json_put_member(w, S("request_id"), r->id);
	put_text(w, S("tenant"), tenant);
	json_key(w, S("decisions"));
	json_array_begin(w);
	for (size_t i = 0; i < r->kept_count; i++)
		json_put_value(w, r->kept[i]);
	json_array_end(w);
	json_key(w, S("audit"));
	json_array_begin(w);
	for (size_t i = r->row_count; i > 0; i--)
		put_row(w, &r->rows[i - 1]);
	json_array_end(w);
	json_object_end(w);
}

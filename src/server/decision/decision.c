/* Decisions as they are made: the tables, noting, refusing. */
#include "server/decision/decision.h"

#include <stdio.h>

#include "base/clock.h"

static const struct {
	const char *word, *question;
} checks[CHECK_COUNT] = {
#define CHECK(name, word, question) [CHECK_##name] = {word, question},
#include "server/decision/checks.def"
#undef CHECK
};

static const struct refusal_facts refusals[REFUSAL_COUNT] = {
	[REFUSAL_NONE] = {"", ERR_FORBIDDEN, NULL, "", ""},
#define REFUSAL(name, code, error, oauth, text, hint) [REFUSAL_##name] = {code, ERR_##error, oauth, text, hint},
#include "server/decision/refusals.def"
#undef REFUSAL
};

const struct refusal_facts *refusal_facts(enum refusal refusal)
{
	return &refusals[refusal];
}

enum refusal refusal_find(const char *code)
{
	for (int i = REFUSAL_NONE + 1; code && i < REFUSAL_COUNT; i++)
		if (code == refusals[i].code || strcmp(code, refusals[i].code) == 0)
			return (enum refusal)i;
	return REFUSAL_NONE;
}

enum refusal refusal_of(const struct error *err)
{
	return err->code ? refusal_find(err->reason) : REFUSAL_NONE;
}

const char *check_word(enum check check)
{
	return checks[check].word;
}

const char *check_question(enum check check)
{
	return checks[check].question;
}

static struct decision *new_for(struct arena *a, unsigned most)
{
	/* The slots need no clearing: each is written whole. */
	struct decision *d = arena_alloc(a, sizeof(*d) + most * sizeof(struct decision_note));
	if (d)
		*d = (struct decision){.arena = a, .most = most};
	return d;
}

struct decision *decision_new(struct arena *a)
{
	return new_for(a, DECISION_MOST);
}

struct decision *decision_part(const struct decision *whole, struct arena *a)
{
	struct decision *d = whole ? new_for(a, DECISION_PART) : NULL;
	if (!d)
		return NULL;
	d->client = whole->client;
	d->user = whole->user;
	d->grant = whole->grant;
	d->patient = whole->patient;
	return d;
}

struct str decision_when(char text[DECISION_WHEN], int64_t when_ms, int64_t now_ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}, {1, "millisecond"}};
	char instant[CLOCK_INSTANT_SIZE];
	int64_t span = when_ms > now_ms ? when_ms - now_ms : now_ms - when_ms;
	size_t unit = 0;
	while (unit < 4 && span < 2 * units[unit].ms)
		unit++;
	int64_t count = span / units[unit].ms;
	clock_format_instant(when_ms, instant);
	int n = snprintf(text, DECISION_WHEN, "%.19sZ, %s%lld %s%s%s", instant, when_ms > now_ms ? "in " : "",
			 (long long)count, units[unit].name, count == 1 ? "" : "s", when_ms > now_ms ? "" : " ago");
	return str_make(text, (size_t)n);
}

enum { TOLD_MOST = 100 }; /* of had and needed in the error's text; what is kept has more */

/* "What is the case: had X, needed Y. What to do", as far as the error's text reaches. */
static void set_text(struct error *err, const struct refusal_facts *facts, struct str had, struct str needed,
		     struct str hint)
{
	had = had.p && !had.n ? S("none") : str_slice(had, 0, TOLD_MOST);
	needed = str_slice(needed, 0, TOLD_MOST);
	error_set(err, facts->error, "%s%s%.*s%s%.*s. %.*s", facts->text, had.n ? ": had " : "", STR_ARG(had),
		  !needed.n ? ""
		  : had.n   ? ", needed "
			    : ": needed ",
		  STR_ARG(needed), STR_ARG(hint));
	err->reason = facts->code;
}

/* Refusals are rare, and their texts are often made on the spot. */
static struct str copied(struct decision *d, struct str text)
{
	return text.p ? arena_str(d->arena, str_slice(text, 0, DECISION_TEXT)) : STR_NULL;
}

bool decision_refuse(struct decision *d, enum check check, enum refusal refusal, struct str had, struct str needed,
		     struct str hint, struct error *err)
{
	const struct refusal_facts *facts = &refusals[refusal];
	if (err && !err->code)
		set_text(err, facts, had, needed, hint.p ? hint : str_from(facts->hint));
	if (!d || d->refusal)
		return false;
	/* The one that failed matters most, so it has room even when the others had none. */
	if (d->count == d->most) {
		d->count--;
		d->left++;
	}
	decision_note(d, check, copied(d, had), copied(d, needed));
	d->notes[d->count - 1].passed = false;
	d->refusal = refusal;
	d->hint = copied(d, hint);
	return false;
}

void decision_explain(struct decision *d, struct str more)
{
	if (!d || !d->refusal || !d->count || d->notes[d->count - 1].passed)
		return;
	struct str *had = &d->notes[d->count - 1].had;
	struct str text = had->n ? arena_printf(d->arena, "%.*s; %.*s", STR_ARG(*had), STR_ARG(more)) : more;
	*had = copied(d, text);
}

struct str decision_needed_scope(const struct decision *d)
{
	if (!d || !d->refusal || !d->count)
		return STR_NULL;
	const struct decision_note *last = &d->notes[d->count - 1];
	return last->check == CHECK_SCOPE && !last->passed && last->needed.n &&
			       str_find_char(last->needed, ' ', 0) == STR_NONE
		       ? last->needed
		       : STR_NULL;
}

/* ---- what an access that was let in leaves behind -----------------------------------------------------------------
 */

struct str decision_detail(const struct decision *d, struct arena *a)
{
	const struct {
		struct str before, text;
	} parts[] = {{S("grant "), d ? d->grant : STR_NULL},
		     {S("scope "), d ? d->scope : STR_NULL},
		     {S("user "), d ? d->user : STR_NULL},
		     {S("patient "), d ? d->patient : STR_NULL}};
	size_t size = 0;
	for (size_t i = 0; i < 4; i++)
		if (parts[i].text.n)
			size += parts[i].before.n + parts[i].text.n + 2;
	char *text = size ? arena_alloc(a, size) : NULL, *at = text;
	/* Every read comes by here, so without printf. */
	for (size_t i = 0; text && i < 4; i++) {
		if (!parts[i].text.n)
			continue;
		if (at > text) {
			memcpy(at, ", ", 2);
			at += 2;
		}
		memcpy(at, parts[i].before.p, parts[i].before.n);
		at += parts[i].before.n;
		memcpy(at, parts[i].text.p, parts[i].text.n);
		at += parts[i].text.n;
	}
	return text ? str_make(text, (size_t)(at - text)) : STR_NULL;
}

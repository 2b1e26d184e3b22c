/*
 * Scopes asked for against scopes granted, for people: EHRs grant less than asked without a word, in the other grammar,
 * or with a filter (SMART App Launch 2.2, "Scopes and launch context"). What was granted is a hint; the truth is each
 * answer.
 */
#include "ehr/login_priv.h"
#include "server/smart/smart.h"

enum { LINES_MAX = 1024 };

static const struct {
	const char *scope, *words;
} words_of[] = {
	{"openid", "know who the person is"},
	{"fhirUser", "know the person's own record"},
	{"profile", "know the person's name"},
	{"email", "know the person's e-mail address"},
	{"launch", "know what was open when the app was launched"},
	{"launch/patient", "know which patient was chosen"},
	{"launch/encounter", "know which encounter was chosen"},
	{"offline_access", "stay logged in when the person has gone"},
	{"online_access", "stay logged in while the person is"},
};

static void add_letters(struct buf *out, unsigned permissions)
{
	static const struct {
		unsigned permission;
		const char *word;
	} letters[] = {
		{SCOPE_R, "read"}, {SCOPE_S, "search"}, {SCOPE_C, "create"}, {SCOPE_U, "change"}, {SCOPE_D, "delete"}};
	unsigned left = 0, said = 0;
	for (size_t i = 0; i < 5; i++)
		left += (permissions & letters[i].permission) != 0;
	for (size_t i = 0; i < 5; i++) {
		if (!(permissions & letters[i].permission))
			continue;
		buf_printf(out, "%s%s", !said ? "" : said + 1 == left ? " and " : ", ", letters[i].word);
		said++;
	}
}

static struct str words_for(struct arena *a, struct str text)
{
	struct scope scope;
	for (size_t i = 0; i < sizeof words_of / sizeof words_of[0]; i++)
		if (str_is(text, words_of[i].scope))
			return str_from(words_of[i].words);
	if (!scope_parse(definitions_builtin(), text, &scope))
		return S("the EHR's own");
	struct buf out;
	buf_init(&out, 4096);
	add_letters(&out, scope.permissions);
	buf_printf(&out, " %.*s", STR_ARG(str_is(scope.type, "*") ? S("everything") : scope.type));
	buf_add(&out, str_is(scope.context, "patient") ? S(" of the patient")
		      : str_is(scope.context, "user")  ? S(" that the person may see")
						       : S(" of everyone"));
	if (scope.filter.n)
		buf_printf(&out, ", only %.*s", STR_ARG(scope.filter));
	struct str words = arena_str(a, buf_str(&out));
	buf_done(&out);
	return words;
}

/* The permissions that `with` gives of what `of` names; *ret_narrow when it does so for a part of the records only. */
static unsigned given(const struct scope *of, struct str with_text, bool *ret_narrow)
{
	struct scope with;
	*ret_narrow = false;
	if (!scope_parse(definitions_builtin(), with_text, &with) || !str_eq(of->context, with.context))
		return 0;
	bool all = str_is(with.type, "*"), of_all = str_is(of->type, "*");
	if (!all && !of_all && !str_eq(of->type, with.type))
		return 0;
	*ret_narrow = (of_all && !all) || (with.filter.p && !str_eq(with.filter, of->filter));
	return of->permissions & with.permissions;
}

static enum ehr_scope_fate fate_of(struct str text, struct str granted)
{
	struct scope scope;
	unsigned whole = 0, part = 0;
	if (ehr_scopes_have(granted, "offline_access") && str_is(text, "online_access"))
		return EHR_SCOPE_GRANTED;
	if (!scope_parse(definitions_builtin(), text, &scope))
		return str_has_word(granted, text) ? EHR_SCOPE_GRANTED : EHR_SCOPE_REFUSED;
	while (granted.p) {
		bool narrow;
		unsigned permissions = given(&scope, str_split(&granted, ' '), &narrow);
		part |= permissions;
		whole |= narrow ? 0 : permissions;
	}
	return whole == scope.permissions ? EHR_SCOPE_GRANTED : part ? EHR_SCOPE_PARTLY : EHR_SCOPE_REFUSED;
}

static bool collect(struct arena *a, struct str list, struct str other, bool beyond, struct ehr_scope_line *lines,
		    size_t *count)
{
	while (list.p) {
		struct str text = str_split(&list, ' ');
		bool seen = false;
		for (size_t i = 0; i < *count && !seen; i++)
			seen = str_eq(lines[i].scope, text);
		if (!text.n || seen)
			continue;
		enum ehr_scope_fate fate = fate_of(text, other);
		if (beyond && fate == EHR_SCOPE_GRANTED)
			continue; /* it was asked for, in this form or a wider one */
		if (*count == LINES_MAX)
			return false;
		lines[*count] = (struct ehr_scope_line){text, words_for(a, text), beyond ? EHR_SCOPE_UNASKED : fate};
		if (!lines[(*count)++].words.p)
			return false;
	}
	return true;
}

bool ehr_scope_compare(struct arena *a, struct str requested, struct str granted, struct ehr_scope_line **ret_lines,
		       size_t *ret_count, struct error *err)
{
	size_t count = 0;
	struct ehr_scope_line *lines = ARENA_ARRAY(a, struct ehr_scope_line, LINES_MAX);
	if (!lines || !collect(a, requested, granted, false, lines, &count) ||
	    !collect(a, granted, requested, true, lines, &count))
		return lines ? error_set(err, ERR_LIMIT, "There are more than %d scopes", LINES_MAX)
			     : error_memory(err);
	*ret_lines = lines;
	*ret_count = count;
	return true;
}

size_t ehr_login_warnings(struct arena *a, const struct ehr_login *l, struct str *ret_sentences, size_t max)
{
	size_t count = 0;
	bool refreshable =
		ehr_scopes_have(l->requested, "offline_access") || ehr_scopes_have(l->requested, "online_access");
	int64_t minutes = (l->expires_ms - l->issued_ms) / 60000;
	if (refreshable && !l->refresh_token.n && count < max)
		ret_sentences[count++] = arena_printf(
			a,
			"The EHR gave no refresh token although staying logged in was asked for, so this login ends in "
			"%lld minutes: check that the app may have one there (Epic gives them to confidential apps "
			"only)",
			(long long)minutes);
	if (ehr_scopes_have(l->requested, "launch/patient") && !l->patient.n && count < max)
		ret_sentences[count++] = S("The EHR named no patient although one was asked for (launch/patient)");
	if (ehr_scopes_have(l->granted, "openid") && ehr_scopes_have(l->requested, "openid") && !l->subject.n &&
	    count < max)
		ret_sentences[count++] = S("The EHR gave no id_token although openid was granted: who logged in is not "
					   "known");
	if (!l->granted.n && count < max)
		ret_sentences[count++] = S("The EHR granted no scope at all");
	return count;
}

/* See govern.h: finding the action, and its audit record. */
#include "app/govern.h"

#include "base/clock.h"

static const struct {
	const char *name;
	govern_action *run;
	char audit;
} actions[] = {
#define GOVERN(function, name, audit) {name, govern_##function, audit},
#include "app/govern.def"
#undef GOVERN
};

bool govern_text(const struct json *command, const char *name, struct str *ret_text, struct error *err)
{
	struct str text = json_get_str(command, str_from(name));
	if (!text.n)
		return error_set(err, ERR_VALUE, "%s is missing", name);
	*ret_text = text;
	return true;
}

void govern_put_time(struct json_writer *w, const char *name, int64_t ms)
{
	char text[CLOCK_INSTANT_SIZE];
	if (!ms)
		return;
	clock_format_instant(ms, text);
	text[19] = 'Z'; /* nobody governs by milliseconds */
	json_put_member(w, str_from(name), str_make(text, 20));
}

/* What was done to whom; never a secret, since nothing of the answer goes in. */
static struct str subject_of(struct arena *a, const struct json *command)
{
	static const char *const names[] = {"client", "user", "grant", "key"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str id = json_get_str(command, str_from(names[i]));
		if (id.n)
			return arena_printf(a, "%s %.*s", names[i], STR_ARG(str_slice(id, 0, 128)));
	}
	return STR_NULL;
}

/* Of what was made under a name that the command did not give. */
static struct str subject_of_answer(struct arena *a, struct str answer)
{
	const struct json *j = json_parse(a, answer, 0, NULL);
	return subject_of(a, json_get(j, S("client")));
}

static bool record(const struct govern *g, struct arena *a, size_t action, struct str subject,
		   const struct error *outcome, struct error *err)
{
	const struct audit_event event = {.action = actions[action].audit ? actions[action].audit : 'E',
					  .interaction = str_from(actions[action].name),
					  .outcome = outcome->code ? 4 : 0,
					  .http_status = outcome->code ? error_http_status(outcome->code) : 200,
					  .agent = S("operator"),
					  .address = g->address.p ? g->address : S("cli"),
					  .request_id = g->request_id,
					  .detail = outcome->code ? arena_printf(a, "%.*s%s%s", STR_ARG(subject),
										 subject.n ? ": " : "", outcome->text)
								  : subject};
	return store_audit(g->realm->store, &event, 1, err);
}

bool govern_run(const struct govern *g, struct arena *a, const struct json *command, struct buf *out, struct error *err)
{
	struct error cause = {0}, unrecorded = {0};
	struct str name = json_get_str(command, S("do"));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (!str_is(name, actions[i].name))
			continue;
		struct json_writer w = json_writer(out);
		json_object_begin(&w);
		bool ok = actions[i].run(g, a, command, &w, &cause);
		json_object_end(&w);
		ok = ok && (buf_ok(out) || error_memory(&cause));
		struct str subject = subject_of(a, command);
		if (ok && !subject.p)
			subject = subject_of_answer(a, buf_str(out));
		if ((actions[i].audit || cause.code) && !record(g, a, i, subject, &cause, &unrecorded))
			return error_set(err, unrecorded.code, "%s; the audit record could not be written: %s",
					 ok ? "It was done" : cause.text, unrecorded.text);
		return ok || error_set(err, cause.code, "%s", cause.text);
	}
	return error_set(err, ERR_VALUE, "There is no action %.*s", STR_ARG(str_slice(name, 0, 64)));
}

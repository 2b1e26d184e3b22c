/* The parts that every document of CDS Hooks is judged with: texts, lists, codings, URLs, and the HTTP around it. */
#include "hooks/judge_priv.h"

void judge_note(struct judgement *j, bool error, const char *by, struct str where, struct str what)
{
	if (!where.p || !what.p)
		return;
	if (j->count == JUDGE_FINDINGS_MAX)
		j->more++;
	else
		j->findings[j->count++] = (struct judge_finding){error, by, where, what};
}

size_t judge_errors(const struct judgement *j)
{
	size_t errors = 0;
	for (size_t i = 0; i < j->count; i++)
		errors += j->findings[i].error;
	return errors;
}

void judge_wrong(struct judgement *j, struct str where, const char *what)
{
	judge_note(j, true, JUDGE_SPECIFICATION, where, str_from(what));
}

void judge_mind(struct judgement *j, struct str where, const char *what)
{
	judge_note(j, false, JUDGE_SPECIFICATION, where, str_from(what));
}

struct str judge_below(struct judgement *j, struct str where, const char *member)
{
	return arena_printf(j->a, "%.*s%s%s", STR_ARG(where), where.n ? "." : "", member);
}

struct str judge_item(struct judgement *j, struct str where, const char *member, size_t i)
{
	return arena_printf(j->a, "%.*s%s%s[%zu]", STR_ARG(where), where.n ? "." : "", member, i);
}

struct str judge_text(struct judgement *j, const struct json *o, struct str where, const char *name, bool required)
{
	const struct json *value = json_get(o, str_from(name));
	if (!value) {
		if (required)
			judge_wrong(j, judge_below(j, where, name), "is required");
		return STR_NULL;
	}
	if (!json_is(value, JSON_STRING) || !json_str(value).n) {
		judge_wrong(j, judge_below(j, where, name), "must be a text that is not empty");
		return STR_NULL;
	}
	return json_str(value);
}

void judge_flag(struct judgement *j, const struct json *o, struct str where, const char *name)
{
	const struct json *value = json_get(o, str_from(name));
	if (value && !json_is(value, JSON_BOOL))
		judge_wrong(j, judge_below(j, where, name), "must be true or false");
}

const struct json *judge_list(struct judgement *j, const struct json *o, struct str where, const char *name)
{
	const struct json *value = json_get(o, str_from(name));
	if (value && !json_is(value, JSON_ARRAY)) {
		judge_wrong(j, judge_below(j, where, name), "must be a list");
		return NULL;
	}
	return value;
}

void judge_url(struct judgement *j, const struct json *o, struct str where, const char *name, bool required)
{
	struct str url = judge_text(j, o, where, name, required);
	if (url.n && !str_starts(url, S("https://")) && !str_starts(url, S("http://")))
		judge_wrong(j, judge_below(j, where, name), "must be an absolute URL");
}

void judge_members(struct judgement *j, const struct json *o, struct str where, const char *known)
{
	enum { SHOWN = 60 };
	struct json_iter it = json_iter(o);
	while (json_next(&it))
		if (!str_has_word(str_from(known), it.key))
			judge_note(j, false, JUDGE_SPECIFICATION,
				   arena_printf(j->a, "%.*s%s%.*s", STR_ARG(where), where.n ? "." : "",
						STR_ARG(str_slice(it.key, 0, SHOWN))),
				   S("is no member of the specification; extensions go below extension"));
}

bool judge_object(struct judgement *j, const struct json *o, struct str where)
{
	if (!json_is(o, JSON_OBJECT))
		judge_wrong(j, where, "must be an object");
	return json_is(o, JSON_OBJECT);
}

void judge_coding(struct judgement *j, const struct json *o, struct str where, bool display)
{
	if (!json_is(o, JSON_OBJECT)) {
		judge_wrong(j, where, "must be a coding");
		return;
	}
	judge_text(j, o, where, "code", true);
	judge_text(j, o, where, "display", display);
	judge_text(j, o, where, "system", false);
}

bool judge_http(struct judgement *j, const struct judge_reply *reply, bool need_json)
{
	struct str type = reply->content_type, media = str_trim(str_split(&type, ';'));
	if (!reply->status) {
		judge_note(j, true, "HTTP", S("answer"), reply->failure.n ? reply->failure : S("none came"));
		return false;
	}
	if (reply->status == 412) {
		judge_mind(j, S("answer"), "412: the service could not get what it needs, so the EHR shows nothing");
		return false;
	}
	if (reply->status != 200) {
		judge_note(j, true, JUDGE_SPECIFICATION, S("answer"),
			   arena_printf(j->a, "status %d: only 200 brings an answer", reply->status));
		return false;
	}
	if (!need_json)
		return true;
	if (!str_eq_nocase(media, S("application/json")))
		judge_wrong(j, S("answer"), "the Content-Type must be application/json");
	if (!reply->body)
		judge_wrong(j, S("answer"), "is not JSON");
	return reply->body != NULL;
}

void judge_write_findings(struct json_writer *w, const struct judgement *j)
{
	json_key(w, S("findings"));
	json_array_begin(w);
	for (size_t i = 0; i < j->count; i++) {
		const struct judge_finding *f = &j->findings[i];
		json_object_begin(w);
		json_put_member(w, S("severity"), f->error ? S("error") : S("warning"));
		json_put_member(w, S("by"), str_from(f->by));
		json_put_member(w, S("where"), f->where);
		json_put_member(w, S("what"), f->what);
		json_object_end(w);
	}
	json_array_end(w);
}

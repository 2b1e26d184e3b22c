/* See change.h. */
#include "app/change.h"

#include <stdio.h>

/* ---- for people -------------------------------------------------------------------------------------------------- */

void change_print_plan(const struct app *app, struct str type, const struct writing_plan *plan)
{
	if (plan->reason.p)
		printf("%s%.*s cannot be written as it is%s: %.*s\n", app_style(app, STYLE_WARN), STR_ARG(type),
		       app_style(app, STYLE_PLAIN), STR_ARG(plan->reason));
	for (const struct writing_note *n = plan->notes; n; n = n->next)
		printf("  %.*s%s%.*s\n", STR_ARG(n->path), n->path.n ? ": " : "", STR_ARG(n->text));
	if (plan->nearest)
		printf("The nearest that the EHR takes:\n");
	for (size_t i = 0; i < plan->count; i++) {
		const struct writing_step *s = &plan->steps[i];
		printf("  %s %.*s%s%.*s\n", writing_op_name(s->op), STR_ARG(s->type), s->id.n ? "/" : "",
		       STR_ARG(s->id));
	}
}

static void print_difference(const struct writing_difference *d)
{
	static const char *const words[] = {"dropped", "changed", "added"};
	printf("    %-8s %.*s", words[d->change], STR_ARG(d->path));
	if (d->change == WRITING_CHANGED)
		printf(": %.*s -> %.*s", STR_ARG(d->sent), STR_ARG(d->shown));
	else
		printf(": %.*s", STR_ARG(d->change == WRITING_ADDED ? d->shown : d->sent));
	printf("%s%s%s\n", d->known ? "  (" : "", d->known ? d->known : "", d->known ? ")" : "");
}

void change_print_outcome(const struct app *app, const struct writing_step *step, const struct writing_outcome *o)
{
	enum style style = o->result <= WRITING_UNCHANGED ? STYLE_GOOD : STYLE_BAD;
	printf("%s%s%s %.*s%s%.*s", app_style(app, style), writing_result_name(o->result), app_style(app, STYLE_PLAIN),
	       STR_ARG(step->type), o->id.n ? "/" : "", STR_ARG(o->id));
	if (o->version.n)
		printf(", version %.*s", STR_ARG(o->version));
	printf("\n");
	if (o->problem.n)
		printf("  %.*s\n", STR_ARG(o->problem));
	if (o->result == WRITING_UPDATED && !o->guarded)
		printf("  the EHR has no versions: the moment between the last reading and the write was not "
		       "guarded\n");
	if (o->read_back && o->result == WRITING_DELETED)
		printf("  read back: it is gone\n");
	else if (o->read_back && !o->differences.count)
		printf("  read back: it says what was sent\n");
	else if (o->read_back)
		printf("  read back, the EHR made of it:\n");
	for (size_t i = 0; i < o->differences.count; i++)
		print_difference(&o->differences.items[i]);
	if (o->result <= WRITING_DELETED)
		printf("  to take it back: %s\n", o->undo);
}

/* ---- for programs ------------------------------------------------------------------------------------------------ */

void change_write_plan(struct json_writer *w, struct str type, const struct writing_plan *plan, bool bodies)
{
	json_put_member(w, S("type"), type);
	json_put_member(w, S("reason"), plan->reason);
	json_key(w, S("nearest"));
	json_put_bool(w, plan->nearest);
	json_key(w, S("notes"));
	json_array_begin(w);
	for (const struct writing_note *n = plan->notes; n; n = n->next) {
		json_object_begin(w);
		json_put_member(w, S("path"), n->path);
		json_put_member(w, S("text"), n->text);
		json_object_end(w);
	}
	json_array_end(w);
	if (!bodies)
		return;
	json_key(w, S("steps"));
	json_array_begin(w);
	for (size_t i = 0; i < plan->count; i++) {
		json_object_begin(w);
		json_put_member(w, S("op"), str_from(writing_op_name(plan->steps[i].op)));
		json_put_member(w, S("type"), plan->steps[i].type);
		json_put_member(w, S("id"), plan->steps[i].id);
		if (plan->steps[i].patch.p) {
			json_key(w, S("patch"));
			json_put_raw(w, plan->steps[i].patch);
		}
		if (plan->steps[i].body.p) {
			json_key(w, S("resource"));
			json_put_raw(w, plan->steps[i].body);
		}
		json_object_end(w);
	}
	json_array_end(w);
}

void change_write_outcome(struct json_writer *w, const struct writing_step *step, const struct writing_outcome *o)
{
	static const char *const words[] = {"dropped", "changed", "added"};
	json_object_begin(w);
	json_put_member(w, S("op"), str_from(writing_op_name(step->op)));
	json_put_member(w, S("type"), step->type);
	json_put_member(w, S("result"), str_from(writing_result_name(o->result)));
	json_put_member(w, S("id"), o->id);
	json_put_member(w, S("version"), o->version);
	json_key(w, S("guarded"));
	json_put_bool(w, o->guarded);
	json_key(w, S("readBack"));
	json_put_bool(w, o->read_back);
	json_put_member(w, S("problem"), o->problem);
	json_put_member(w, S("undo"), str_from(o->undo));
	json_key(w, S("differences"));
	json_array_begin(w);
	for (size_t i = 0; i < o->differences.count; i++) {
		const struct writing_difference *d = &o->differences.items[i];
		json_object_begin(w);
		json_put_member(w, S("change"), str_from(words[d->change]));
		json_put_member(w, S("path"), d->path);
		json_put_member(w, S("sent"), d->sent);
		json_put_member(w, S("shown"), d->shown);
		json_put_member(w, S("known"), str_from(d->known));
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

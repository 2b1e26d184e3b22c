/* See write_rows.h. */
#include "write_rows.h"

#include <string.h>

static struct str first_id(struct world *w, const char *path)
{
	const struct json *entry = json_at(json_get(get(w, path), S("entry")), 0);
	return json_get_str(json_get(entry, S("resource")), S("id"));
}

static struct str doctor_of(struct world *w, const char *path)
{
	const struct json *entry = json_at(json_get(get(w, path), S("entry")), 0);
	const struct json *who = json_at(json_get(json_get(entry, S("resource")), S("participant")), 0);
	struct str reference = json_get_str(json_get(who, S("individual")), S("reference"));
	return str_slice(reference, strlen("Practitioner/"), reference.n);
}

struct ids write_ids_of(struct world *w)
{
	return (struct ids){w, first_id(w, "Encounter?patient=$P"), doctor_of(w, "Encounter?patient=$P"), S("none")};
}

/* ' is a quotation mark. */
struct str write_filled(struct ids *ids, const char *text)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	for (const char *p = text; *p; p++) {
		struct str word = p[0] != '$'	? STR_NULL
				  : p[1] == 'P' ? ids->w->patient
				  : p[1] == 'E' ? ids->visit
				  : p[1] == 'D' ? ids->doctor
				  : p[1] == 'L' ? ids->last
						: STR_NULL;
		if (word.p) {
			buf_add(&out, word);
			p++;
		} else {
			buf_char(&out, *p == '\'' ? '"' : *p);
		}
	}
	struct str copy = arena_str(&ids->w->arena, buf_str(&out));
	buf_done(&out);
	return copy;
}

void write_row_try(struct ids *ids, const struct row *r)
{
	struct world *w = ids->w;
	bool patch = strcmp(r->method, "PATCH") == 0;
	struct asked how = {.method = r->method,
			    .accept = "application/fhir+json",
			    .if_match = r->if_match,
			    .type = patch ? "application/json-patch+json" : NULL,
			    .body = r->body ? write_filled(ids, r->body).p : NULL};
	struct http_answer answer = ask(w, write_filled(ids, r->path).p, how);
	if (answer.status != r->status)
		fail_msg("%s: %d %.*s", r->what, answer.status, STR_ARG(str_slice(answer.body, 0, 500)));
	struct str body = answer.body, location = http_answer_header(&answer, "Location");
	if (answer.status == 201) {
		assert_int_equal(answer.body.n, 0);
		size_t slash = str_rfind_char(location, '/');
		assert_true(slash != STR_NONE);
		ids->last = str_slice(location, slash + 1, location.n);
	}
	if (answer.status < 300 && r->contains) {
		struct str type = write_filled(ids, r->path), rest = type, name = str_split(&rest, '/');
		body = ask(w, arena_printf(&w->arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(rest.p ? rest : ids->last)).p,
			   JSON)
			       .body;
	}
	if (r->contains && str_find(body, write_filled(ids, r->contains)) == STR_NONE)
		fail_msg("%s: lacks %s: %.*s", r->what, r->contains, STR_ARG(str_slice(body, 0, 3000)));
	if (r->lacks && str_find(body, write_filled(ids, r->lacks)) != STR_NONE)
		fail_msg("%s: has %s: %.*s", r->what, r->lacks, STR_ARG(str_slice(body, 0, 3000)));
}

void write_rows_try(struct world *w, const struct row *rows, size_t count)
{
	struct ids ids = write_ids_of(w);
	for (size_t i = 0; i < count; i++)
		write_row_try(&ids, &rows[i]);
}

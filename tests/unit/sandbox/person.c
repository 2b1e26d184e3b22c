/* A browser without script, as far as the sign-in pages need one. */
#include "person.h"

#include <stdio.h>

#include "base/encode.h"
#include "vault/vault.h"

enum { STEPS = 16, FORM_MAX = 64 * 1024 };

const struct login_user *person_users(const char *fhir_user, size_t *ret_count)
{
	static char hash[VAULT_HASH_SIZE];
	static struct login_user users[2];
	struct error err = {0};
	if (!hash[0])
		must(vault_password_hash(S(PERSON_PASSWORD), hash, &err), &err);
	users[0] = (struct login_user){.name = S("clinician"),
				       .display = S("Dr. Anna Berg"),
				       .fhir_user = str_from(fhir_user),
				       .patients = S("*"),
				       .hash = str_from(hash)};
	*ret_count = 1;
	return users;
}

struct str url_parameter(struct world *w, struct str url, const char *name)
{
	struct str rest = url;
	str_split(&rest, '?');
	struct str value = face_value(rest, str_from(name));
	struct buf plain;
	if (!value.p)
		return STR_NULL;
	buf_init(&plain, 1 << 16);
	assert_true(decode_percent(&plain, value, true));
	struct str text = arena_str(&w->arena, buf_str(&plain));
	buf_done(&plain);
	return text;
}

/* ---- cookies ----------------------------------------------------------------------------------------------------- */

struct jar {
	struct str text; /* "a=1; b=2" */
};

static void keep_cookies(struct world *w, struct jar *jar, const struct http_answer *answer)
{
	for (size_t i = 0; i < answer->header_count; i++) {
		if (!str_eq_nocase(answer->headers[i].name, S("Set-Cookie")))
			continue;
		struct str rest = answer->headers[i].value, pair = str_split(&rest, ';');
		jar->text = arena_printf(&w->arena, "%.*s%s%.*s", STR_ARG(jar->text), jar->text.n ? "; " : "",
					 STR_ARG(pair));
	}
}

static struct http_answer fetch(struct world *w, struct jar *jar, struct str url, struct str form)
{
	const struct http_header headers[] = {{S("Accept"), S("text/html")},
					      {S("Cookie"), jar->text},
					      {S("Content-Type"), S("application/x-www-form-urlencoded")}};
	struct http_answer answer;
	struct error err = {0};
	must(http_call(w->client, &w->arena,
		       &(struct http_call){.method = form.p ? S("POST") : S("GET"),
					   .url = url,
					   .headers = headers,
					   .header_count = form.p ? 3 : 2,
					   .body = form},
		       &answer, &err),
	     &err);
	keep_cookies(w, jar, &answer);
	return answer;
}

/* ---- forms ------------------------------------------------------------------------------------------------------- */

static struct str attribute(struct str tag, const char *name)
{
	char text[40];
	int n = snprintf(text, sizeof(text), " %s=\"", name);
	size_t at = str_find(tag, str_make(text, (size_t)n));
	if (at == STR_NONE)
		return STR_NULL;
	struct str rest = str_slice(tag, at + (size_t)n, tag.n);
	return str_split(&rest, '"');
}

static void add(struct buf *form, struct str name, struct str value)
{
	if (form->n)
		buf_char(form, '&');
	encode_percent(form, name);
	buf_char(form, '=');
	encode_percent(form, value);
}

/* Entities of values that matter here. */
static struct str unescaped(struct world *w, struct str text)
{
	struct buf out;
	buf_init(&out, FORM_MAX);
	for (size_t i = 0; i < text.n; i++) {
		if (str_starts(str_slice(text, i, text.n), S("&amp;"))) {
			buf_char(&out, '&');
			i += 4;
		} else {
			buf_char(&out, text.p[i]);
		}
	}
	struct str plain = arena_str(&w->arena, buf_str(&out));
	buf_done(&out);
	return plain;
}

/* Hidden fields and ticked boxes of the page. */
static void add_fields(struct world *w, struct buf *form, struct str page)
{
	for (;;) {
		size_t at = str_find(page, S("<input "));
		if (at == STR_NONE)
			return;
		page = str_slice(page, at + 6, page.n);
		struct str rest = page, tag = str_split(&rest, '>'), type = attribute(tag, "type");
		if (str_is(type, "hidden") || (str_is(type, "checkbox") && str_find(tag, S(" checked")) != STR_NONE))
			add(form, attribute(tag, "name"), unescaped(w, attribute(tag, "value")));
	}
}

static struct str filled(struct world *w, const struct person *p, struct str page, struct str action)
{
	struct buf form;
	buf_init(&form, FORM_MAX);
	add_fields(w, &form, page);
	if (str_ends(action, S("/auth/login"))) {
		add(&form, S("user"), str_from(p->user));
		add(&form, S("password"), S(PERSON_PASSWORD));
	} else if (str_ends(action, S("/auth/pick"))) {
		add(&form, S("patient"), str_from(p->patient ? p->patient : ""));
	} else {
		add(&form, S("answer"), p->refuses ? S("cancel") : S("allow"));
	}
	struct str text = arena_str(&w->arena, buf_str(&form));
	buf_done(&form);
	return text;
}

struct ended person_opens(struct world *w, const struct person *p, struct str url)
{
	struct jar jar = {S("")};
	struct str form = STR_NULL;
	for (int i = 0; i < STEPS; i++) {
		struct http_answer answer = fetch(w, &jar, url, form);
		struct str location = http_answer_header(&answer, "Location");
		if (location.p) {
			url = str_starts(location, S("/"))
				      ? arena_printf(&w->arena, "%.*s%.*s", STR_ARG(w->host), STR_ARG(location))
				      : location;
			form = STR_NULL;
			if (!str_starts(url, w->host))
				return (struct ended){.url = url, .status = answer.status};
			continue;
		}
		size_t at = str_find(answer.body, S("<form method=\"post\""));
		struct str tag = at == STR_NONE ? STR_NULL : str_slice(answer.body, at, answer.body.n);
		struct str action = tag.p ? attribute(str_split(&tag, '>'), "action") : STR_NULL;
		if (!action.p || answer.status != 200)
			return (struct ended){.status = answer.status, .page = answer.body};
		form = filled(w, p, answer.body, action);
		url = arena_printf(&w->arena, "%.*s%.*s", STR_ARG(w->host), STR_ARG(action));
	}
	fail_msg("the pages do not end");
	return (struct ended){0};
}

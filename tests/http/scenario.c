/* Reading and running scenario files; see scenario.h for the language. */
#include "scenario.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/random.h"
#include "fhir/xml.h"

enum { MAX_VARIABLES = 32, MAX_HEADERS = 16, UNTIL_TRIES = 1000, UNTIL_PAUSE_NS = 20000000 };

struct variable {
	struct str name, value;
};

struct scene {
	struct scenario_run *run;
	struct arena *arena;
	struct str path, title;
	size_t line;
	struct variable variables[MAX_VARIABLES];
	size_t variable_count;
	bool failed, skipped;
	bool quiet, missed; /* an expectation is only tried */
	struct http_call last; /* what was asked, to be asked again; without a body */
	struct http_answer answer;
	const struct json *json;
};

static void complain(struct scene *s, const char *what, struct str detail)
{
	s->missed = true;
	if (s->quiet)
		return;
	if (!s->failed)
		printf("FAIL %.*s:%zu: %.*s\n", STR_ARG(s->path), s->line, STR_ARG(s->title));
	printf("     line %zu: %s: %.*s\n", s->line, what, STR_ARG(str_slice(detail, 0, 400)));
	s->failed = true;
}

static void set_variable(struct scene *s, struct str name, struct str value)
{
	for (size_t i = 0; i < s->variable_count; i++) {
		if (str_eq(s->variables[i].name, name)) {
			s->variables[i].value = value;
			return;
		}
	}
	if (s->variable_count < MAX_VARIABLES)
		s->variables[s->variable_count++] = (struct variable){name, value};
	else
		complain(s, "too many variables", name);
}

static struct str variable_value(struct scene *s, struct str name)
{
	if (str_starts(name, S("token:"))) {
		if (s->run->token)
			return s->run->token(s->run->ctx, s->arena, str_slice(name, 6, name.n));
		s->skipped = true;
		return S("");
	}
	if (str_is(name, "base"))
		return s->run->base;
	for (size_t i = 0; i < s->variable_count; i++)
		if (str_eq(s->variables[i].name, name))
			return s->variables[i].value;
	complain(s, "unknown variable", name);
	return S("");
}

static struct str expand(struct scene *s, struct str text)
{
	struct buf out;
	buf_init(&out, (size_t)256 << 20);
	for (size_t i = 0; i < text.n;) {
		struct str rest = str_slice(text, i, text.n);
		size_t end = str_starts(rest, S("${")) ? str_find_char(text, '}', i) : STR_NONE;
		if (end == STR_NONE) {
			buf_char(&out, text.p[i++]);
		} else {
			buf_add(&out, variable_value(s, str_slice(text, i + 2, end)));
			i = end + 1;
		}
	}
	struct str result = arena_str(s->arena, buf_str(&out));
	buf_done(&out);
	return result;
}

/* ---- requests -------------------------------------------------------------------------------------------------------
 */

static void add_repeated(struct buf *out, struct str text, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		buf_add(out, text);
}

static void add_hex(struct buf *out, struct str digits)
{
	for (size_t i = 0; i + 1 < digits.n; i += 2) {
		unsigned byte = 0;
		char pair[3] = {digits.p[i], digits.p[i + 1], 0};
		if (sscanf(pair, "%2x", &byte) == 1)
			buf_char(out, (char)byte);
	}
}

/* Plain lines are joined by line ends; what @ adds stands where it is, so it may be in the middle of a string. */
static void add_body_line(struct scene *s, struct buf *body, struct str line, bool *after_plain)
{
	bool plain = !line.n || line.p[0] != '@';
	if (plain && *after_plain)
		buf_char(body, '\n');
	*after_plain = plain;
	uint64_t count = 0;
	struct str number = str_slice(line, str_find_char(line, ' ', 0), line.n);
	(void)str_to_u64(str_trim(number), &count);
	if (str_starts(line, S("@nest "))) {
		add_repeated(body, S("["), count);
		add_repeated(body, S("]"), count);
	} else if (str_starts(line, S("@spaces "))) {
		add_repeated(body, S(" "), count);
	} else if (str_starts(line, S("@hex "))) {
		add_hex(body, str_trim(number));
	} else {
		buf_add(body, expand(s, line));
	}
}

static struct str next_line(struct str *rest, size_t *number)
{
	struct str line = str_split(rest, '\n');
	(*number)++;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is_request_line(struct str rest)
{
	return rest.p && rest.n && rest.p[0] == '>';
}

struct request {
	struct http_call call;
	struct http_header headers[MAX_HEADERS];
	struct buf body;
};

static void read_header(struct scene *s, struct request *r, struct str line)
{
	struct str value = line, name = str_split(&value, ':');
	if (!value.p || r->call.header_count == MAX_HEADERS) {
		complain(s, "not a header", line);
		return;
	}
	r->headers[r->call.header_count++] = (struct http_header){name, str_trim(value)};
}

static bool has_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->call.header_count; i++)
		if (str_eq_nocase(r->headers[i].name, str_from(name)))
			return true;
	return false;
}

/* From the line after the request line to the first line that is none of the request's. */
static void read_request(struct scene *s, struct request *r, struct str first, struct str *rest, size_t *number)
{
	struct str url = first, method = str_split(&url, ' ');
	bool in_body = false, after_plain = false;
	r->call.method = method;
	url = expand(s, str_trim(url));
	r->call.url = str_starts(url, S("http"))
			      ? url
			      : arena_printf(s->arena, "%.*s%.*s", STR_ARG(s->run->base), STR_ARG(url));
	while (is_request_line(*rest)) {
		struct str line = next_line(rest, number);
		line = str_slice(line, line.n > 1 && line.p[1] == ' ' ? 2 : 1, line.n);
		if (!in_body && !line.n)
			in_body = true;
		else if (in_body)
			add_body_line(s, &r->body, line, &after_plain);
		else
			read_header(s, r, expand(s, line));
	}
	if (in_body && !has_header(r, "Content-Type"))
		read_header(s, r, S("Content-Type: application/fhir+json"));
	r->call.headers = r->headers;
	r->call.body = in_body ? buf_str(&r->body) : STR_NULL;
}

/* A FHIR resource must be a valid one, by the profiles that it claims as well. */
static void check_resource(struct scene *s, const struct json *resource)
{
	/* References may go to what is not there. */
	static const struct validation_options options = {.unresolved_unchecked = true};
	struct issues findings;
	struct error err = {0};
	issues_init(&findings, s->arena);
	if (!validate_resource(s->run->validator, s->arena, resource, &options, &findings, &err))
		complain(s, "the answer could not be validated", str_from(err.text));
	for (const struct issue *i = findings.first; i; i = i->next)
		/* Examples claim profiles that nobody has. */
		if ((i->severity == ISSUE_FATAL || i->severity == ISSUE_ERROR) &&
		    str_find(i->text, S("was not checked: it is not at hand")) == STR_NONE)
			complain(s, "the answer is not valid FHIR",
				 arena_printf(s->arena, "%.*s: %.*s", STR_ARG(i->path), STR_ARG(i->text)));
}

/* What is written as XML is read again with all its findings. */
static void check_xml(struct scene *s)
{
	struct issues findings;
	struct error err = {0};
	issues_init(&findings, s->arena);
	const struct json *resource =
		xml_read_resource(s->arena, definitions_builtin(), s->answer.body, &findings, &err);
	for (const struct issue *i = findings.first; i; i = i->next)
		complain(s, "the answer is not XML of FHIR", i->text);
	if (!resource)
		complain(s, "the answer is not XML", str_from(err.text));
	else
		check_resource(s, resource);
}

/* Everything that claims to be a FHIR resource must be a valid one. */
static void check_answer(struct scene *s)
{
	struct error err = {0};
	bool fhir = str_starts(s->answer.content_type, S("application/fhir+json"));
	bool json = fhir || str_find(s->answer.content_type, S("json")) != STR_NONE;
	s->json = json && s->answer.body.n ? json_parse(s->arena, s->answer.body, 0, &err) : NULL;
	if (err.code)
		complain(s, "the answer is not JSON", str_from(err.text));
	if (!http_answer_header(&s->answer, "X-Request-Id").p)
		complain(s, "the answer has no X-Request-Id", S(""));
	if (!s->run->validator || !s->answer.body.n)
		return;
	if (str_starts(s->answer.content_type, S("application/fhir+xml")))
		check_xml(s);
	else if (fhir && s->json)
		check_resource(s, s->json);
}

static void send_request(struct scene *s, struct str first, struct str *rest, size_t *number)
{
	struct request r = {0};
	struct error err = {0};
	buf_init(&r.body, (size_t)256 << 20);
	read_request(s, &r, first, rest, number);
	s->answer = (struct http_answer){0};
	s->json = NULL;
	if (!s->skipped && !s->failed) {
		if (http_call(s->run->client, s->arena, &r.call, &s->answer, &err))
			check_answer(s);
		else
			complain(s, "no answer", str_from(err.text));
	}
	s->last = r.call;
	s->last.body = STR_NULL;
	struct http_header *headers = ARENA_ARRAY(s->arena, struct http_header, MAX_HEADERS);
	memcpy(headers, r.headers, sizeof(r.headers));
	s->last.headers = headers;
	buf_done(&r.body);
}

/* ---- expectations
 * ---------------------------------------------------------------------------------------------------- */

/* $.entry[0].resource.id */
static const struct json *walk(const struct json *j, struct str path)
{
	struct str rest = str_slice(path, 2, path.n);
	while (j && rest.p && rest.n) {
		struct str part = str_split(&rest, '.'), index = part, name = str_split(&index, '[');
		uint64_t at;
		j = name.n ? json_get(j, name) : j;
		while (index.p) {
			struct str digits = str_split(&index, '[');
			j = str_to_u64(str_slice(digits, 0, digits.n - 1), &at) ? json_at(j, (size_t)at) : NULL;
		}
	}
	return j;
}

static struct str value_text(const struct json *j)
{
	if (json_is(j, JSON_BOOL))
		return json_bool(j) ? S("true") : S("false");
	return json_is(j, JSON_NUMBER) ? json_number(j) : json_str(j);
}

/* One fact about a value that is there or not (text.p NULL). */
static void check_fact(struct scene *s, struct str line, struct str text, size_t size, bool present, struct str fact)
{
	struct str value = fact, verb = str_split(&value, ' ');
	uint64_t wanted;
	value = value.p ? expand(s, value) : S("");
	bool ok;
	if (str_is(verb, "="))
		ok = text.p && str_eq(text, value);
	else if (str_is(verb, "~"))
		ok = text.p && str_find(text, value) != STR_NONE;
	else if (str_is(verb, "!~"))
		ok = !text.p || str_find(text, value) == STR_NONE;
	else if (str_is(verb, "absent"))
		ok = !present;
	else if (str_is(verb, "present"))
		ok = present;
	else if (str_is(verb, "empty"))
		ok = text.n == 0;
	else if (str_is(verb, "size"))
		ok = str_to_u64(value, &wanted) && wanted == size;
	else if (str_is(verb, "->") && (ok = text.p != NULL))
		set_variable(s, value, text);
	else
		ok = false;
	if (!ok) {
		complain(s, "not so", line);
		complain(s, "but", text.p ? text : present ? S("another type of value") : S("absent"));
		complain(s, "answer", s->answer.body);
	}
}

static void check_expectation(struct scene *s, struct str line);

/* Asks again until it is so. */
static void check_until(struct scene *s, struct str line)
{
	for (int tries = 0; tries < UNTIL_TRIES; tries++) {
		struct error err = {0};
		s->quiet = true;
		s->missed = false;
		check_expectation(s, line);
		s->quiet = false;
		if (!s->missed)
			return;
		nanosleep(&(struct timespec){.tv_nsec = UNTIL_PAUSE_NS}, NULL);
		if (!http_call(s->run->client, s->arena, &s->last, &s->answer, &err)) {
			complain(s, "no answer", str_from(err.text));
			return;
		}
		check_answer(s);
	}
	check_expectation(s, line);
}

static void check_expectation(struct scene *s, struct str line)
{
	uint64_t status;
	struct str fact = line, name = str_split(&fact, ' ');
	if (s->failed || s->skipped)
		return;
	if (str_starts(line, S("until "))) {
		check_until(s, str_slice(line, 6, line.n));
	} else if (str_to_u64(line, &status)) {
		if ((uint64_t)s->answer.status != status) {
			complain(s, "the status is not", line);
			complain(s, "but",
				 arena_printf(s->arena, "%d %.*s", s->answer.status, STR_ARG(s->answer.body)));
		}
	} else if (str_starts(name, S("$."))) {
		const struct json *j = walk(s->json, name);
		check_fact(s, line, value_text(j), json_size(j), j != NULL, fact);
	} else if (str_is(name, "body")) {
		check_fact(s, line, s->answer.body, s->answer.body.n, s->answer.body.n > 0, fact);
	} else if (name.n && name.p[name.n - 1] == ':') {
		struct str key = arena_str(s->arena, str_slice(name, 0, name.n - 1));
		struct str text = http_answer_header(&s->answer, key.p);
		check_fact(s, line, text, text.n, text.p != NULL,
			   arena_printf(s->arena, "= %.*s", STR_ARG(str_trim(fact))));
	} else {
		struct str text = http_answer_header(&s->answer, arena_str(s->arena, name).p);
		check_fact(s, line, text, text.n, text.p != NULL, fact);
	}
}

/* ---- files
 * ------------------------------------------------------------------------------------------------------------ */

static void end_scene(struct scene *s)
{
	if (!s->title.p)
		return;
	if (s->failed)
		s->run->failed++;
	else if (s->skipped)
		s->run->skipped++;
	else
		s->run->passed++;
}

static void start_scene(struct scene *s, struct str title)
{
	char unique[UUID_SIZE];
	end_scene(s);
	s->title = str_trim(title);
	s->failed = s->skipped = false;
	s->variable_count = 0;
	random_uuid(unique);
	set_variable(s, S("unique"), arena_str(s->arena, str_make(unique, sizeof(unique))));
}

bool scenario_run_file(struct scenario_run *run, struct str path, struct error *err)
{
	struct arena a;
	struct str text;
	arena_init(&a, (size_t)2 << 30);
	struct scene *s = ARENA_NEW(&a, struct scene);
	if (!s || !file_read(&a, path, 1 << 20, &text, err)) {
		arena_done(&a);
		return false;
	}
	*s = (struct scene){.run = run, .arena = &a, .path = path};
	for (struct str rest = text; rest.p;) {
		struct str line = next_line(&rest, &s->line);
		if (str_starts(line, S("== ")))
			start_scene(s, str_slice(line, 3, line.n));
		else if (str_starts(line, S("> ")))
			send_request(s, str_slice(line, 2, line.n), &rest, &s->line);
		else if (str_starts(line, S("< ")))
			check_expectation(s, str_slice(line, 2, line.n));
		else if (line.n && line.p[0] != '#')
			complain(s, "not understood", line);
	}
	end_scene(s);
	arena_done(&a);
	return true;
}

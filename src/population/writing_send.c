/*
 * One write on its way. Look into the ledger, look at the EHR, note what is about to happen, write, read back, compare,
 * note what happened:
 *
 * - The same content goes to the same EHR once. A create whose answer was lost is looked for among the patient's
 *   resources before it is sent again, by this run or a later one.
 * - An update names the version that was read. Where there are none the content is read twice, the second time right
 *   before the write; the moment between is unguarded, and the outcome says so.
 * - What stood there before an update stays in the ledger, so that it can be written back.
 */
#include "population/writing_priv.h"

enum { QUERIES_MAX = 8, ENTRY_MAX = 15 << 20 };

struct sending {
	struct ehr_client *c;
	const struct ehr_config *config;
	struct store *store;
	const struct definitions *d;
	struct arena *a;
	const struct writing_step *step;
	const struct json *sent;
	int64_t now_ms;
	struct str key;
	struct writing_outcome *out;
	struct str former; /* what stood there before an update */
};

struct entry {
	bool exists, done;
	struct str id;
};

const char *writing_result_name(enum writing_result result)
{
	static const char *const names[] = {"created",	"updated", "deleted", "unchanged",
					    "conflict", "refused", "failed"};
	return names[result];
}

/* ---- the ledger -------------------------------------------------------------------------------------------------- */

static struct str ledger_key(struct sending *s)
{
	struct str whole = arena_printf(s->a, "%s|%.*s|%.*s|%.*s", writing_op_name(s->step->op), STR_ARG(s->step->type),
					STR_ARG(s->step->id), STR_ARG(s->step->body));
	struct str digest = whole.p ? digest_hex(s->a, whole) : STR_NULL;
	return digest.p ? arena_printf(s->a, "write/%.*s/%.*s", STR_ARG(s->config->name), STR_ARG(digest)) : STR_NULL;
}

static bool ledger_get(struct sending *s, struct entry *ret, struct error *err)
{
	struct str value;
	*ret = (struct entry){.id = STR_NULL};
	if (!s->key.p)
		return error_memory(err);
	if (!store_fact_get(s->store, s->a, S("ledger"), s->key, &value, err))
		return false;
	if (!value.p)
		return true;
	const struct json *j = json_parse(s->a, value, 0, err);
	if (!j)
		return error_context(err, "The ledger of writes");
	ret->exists = true;
	ret->done = str_is(json_get_str(j, S("state")), "done");
	ret->id = json_get_str(j, S("id"));
	return true;
}

static bool ledger_put(struct sending *s, const char *state, struct error *err)
{
	struct buf out;
	buf_init(&out, ENTRY_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("state"), str_from(state));
	json_put_member(&w, S("op"), str_from(writing_op_name(s->step->op)));
	json_put_member(&w, S("type"), s->step->type);
	json_put_member(&w, S("id"), s->out->id.p ? s->out->id : s->step->id);
	json_put_member(&w, S("version"), s->out->version);
	json_key(&w, S("at"));
	json_put_i64(&w, s->now_ms);
	json_put_member(&w, S("undo"), str_from(s->out->undo));
	json_put_member(&w, S("former"), s->former);
	json_object_end(&w);
	const struct store_fact fact = {.shelf = S("ledger"), .key = s->key, .value = buf_str(&out)};
	bool ok = buf_ok(&out) ? store_fact_put(s->store, &fact, err)
			       : error_set(err, ERR_LIMIT, "The resource is too large for the ledger");
	buf_done(&out);
	return ok;
}

static bool ledger_forget(struct sending *s, struct error *err)
{
	const struct store_fact fact = {.shelf = S("ledger"), .key = s->key, .value = STR_NULL};
	return store_fact_put(s->store, &fact, err);
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

static void say(struct sending *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct sending *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(s->a, format, args);
	va_end(args);
	s->out->problem =
		s->out->problem.p ? arena_printf(s->a, "%.*s; %.*s", STR_ARG(s->out->problem), STR_ARG(text)) : text;
}

static void fail(struct sending *s, const struct ehr_failure *f)
{
	enum error_code code = f->error.code;
	bool conflict = code == ERR_CONFLICT || code == ERR_PRECONDITION;
	bool refused =
		code == ERR_REMOTE_REFUSED || code == ERR_NOT_SUPPORTED || code == ERR_NOT_FOUND || code == ERR_GONE;
	s->out->result = conflict ? WRITING_CONFLICT : refused ? WRITING_REFUSED : WRITING_FAILED;
	say(s, "%s", f->error.text);
}

/* Reads what stands there and tells the differences. False when it cannot be read. */
static bool read_back(struct sending *s, struct str id)
{
	struct ehr_resource shown;
	struct ehr_failure f = {0};
	struct error err = {0};
	if (!ehr_read(s->c, s->a, s->step->type, id, &shown, &f)) {
		say(s, "It was written, but could not be read back: %s", f.error.text);
		return false;
	}
	s->out->version = shown.version;
	s->out->read_back =
		writing_compare(s->d, s->config->vendor, s->a, s->sent, shown.resource, &s->out->differences, &err);
	return s->out->read_back;
}

static bool finish(struct sending *s, enum writing_result result, struct str id, struct error *err)
{
	s->out->result = result;
	s->out->id = id;
	read_back(s, id);
	if (!ledger_put(s, "done", err)) {
		say(s, "It was written, but the ledger could not be: %s", err->text);
		error_clear(err);
	}
	return true;
}

/* ---- looking for a create whose answer was lost ------------------------------------------------------------------ */

static struct str patient_of(struct sending *s)
{
	const struct json *subject = json_get(s->sent, S("subject"));
	struct str text = json_get_str(subject ? subject : json_get(s->sent, S("patient")), S("reference"));
	struct reference ref = reference_parse(s->d, text);
	return str_is(ref.type, "Patient") ? ref.id : STR_NULL;
}

/* *ret_id stays STR_NULL when it is not there. False when that cannot be told. */
static bool look(struct sending *s, struct str *ret_id)
{
	struct str queries[QUERIES_MAX], patient = patient_of(s);
	*ret_id = STR_NULL;
	if (!patient.p)
		return false;
	size_t count = ehr_pull_queries(s->config->vendor, s->a, s->step->type, patient, queries, QUERIES_MAX);
	bool all = count > 0;
	for (size_t i = 0; i < count && !ret_id->p; i++) {
		struct ehr_matches matches;
		struct ehr_failure f = {0};
		if (!ehr_search(s->c, s->a, s->step->type, queries[i], &matches, &f)) {
			all = false;
			continue;
		}
		all = all && !matches.incomplete;
		for (size_t m = 0; m < matches.count && !ret_id->p; m++) {
			struct writing_differences differences;
			struct error err = {0};
			if (writing_compare(s->d, s->config->vendor, s->a, s->sent, matches.items[m].resource,
					    &differences, &err) &&
			    !differences.surprising)
				*ret_id = matches.items[m].id;
		}
	}
	return all || ret_id->p;
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

/* Was it written by an earlier run? *ret_done: there is nothing more to do. */
static bool recall(struct sending *s, bool *ret_done, struct error *err)
{
	struct entry entry;
	*ret_done = false;
	if (!ledger_get(s, &entry, err))
		return false;
	if (!entry.exists)
		return true;
	if (entry.done) {
		struct ehr_resource shown;
		struct ehr_failure f = {0};
		bool there = ehr_read(s->c, s->a, s->step->type, entry.id, &shown, &f);
		bool gone = !there && (f.error.code == ERR_NOT_FOUND || f.error.code == ERR_GONE);
		if (gone)
			return true; /* it was taken away since, and is wanted again */
		*ret_done = true;
		s->out->id = entry.id;
		if (!there) {
			fail(s, &f);
			return true;
		}
		return finish(s, WRITING_UNCHANGED, entry.id, err);
	}
	struct str id;
	if (!look(s, &id)) {
		*ret_done = true;
		s->out->result = WRITING_FAILED;
		say(s,
		    "An earlier write of it was not answered, and whether it arrived cannot be told; nothing was sent");
		return true;
	}
	if (!id.p)
		return true;
	*ret_done = true;
	say(s, "An earlier write of it was not answered, but had arrived");
	return finish(s, WRITING_CREATED, id, err);
}

static bool answer_lost(struct sending *s, const struct ehr_failure *f, struct error *err)
{
	struct str id;
	if (look(s, &id) && id.p) {
		say(s, "The answer was lost, but it arrived");
		return finish(s, WRITING_CREATED, id, err);
	}
	fail(s, f);
	say(s, "whether it arrived will be looked for before it is sent again");
	return true;
}

static bool create(struct sending *s, struct error *err)
{
	struct ehr_written written;
	struct ehr_failure f = {0};
	bool done;
	if (!recall(s, &done, err))
		return false;
	if (done)
		return true;
	if (!ledger_put(s, "sending", err))
		return false;
	if (!ehr_create(s->c, s->a, s->step->type, s->step->body, &written, &f)) {
		if (f.http_status == 0 || f.retryable)
			return answer_lost(s, &f, err);
		fail(s, &f);
		return ledger_forget(s, err);
	}
	if (!written.id.p && (!look(s, &written.id) || !written.id.p)) {
		s->out->result = WRITING_CREATED;
		say(s, "The EHR says that it took it, but not where, and shows none");
		return true;
	}
	s->out->version = written.version;
	return finish(s, WRITING_CREATED, written.id, err);
}

/* ---- update ------------------------------------------------------------------------------------------------------ */

static bool conflict(struct sending *s, const char *text)
{
	s->out->result = WRITING_CONFLICT;
	say(s, "%s", text);
	return true;
}

static bool says_so_already(struct sending *s, const struct json *shown)
{
	struct writing_differences differences;
	struct error err = {0};
	if (!writing_compare(s->d, s->config->vendor, s->a, s->sent, shown, &differences, &err))
		return false;
	for (size_t i = 0; i < differences.count; i++)
		if (differences.items[i].change != WRITING_ADDED)
			return false;
	return true;
}

static void put_operation(struct json_writer *w, struct arena *a, struct str member, bool there,
			  const struct json *value)
{
	json_object_begin(w);
	json_put_member(w, S("op"), there ? S("replace") : S("add"));
	json_put_member(w, S("path"), arena_printf(a, "/%.*s", STR_ARG(member)));
	json_key(w, S("value"));
	json_put_value(w, value);
	json_object_end(w);
}

/* "Encounter.type[0].text" is about type. */
static struct str member_of(struct str path, struct str type)
{
	struct str rest = str_slice(path, type.n + 1, path.n);
	struct str member = str_split(&rest, '.');
	return str_split(&member, '[');
}

/* The patch that makes what stands there say what the file says; STR_NULL when it would change what the vendor lets
 * nobody patch. */
static struct str patch_of(struct sending *s, const struct json *shown)
{
	struct writing_differences differences;
	struct error err = {0};
	struct buf out;
	bool allowed = writing_compare(s->d, s->config->vendor, s->a, s->sent, shown, &differences, &err);
	struct str last = STR_NULL;
	buf_init(&out, ENTRY_MAX);
	struct json_writer w = json_writer(&out);
	json_array_begin(&w);
	for (size_t i = 0; allowed && i < differences.count; i++) {
		struct str member = member_of(differences.items[i].path, s->step->type);
		if (differences.items[i].change == WRITING_ADDED || str_eq(member, last))
			continue;
		last = member;
		allowed = writing_may_patch(s->config->vendor, s->step->type, member);
		if (allowed)
			put_operation(&w, s->a, member, json_get(shown, member) != NULL, json_get(s->sent, member));
		else
			say(s, "%.*s of %.*s cannot be changed by a patch there", STR_ARG(member),
			    STR_ARG(s->step->type));
	}
	json_array_end(&w);
	struct str patch = allowed && buf_ok(&out) ? arena_str(s->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return patch;
}

static bool write_change(struct sending *s, struct str patch, struct str version, struct ehr_failure *f)
{
	const struct writing_step *step = s->step;
	struct ehr_written written;
	return patch.p ? ehr_patch(s->c, s->a, step->type, step->id, patch, version, &written, f)
		       : ehr_update(s->c, s->a, step->type, step->id, step->body, version, &written, f);
}

static bool update(struct sending *s, struct error *err)
{
	struct ehr_resource before, again;
	struct str patch = STR_NULL;
	struct ehr_failure f = {0};
	s->out->id = s->step->id;
	if (!ehr_read(s->c, s->a, s->step->type, s->step->id, &before, &f)) {
		fail(s, &f);
		return true;
	}
	s->out->version = before.version;
	if (says_so_already(s, before.resource)) {
		s->out->result = WRITING_UNCHANGED;
		s->out->read_back = true;
		return true;
	}
	if (s->step->version.p && before.version.p && !str_eq(s->step->version, before.version))
		return conflict(s, "It was changed at the EHR since the version that the file was made from");
	if (s->step->op == WRITING_PATCH) {
		patch = s->step->patch.p ? s->step->patch : patch_of(s, before.resource);
		s->out->result = WRITING_REFUSED;
		if (!patch.p)
			return true;
	}
	const char *kept =
		s->step->op == WRITING_UPDATE && !s->step->unchecked
			? writing_keeps(s->d, s->config->vendor, s->a, s->step->type, s->sent, before.resource)
			: NULL;
	if (kept) {
		s->out->result = WRITING_REFUSED;
		say(s, "Nothing was sent, since %s there", kept);
		return true;
	}
	s->former = before.body;
	s->out->guarded = before.version.p != NULL;
	if (!ledger_put(s, "sending", err))
		return false;
	if (!before.version.p) {
		if (!ehr_read(s->c, s->a, s->step->type, s->step->id, &again, &f)) {
			fail(s, &f);
			return ledger_forget(s, err);
		}
		if (!str_eq(before.body, again.body)) {
			conflict(s, "It changed at the EHR between reading and writing");
			return ledger_forget(s, err);
		}
	}
	if (!write_change(s, patch, before.version, &f)) {
		fail(s, &f);
		return f.http_status == 0 || f.retryable ? true : ledger_forget(s, err);
	}
	return finish(s, WRITING_UPDATED, s->step->id, err);
}

/* ---- delete ------------------------------------------------------------------------------------------------------ */

static bool remove_it(struct sending *s, struct error *err)
{
	struct ehr_resource before, after;
	struct ehr_written written;
	struct ehr_failure f = {0}, gone = {0};
	s->out->id = s->step->id;
	if (!ehr_read(s->c, s->a, s->step->type, s->step->id, &before, &f)) {
		fail(s, &f);
		return true;
	}
	s->former = before.body;
	s->out->guarded = before.version.p != NULL;
	if (!ledger_put(s, "sending", err))
		return false;
	if (!ehr_delete(s->c, s->a, s->step->type, s->step->id, before.version, &written, &f)) {
		fail(s, &f);
		return f.http_status == 0 || f.retryable ? true : ledger_forget(s, err);
	}
	s->out->result = WRITING_DELETED;
	bool shown = ehr_read(s->c, s->a, s->step->type, s->step->id, &after, &gone);
	s->out->read_back = !shown && (gone.error.code == ERR_NOT_FOUND || gone.error.code == ERR_GONE);
	if (shown)
		say(s, "the EHR says that it is deleted, but still shows it");
	if (!ledger_put(s, "done", err)) {
		say(s, "It was deleted, but the ledger could not be written: %s", err->text);
		error_clear(err);
	}
	return true;
}

bool writing_send(struct ehr_client *c, struct store *store, const struct definitions *d, struct arena *a,
		  const struct writing_step *step, int64_t now_ms, struct writing_outcome *ret_outcome,
		  struct error *err)
{
	const struct ehr_config *config = ehr_client_config(c);
	static const char *const undo[] = {[WRITING_UNDO_NONE] = "by people there",
					   [WRITING_UNDO_MARK] = "mark as entered in error",
					   [WRITING_UNDO_DELETE] = "delete"};
	*ret_outcome = (struct writing_outcome){.result = WRITING_FAILED,
						.id = STR_NULL,
						.version = STR_NULL,
						.problem = STR_NULL,
						.undo = step->op == WRITING_DELETE ? "create the former content again"
							: step->op != WRITING_CREATE
								? "write the former content"
								: undo[writing_undo(config->vendor, step->type)]};
	struct sending s = {.c = c,
			    .config = config,
			    .store = store,
			    .d = d,
			    .a = a,
			    .step = step,
			    .now_ms = now_ms,
			    .out = ret_outcome,
			    .former = STR_NULL};
	s.key = ledger_key(&s);
	bool has_body = step->op != WRITING_DELETE;
	s.sent = has_body ? json_parse(a, step->body, 0, err) : NULL;
	if (!s.key.p || (has_body && !s.sent))
		return error_memory(err);
	if (!has_body)
		return remove_it(&s, err);
	return step->op == WRITING_CREATE ? create(&s, err) : update(&s, err);
}

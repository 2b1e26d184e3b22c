/*
 * Bulk export as Epic does it: of Groups alone, a Group once in a day for a client, without _since, with progress in
 * words, error entries in good exports, and ids that are longer than FHIR allows.
 */
#include "base/clock.h"
#include "sandbox/bulk_priv.h"
#include "sandbox/epic_priv.h"

/* What follows makes an id longer than 64; reads look past it. */
#define LONG_MARK ".."
enum { LONG_ID = 110 };

/* ---- rules of the kick-off ----------------------------------------------------------------------------------------
 */

static struct str window_key(struct rest_call *call)
{
	return arena_printf(call->arena, "%.*s %.*s", STR_ARG(call->grant.client_id), STR_ARG(call->id));
}

/* The text is known, its status and code are not. */
static bool in_window(struct sandbox *s, struct rest_call *call, struct rest_answer *answer)
{
	struct str value = STR_NULL;
	struct error err = {0};
	if (!behaviour_number(s, BEHAVIOUR_BULK_WINDOW) ||
	    !store_fact_get(s->o.store, call->arena, S("bulk-window"), window_key(call), &value, &err) || !value.p)
		return false;
	bulk_refuse(
		answer, (int)behaviour_number(s, BEHAVIOUR_BULK_WINDOW_STATUS), "business-rule",
		S("Error processing Bulk Data Kickoff request: Request not allowed: The Client requested this Group "
		  "too recently."));
	return true;
}

bool epic_bulk(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	static const char *const unknown[] = {"_until", "_elements", "includeAssociatedData"};
	struct sandbox *s = ctx;
	if (in_window(s, call, answer))
		return false;
	if (face_has(call->query, S("_since")) && behaves(s, BEHAVIOUR_BULK_SINCE, "refuse")) {
		bulk_refuse(answer, 400, "not-supported", S("_since is not supported."));
		return false;
	}
	call->query = bulk_without(call->arena, call->query, "_since");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		call->query = bulk_without(call->arena, call->query, unknown[i]);
	call->lenient = true;
	return true;
}

static bool accepted(void *ctx, struct rest_call *call, struct error *err)
{
	struct sandbox *s = ((struct sandbox_bulk *)ctx)->s;
	int64_t seconds = behaviour_number(s, BEHAVIOUR_BULK_WINDOW);
	const struct store_fact fact = {.shelf = S("bulk-window"),
					.key = window_key(call),
					.value = S("1"),
					.expires_ms = clock_now_ms() + seconds * 1000};
	return !seconds || store_fact_put(s->o.store, &fact, err);
}

bool epic_bulk_exports(void *ctx, const struct fhir_type *type)
{
	return face_may(ctx, type->name, 'r') && !str_is(type->name, "Binary");
}

/* ---- looks ----------------------------------------------------------------------------------------------------------
 */

/* BulkRequest/JOB and BulkRequest/JOB/FILE; and ids of bulk files are those of reads with something behind. */
struct str epic_bulk_path(void *ctx, struct arena *a, struct str path)
{
	(void)ctx;
	struct str rest = bulk_below(path, S("BulkRequest/")), file = rest;
	size_t mark = str_find(path, S(LONG_MARK));
	if (rest.n) {
		struct str job = str_split(&file, '/');
		return file.p ? arena_printf(a, "_async/%.*s/files/%.*s", STR_ARG(job), STR_ARG(file))
			      : arena_printf(a, "_async/%.*s", STR_ARG(job));
	}
	return mark != STR_NONE && str_starts(path, S("Medication/")) ? str_slice(path, 0, mark) : path;
}

static struct str file_url(void *ctx, struct arena *a, struct str job, size_t number)
{
	struct sandbox *s = ((struct sandbox_bulk *)ctx)->s;
	if (s->faults[FAULT_FOREIGN_LINKS].on)
		return arena_printf(a, "http://foreign.invalid/BulkRequest/%.*s/%zu", STR_ARG(job), number);
	return arena_printf(a, "%.*s/BulkRequest/%.*s/%zu", STR_ARG(s->fhir_base), STR_ARG(job), number);
}

void epic_bulk_job(void *ctx, struct rest_call *call, const struct job_state *state, struct rest_answer *answer)
{
	(void)ctx;
	(void)call;
	if (!state || state->phase > JOB_RUNNING)
		return;
	struct str progress = face_header_of(answer, "X-Progress");
	answer->header_count = 0; /* no Retry-After */
	rest_answer_header(answer, "X-Progress", progress);
}

static struct str progress(void *ctx, struct arena *a, uint64_t resources)
{
	(void)ctx;
	return arena_printf(a, "%llu ids processed", (unsigned long long)resources);
}

bool epic_bulk_file(void *ctx, struct rest_call *call, size_t number, struct rest_answer *answer)
{
	(void)call;
	(void)number;
	if (!fault_take(ctx, FAULT_BULK_LINKS))
		return true;
	bulk_refuse(answer, 404, "not-found", S("The file is not available any more."));
	return false;
}

/* Of a client that may not see all kinds of Conditions, even when everything else went well. */
static void errors(void *ctx, struct rest_export *e, struct buf *out)
{
	(void)ctx;
	if (str_find(rest_export_request(e), S("_type=")) == STR_NONE ||
	    str_find(rest_export_request(e), S("Condition")) != STR_NONE)
		buf_add(out,
			S("{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"warning\",\"code\":"
			  "\"suppressed\",\"details\":{\"coding\":[{\"system\":\"" EPIC_OID
			  "2.657369\",\"code\":\"59204\"}],\"text\":\"The client is not authorized for some kinds of "
			  "Condition; they are left out.\"}}]}\n"));
}

/* ---- ids that are too long ----------------------------------------------------------------------------------------
 */

static void put_long(struct buf *out, struct str id)
{
	buf_add(out, id);
	buf_add(out, S(LONG_MARK));
	for (size_t n = id.n + 2; n < LONG_ID; n++)
		buf_char(out, id.n ? id.p[n % id.n] : '0');
}

/* Ids of Medications, where they stand and where they are referred to. */
struct str epic_bulk_line(struct sandbox *s, struct arena *a, const struct fhir_type *type, struct str text)
{
	struct buf out;
	struct str own = S("\"id\":\""), link = S("\"reference\":\"Medication/");
	if (behaves(s, BEHAVIOUR_BULK_IDS, "short"))
		return text;
	buf_init(&out, (size_t)64 << 20);
	bool is_one = str_is(type->name, "Medication");
	for (;;) {
		size_t at = is_one ? str_find(text, own) : str_find(text, link);
		if (at == STR_NONE)
			break;
		at += is_one ? own.n : link.n;
		buf_add(&out, str_slice(text, 0, at));
		text = str_slice(text, at, text.n);
		size_t end = str_find_char(text, '"', 0);
		put_long(&out, str_slice(text, 0, end));
		text = str_slice(text, end, text.n);
		is_one = false; /* only its own; inner ones are of other elements */
	}
	buf_add(&out, text);
	struct str line = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return line;
}

void epic_bulk_settle(struct sandbox_bulk *b)
{
	b->export.file_url = file_url;
	b->export.accepted = accepted;
	b->export.errors = errors;
	b->export.progress = progress;
	b->export.no_counts = true;
}

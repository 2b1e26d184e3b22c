/*
 * The bytes that the audit chain hashes, and copies of events for the queue. The encoding is fixed for ever: a store
 * written today has to verify in twenty years, whatever backend holds it.
 */
#include "store/store_priv.h"

#include "jose/jose.h"

static void add_i64(struct buf *out, int64_t value)
{
	char bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)((uint64_t)value >> (56 - 8 * i));
	buf_add(out, str_make(bytes, sizeof(bytes)));
}

/* Length first; -1 tells that there is no text at all, as opposed to an empty one. */
static void add_text(struct buf *out, struct str text)
{
	add_i64(out, text.p ? (int64_t)text.n : -1);
	if (text.p)
		buf_add(out, text);
}

bool audit_hash(struct buf *scratch, const unsigned char before[32], const struct audit_row *row,
		unsigned char ret_hash[32])
{
	const struct audit_event *e = &row->event;
	buf_reset(scratch);
	buf_add(scratch, str_make((const char *)before, 32));
	add_i64(scratch, row->number);
	add_i64(scratch, row->time_ms);
	add_i64(scratch, e->action);
	add_text(scratch, e->interaction);
	add_i64(scratch, e->outgoing);
	add_i64(scratch, e->outcome);
	add_i64(scratch, e->http_status);
	add_text(scratch, e->agent);
	add_text(scratch, e->address);
	add_text(scratch, e->request_id);
	add_text(scratch, e->type);
	add_text(scratch, e->id);
	add_i64(scratch, e->version);
	add_text(scratch, e->query);
	add_text(scratch, e->patient);
	add_text(scratch, e->detail);
	if (!buf_ok(scratch))
		return false;
	digest_sha256(buf_str(scratch), ret_hash);
	return true;
}

bool audit_next(struct audit_head *head, struct buf *scratch, int64_t time_ms, const struct audit_event *event,
		struct audit_row *ret_row, struct error *err)
{
	struct audit_row row = {.number = head->count + 1, .time_ms = time_ms, .event = *event};
	if (!audit_hash(scratch, head->hash, &row, row.hash))
		return error_memory(err);
	head->count = row.number;
	memcpy(head->hash, row.hash, sizeof(row.hash));
	*ret_row = row;
	return true;
}

bool audit_check(struct audit_head *seen, struct buf *scratch, const struct audit_row *row, bool formed,
		 struct error *err)
{
	unsigned char hash[32];
	if (row->number != seen->count + 1)
		return error_set(err, ERR_CHAIN, "Audit row %lld is missing", (long long)seen->count + 1);
	if (!audit_hash(scratch, seen->hash, row, hash))
		return error_memory(err);
	if (!formed || memcmp(hash, row->hash, sizeof(hash)) != 0)
		return error_set(err, ERR_CHAIN, "Audit row %lld was changed, or a row before it inserted or removed",
				 (long long)row->number);
	seen->count = row->number;
	memcpy(seen->hash, hash, sizeof(hash));
	return true;
}

bool audit_check_end(const struct audit_head *seen, const struct audit_head *head, struct error *err)
{
	if (seen->count < head->count)
		return error_set(err, ERR_CHAIN, "Audit row %lld and all after it are missing",
				 (long long)seen->count + 1);
	if (seen->count > head->count)
		return error_set(err, ERR_CHAIN, "Audit row %lld was inserted", (long long)head->count + 1);
	if (memcmp(seen->hash, head->hash, sizeof(head->hash)) != 0)
		return error_set(err, ERR_CHAIN, "The audit chain was written anew: its head has another hash");
	return true;
}

/* Every text field of an event, so that no loop forgets one. */
static struct str *text_field(struct audit_event *e, size_t i)
{
	struct str *fields[] = {&e->interaction, &e->agent, &e->address, &e->request_id, &e->type,
				&e->id,		 &e->query, &e->patient, &e->detail};
	return i < sizeof(fields) / sizeof(fields[0]) ? fields[i] : NULL;
}

struct audit_event *audit_copy(struct arena *a, const struct audit_event *events, size_t count)
{
	struct audit_event *copies = ARENA_ARRAY(a, struct audit_event, count);
	if (!copies)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		copies[i] = events[i];
		struct str *field;
		for (size_t j = 0; (field = text_field(&copies[i], j)); j++) {
			if (!field->p)
				continue;
			*field = arena_str(a, *field);
			if (!field->p)
				return NULL;
		}
	}
	return copies;
}

struct audit_event *audit_pack(void *memory, const struct audit_event *events, size_t count)
{
	struct audit_event *copies = memory;
	char *text = (char *)(copies + count);
	for (size_t i = 0; i < count; i++) {
		copies[i] = events[i];
		struct str *field;
		for (size_t j = 0; (field = text_field(&copies[i], j)); j++) {
			if (!field->p)
				continue;
			if (field->n)
				memcpy(text, field->p, field->n);
			field->p = text;
			text += field->n;
		}
	}
	return copies;
}

size_t audit_weight(const struct audit_event *event)
{
	return sizeof(*event) + event->interaction.n + event->agent.n + event->address.n + event->request_id.n +
	       event->type.n + event->id.n + event->query.n + event->patient.n + event->detail.n;
}

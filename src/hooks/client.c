/* Drafts, feedback, claims and addresses of a client. */
#include "hooks/client.h"

#include "base/clock.h"

/* ---- feedback ---------------------------------------------------------------------------------------------------- */

static void put_reason(struct json_writer *w, const struct hook_outcome *o)
{
	json_key(w, S("overrideReason"));
	json_object_begin(w);
	if (o->reason) {
		json_key(w, S("reason"));
		json_object_begin(w);
		json_put_member(w, S("code"), json_get_str(o->reason, S("code")));
		json_put_member(w, S("system"), json_get_str(o->reason, S("system")));
		json_put_member(w, S("display"), json_get_str(o->reason, S("display")));
		json_object_end(w);
	}
	json_put_member(w, S("userComment"), o->comment);
	json_object_end(w);
}

static void put_outcome(struct json_writer *w, const struct hook_outcome *o)
{
	char at[CLOCK_INSTANT_SIZE];
	clock_format_instant(o->at_ms, at);
	json_object_begin(w);
	json_put_member(w, S("card"), o->card);
	json_put_member(w, S("outcome"), o->accepted_count ? S("accepted") : S("overridden"));
	if (o->accepted_count) {
		json_key(w, S("acceptedSuggestions"));
		json_array_begin(w);
		for (size_t i = 0; i < o->accepted_count; i++) {
			json_object_begin(w);
			json_put_member(w, S("id"), o->accepted[i]);
			json_object_end(w);
		}
		json_array_end(w);
	} else if (o->reason || o->comment.n) {
		put_reason(w, o);
	}
	json_put_member(w, S("outcomeTimestamp"), str_make(at, sizeof(at)));
	json_object_end(w);
}

void hook_feedback_write(struct buf *out, const struct hook_outcome *outcomes, size_t count)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("feedback"));
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++)
		put_outcome(&w, &outcomes[i]);
	json_array_end(&w);
	json_object_end(&w);
}

/* ---- orders ------------------------------------------------------------------------------------------------------ */

static void put_reference(struct json_writer *w, struct str member, struct str reference)
{
	if (!reference.n)
		return;
	json_key(w, member);
	json_object_begin(w);
	json_put_member(w, S("reference"), reference);
	json_object_end(w);
}

static void put_drug(struct json_writer *w, const struct hook_draft *d)
{
	json_key(w, S("medicationCodeableConcept"));
	json_object_begin(w);
	if (d->code.n) {
		json_key(w, S("coding"));
		json_array_begin(w);
		json_object_begin(w);
		json_put_member(w, S("system"), d->system);
		json_put_member(w, S("code"), d->code);
		json_put_member(w, S("display"), d->display.n ? d->display : STR_NULL);
		json_object_end(w);
		json_array_end(w);
	}
	json_put_member(w, S("text"), d->text.n ? d->text : STR_NULL);
	json_object_end(w);
}

void hook_draft_write(struct json_writer *w, const struct hook_draft *d)
{
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("MedicationRequest"));
	json_put_member(w, S("id"), d->id.n ? d->id : STR_NULL);
	json_put_member(w, S("status"), str_from(d->status));
	json_put_member(w, S("intent"), S("order"));
	put_drug(w, d);
	put_reference(w, S("subject"), d->patient);
	put_reference(w, S("encounter"), d->encounter);
	put_reference(w, S("requester"), d->requester);
	if (d->dosage.n) {
		json_key(w, S("dosageInstruction"));
		json_array_begin(w);
		json_object_begin(w);
		json_put_member(w, S("text"), d->dosage);
		json_object_end(w);
		json_array_end(w);
	}
	json_object_end(w);
}

void hook_draft_copy(struct json_writer *w, const struct json *order, struct str id)
{
	struct json_iter it = json_iter(order);
	json_object_begin(w);
	json_put_member(w, S("resourceType"), json_get_str(order, S("resourceType")));
	json_put_member(w, S("id"), id);
	json_put_member(w, S("status"), S("draft"));
	while (json_next(&it)) {
		if (str_has_word(S("resourceType id status meta text identifier statusReason"), it.key))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_object_end(w);
}

/* ---- who calls, and whom ----------------------------------------------------------------------------------------- */

static void put_second(struct json_writer *w, struct str name, int64_t at)
{
	if (!at)
		return;
	json_key(w, name);
	json_put_i64(w, at);
}

void hook_claims_write(struct buf *out, const struct hook_claims *claims)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("iss"), claims->issuer);
	json_put_member(&w, S("aud"), claims->audience);
	json_put_member(&w, S("sub"), claims->subject);
	put_second(&w, S("iat"), claims->issued_s);
	put_second(&w, S("nbf"), claims->not_before_s);
	put_second(&w, S("exp"), claims->expires_s);
	json_put_member(&w, S("jti"), claims->id);
	json_object_end(&w);
}

struct hook_address hook_address(struct str url)
{
	static const char mark[] = "/cds-services";
	size_t at = str_find(url, str_from(mark));
	while (str_ends(url, S("/")))
		url.n--;
	if (at == STR_NONE || at > url.n)
		return (struct hook_address){url, STR_NULL};
	struct str rest = str_slice(url, at + sizeof(mark) - 1, url.n);
	if (rest.n && rest.p[0] != '/')
		return (struct hook_address){url, STR_NULL};
	return (struct hook_address){str_slice(url, 0, at), rest.n > 1 ? str_slice(rest, 1, rest.n) : STR_NULL};
}

const struct json *hook_service_find(const struct json *discovery, struct str id, struct str hook)
{
	const struct json *found = NULL;
	struct json_iter it = json_iter(json_get(discovery, S("services")));
	while (json_next(&it)) {
		struct str its_id = json_get_str(it.value, S("id"));
		if (!its_id.n || (id.n && !str_eq(id, its_id)) ||
		    (hook.n && !str_eq(hook, json_get_str(it.value, S("hook")))))
			continue;
		if (found)
			return id.n || hook.n ? found : NULL;
		found = it.value;
	}
	return found;
}

/*
 * What a CDS service answers (CDS Hooks 2.0, "CDS Service Response"): cards with suggestions and links, and system
 * actions; and the writer of their JSON. Whoever makes cards fills these structs in an arena; texts are borrowed and
 * must live until the answer was written. Pure; uuids come from the caller.
 */
#ifndef FIRTH_HOOKS_CARD_H
#define FIRTH_HOOKS_CARD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "json/json.h"

#define HOOK_SUMMARY_MAX     139 /* characters: "<140-character summary message" */
#define HOOK_CARDS_MAX	     200
#define HOOK_SUGGESTIONS_MAX 50 /* of a card; links, actions and override reasons, too */

enum hook_indicator { HOOK_INFO, HOOK_WARNING, HOOK_CRITICAL };
const char *hook_indicator_name(enum hook_indicator indicator);
bool hook_indicator_named(struct str name, enum hook_indicator *ret);

struct hook_coding {
	struct str system, code, display; /* STR_NULL: left out */
};

enum hook_action_type { HOOK_CREATE, HOOK_UPDATE, HOOK_DELETE };
const char *hook_action_name(enum hook_action_type type);
bool hook_action_named(struct str name, enum hook_action_type *ret);
struct hook_action {
	enum hook_action_type type;
	struct str description;
	const struct json *resource; /* of create and update; NULL: see resource_text */
	struct str resource_text; /* the same as ready JSON; STR_NULL: none */
	struct str resource_id; /* "MedicationRequest/12" of delete; STR_NULL: none */
};
struct hook_suggestion {
	struct str label, uuid;
	bool recommended;
	struct hook_action *actions;
	size_t action_count;
};
struct hook_link {
	struct str label, url;
	bool smart; /* else absolute */
	struct str app_context; /* of a smart link; STR_NULL: none */
	bool autolaunchable;
};
struct hook_card {
	struct str uuid; /* STR_NULL: given by the service before it is written */
	struct str summary; /* plain; cut when it is written */
	struct str detail; /* Markdown (GFM); STR_NULL: none */
	enum hook_indicator indicator;
	struct {
		struct str label, url, icon; /* label is required */
		struct hook_coding topic; /* code STR_NULL: none */
	} source;
	struct str about; /* not written: with the topic what an override is remembered by; STR_NULL: nothing more */
	struct hook_suggestion *suggestions;
	size_t suggestion_count;
	bool at_most_one; /* selectionBehavior, written when there are suggestions: "at-most-one", else "any" */
	struct hook_coding *override_reasons;
	size_t override_reason_count;
	struct hook_link *links;
	size_t link_count;
};
struct hook_answer {
	struct hook_card *cards;
	size_t count, capacity;
	struct hook_action *system_actions;
	size_t system_action_count, system_action_capacity;
};

/* A cleared place for one more; NULL with ERR_LIMIT beyond HOOK_CARDS_MAX, ERR_MEMORY. The place is valid until the
 * next call. */
struct hook_card *hook_answer_card(struct hook_answer *answer, struct arena *a, struct error *err) MUST_USE;
struct hook_action *hook_answer_system_action(struct hook_answer *answer, struct arena *a, struct error *err) MUST_USE;

/* {"cards":[...]}, with systemActions when there are any. ERR_MEMORY when the buffer failed. */
bool hook_answer_write(const struct hook_answer *answer, struct buf *out, struct error *err) MUST_USE;
void hook_card_write(const struct hook_card *card, struct json_writer *w);

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* Adds a value that comes from data to Markdown so that it is shown as it is: nothing of it is markup, link, HTML or a
 * new line; control characters and those that turn the direction of writing are left out. At most max characters, then
 * an ellipsis. */
void hook_markdown_add(struct buf *out, struct str value, size_t max);
/* The same for plain texts such as a summary: one line, nothing but characters. */
void hook_plain_add(struct buf *out, struct str value, size_t max);
/* The text, or its beginning up to a word's end with an ellipsis when it has more than max characters, in one line.
 * STR_NULL without memory. */
struct str hook_text_cut(struct arena *a, struct str text, size_t max);

#endif

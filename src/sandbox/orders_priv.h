/*
 * /sandbox/order-entry: a person orders drugs for a patient of the sandbox, the EHR calls a CDS service about the
 * drafts and shows its cards; suggestions are accepted and applied, cards overridden, and the service is told. What is
 * under way is kept here by a key that the page carries, so nothing of a patient is in an address. Private to the room.
 */
#ifndef FIRTH_SANDBOX_ORDERS_PRIV_H
#define FIRTH_SANDBOX_ORDERS_PRIV_H

#include "base/random.h"
#include "clinical/drug_search.h"
#include "sandbox/hooks_priv.h"

#define ORDERS_PATH "/sandbox/order-entry"

enum { ORDER_CARDS = 100, ORDER_SUGGESTIONS = 20, ORDER_TOLD = 20, ORDER_SESSIONS = 16, ORDER_HITS = 12 };

struct order_draft {
	struct str id, type, label, dosage;
	struct str text; /* JSON */
};
/* What became of a card. */
struct order_card {
	bool accepted[ORDER_SUGGESTIONS];
	bool overridden;
	struct str said; /* for people; STR_NULL: nothing yet */
};
struct order_session {
	char key[UUID_SIZE];
	bool busy; /* a request of it is under way */
	uint64_t used; /* when, by the desk's count */
	struct arena arena, run_arena, told_arena; /* choices and drafts; the last call; feedback */
	struct str patient, encounter, service, client_id, prefetch; /* as chosen */
	struct str find, dosage;
	struct order_draft drafts[HOOKS_ORDERS];
	size_t draft_count;
	bool ran;
	enum hook hook; /* then */
	struct hook_run run;
	struct order_card cards[ORDER_CARDS];
	struct hook_run *told[ORDER_TOLD]; /* feedback that was sent, oldest first */
	size_t told_count;
	struct str said, problem; /* of the last request */
	struct str go; /* of the request under way: a page to go to instead, in its arena; STR_NULL: none */
};
struct order_desk {
	struct order_session *sessions[ORDER_SESSIONS];
	uint64_t count;
	struct arena arena;
	struct knowledge *drugs; /* NULL: it could not be read */
};

/* orders_session.c. The desk is made with its first session. */
/* The one with this key, or a new one when key is empty; it is then the caller's until orders_leave(). ERR_NOT_FOUND,
 * ERR_BUSY, ERR_MEMORY. */
struct order_session *orders_enter(struct sandbox *s, struct str key, struct error *err);
void orders_leave(struct sandbox *s, struct order_session *o);
void orders_close(struct sandbox *s);
/* Drafts by what they are: a name out of the tables, or one of the patient's records once more. */
bool orders_add_drug(struct sandbox *s, struct order_session *o, struct str name, struct error *err) MUST_USE;
bool orders_add_again(struct sandbox *s, struct order_session *o, struct arena *a, struct str reference,
		      struct error *err) MUST_USE;
/* resource: with or without an id; one that a draft has replaces it. */
bool orders_put_draft(struct sandbox *s, struct order_session *o, const struct json *resource,
		      struct error *err) MUST_USE;
bool orders_drop_draft(struct order_session *o, struct str reference); /* false: there is none */
struct str orders_label(const struct json *resource); /* of a medication record; empty: it has none */

/* orders_apply.c */
/* All actions of a suggestion, in their order, up to the first that fails; says what was done. */
bool orders_apply(struct sandbox *s, struct order_session *o, struct arena *a, const struct json *suggestion,
		  struct error *err) MUST_USE;
/* Those that the service wants done without asking: which this EHR takes are applied, the others are told. */
void orders_apply_system(struct sandbox *s, struct order_session *o, struct arena *a);
/* Does this EHR take the suggestion's actions? */
bool orders_takes(const struct sandbox *s, const struct json *suggestion);
/* Makes active orders of all drafts. */
bool orders_sign(struct sandbox *s, struct order_session *o, struct arena *a, struct error *err) MUST_USE;

/* orders_page.c */
/* Into a buffer that sheet_send() takes. */
void orders_page(struct sandbox *s, struct arena *a, struct order_session *o, struct buf *out);

/* orders.c */
void orders_handle(struct sandbox *s, struct http_exchange *x);

#endif

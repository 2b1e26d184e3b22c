/*
 * Orders of medications checked for one request: draft orders against the patient's allergies and drugs, and what is
 * found as cards. Over the engines of clinical/; resources are told apart by their type, whatever keys they came under.
 * Pure: the time comes in, and what is shared is only read, so any thread may check.
 */
#ifndef FIRTH_HOOKS_ORDERS_H
#define FIRTH_HOOKS_ORDERS_H

#include "clinical/allergy.h"
#include "clinical/interaction.h"
#include "clinical/policy.h"
#include "hooks/card.h"
#include "hooks/request.h"

#define HOOK_REASON_SYSTEM "https://firth.dev/fhir/CodeSystem/override-reason"
#define HOOK_TOPIC_SYSTEM  "https://firth.dev/fhir/CodeSystem/alert-topic"

struct hook_orders_options {
	const struct knowledge *knowledge;
	const struct policy *policy;
	struct str role; /* of the user, for the policy; empty: none is known */
	int64_t now_ms;
};

/* What was looked at and found. */
struct hook_orders {
	struct medication *drugs; /* the orders in question first, then other drafts, then what the patient takes */
	size_t count, drafts;
	bool ordered; /* the drafts are orders of the request, not what is taken already */
	const struct json **allergy_records;
	struct allergies allergies;
	struct lab_values labs;
	struct findings findings; /* by the policy, the most severe first */
};
/* orders of the request may be NULL: then what the patient takes is checked among itself (patient-view). ERR_LIMIT with
 * more than 10,000 medications or allergies, or 500 orders; ERR_MEMORY. */
bool hook_orders_check(const struct hook_orders_options *o, struct arena *a, const struct hook_request *r,
		       const struct hook_prefetch *p, struct hook_orders *ret, struct error *err) MUST_USE;

/* One problem that a card tells: findings of one rule about one order. */
struct hook_problem {
	const struct finding *finding; /* the highest */
	const struct finding *const *all; /* with it, in their order */
	size_t count;
	struct str topic; /* letters and digits, as source.topic.code: stable across versions, 100 at most */
	struct str about; /* a digest of the drugs and records: with the topic what an override is remembered by */
};
struct hook_problems {
	struct hook_problem *items; /* ranked */
	size_t count;
};
bool hook_orders_problems(const struct hook_orders_options *o, struct arena *a, const struct hook_orders *orders,
			  struct hook_problems *ret, struct error *err) MUST_USE;
/* Adds the card of a problem; its uuids are still to be given. plain: the client knows only suggestions that create or
 * delete. */
bool hook_orders_card(const struct hook_orders_options *o, struct arena *a, const struct hook_orders *orders,
		      const struct hook_problem *problem, bool plain, struct hook_answer *answer,
		      struct error *err) MUST_USE;

/* "Medication/12" of each Medication that an order or a record refers to and that is not at hand; at most max. */
size_t hook_orders_missing(struct arena *a, const struct hook_request *r, const struct hook_prefetch *p,
			   struct str *ret_references, size_t max, struct error *err);

#endif

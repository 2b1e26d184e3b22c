/*
 * CDS Hooks as these EHRs call it (CDS Hooks 2.0, https://cds-hooks.hl7.org/2.0/): the sandbox is the caller. It builds
 * the request that the EHR would send for a patient of its own, sends it to a service, and looks at the cards that
 * come back. What is known of each vendor's way stands in docs/sandbox.md.
 */
#ifndef FIRTH_SANDBOX_HOOKS_PRIV_H
#define FIRTH_SANDBOX_HOOKS_PRIV_H

#include "hooks/answer.h"
#include "hooks/client.h"
#include "sandbox/oauth_priv.h"

enum { HOOKS_ORDERS = 20, HOOKS_PREFETCH = 32, HOOKS_ANSWER_MAX = 4 << 20 };

enum hook { HOOK_PATIENT_VIEW, HOOK_ORDER_SELECT, HOOK_ORDER_SIGN, HOOK_COUNT };
const char *hook_name(enum hook hook);

/* What somebody wants to be sent. Texts are STR_NULL where nothing is said. */
struct hook_wish {
	enum hook hook;
	struct str service; /* URL of the service; at Cerner of the base, whose discovery is asked */
	struct str id; /* of the service, where discovery tells of several */
	struct str patient, encounter, user; /* ids; user "Practitioner/7" */
	struct str client_id; /* the app that the service belongs to */
	const struct json *prefetch; /* key: query; as typed into the EHR's record */
	bool ask_discovery; /* at Epic as well: for the URL, and for prefetch when there is none */
	bool own_ids; /* orders are drafts, and keep their ids */
	const struct json *orders; /* list of resources, or of references to resources of the sandbox; NULL: drawn */
};

/* What was sent and what came back, in the arena. */
struct hook_run {
	struct arena *a;
	const struct hook_wish *wish;
	struct str url, authorization, body; /* sent */
	struct str discovery; /* what discovery answered; STR_NULL: it was not asked */
	int status; /* 0: no answer came */
	struct str failure; /* then why */
	int64_t took_ms;
	struct str answer, content_type;
	const struct json *json; /* of the answer; NULL: none */
	struct judgement judged;
};

/* From a JSON object: hook, service, patient and so on. ERR_VALUE. */
bool hooks_wish_read(struct arena *a, const struct json *j, struct hook_wish *ret_wish, struct error *err) MUST_USE;
/* Builds, sends, and judges. False only when nothing could be sent: ERR_VALUE and others with the reason. */
bool hooks_run(struct sandbox *s, struct arena *a, const struct hook_wish *wish, struct hook_run *ret_run,
	       struct error *err) MUST_USE;
/* Tells the service of a run what became of its cards: url, authorization, body, status and so on of ret_told are those
 * of the feedback. False only when nothing could be sent. */
bool hooks_tell(struct sandbox *s, struct arena *a, const struct hook_run *run, const struct hook_outcome *outcomes,
		size_t count, struct hook_run *ret_told, struct error *err) MUST_USE;
/* The body of the request, from the vendor's rules; prefetch: templates by key, or NULL. */
bool hooks_request(struct sandbox *s, struct hook_run *run, const struct json *prefetch, struct buf *out,
		   struct error *err) MUST_USE;

/* An id for a draft order, as this EHR gives them. */
struct str hooks_draft_id(struct sandbox *s, struct arena *a);
/* Lines "key=query" as an object of queries. */
void hooks_prefetch_lines(struct json_writer *w, struct str lines);

/* A resource or searchset as the sandbox shows it to a client with the token; STR_NULL when it does not. */
struct str hooks_fetch(struct sandbox *s, struct arena *a, struct str token, struct str query);

/* /sandbox/hooks: a page and JSON; answers later, from a thread of its own. */
void hooks_handle(struct sandbox *s, struct http_exchange *x);
void hooks_page(struct sandbox *s, struct http_exchange *x, const struct hook_wish *wish, const struct hook_run *run,
		struct str problem);
void hooks_close(struct sandbox *s); /* after work_wait() */
/* Parts of pages: the patients to choose from, the apps, what is wrong, requests and answers; "Lopez, Camila (born
 * 1987-09-12)". */
void hooks_put_patients(struct sandbox *s, struct arena *a, struct buf *out, struct str chosen);
void hooks_put_apps(struct sandbox *s, struct arena *a, struct buf *out, struct str chosen);
void hooks_put_findings(struct buf *out, const struct judgement *j);
void hooks_put_exchange(struct arena *a, struct buf *out, const struct hook_run *run);
void hooks_put_labelled(struct buf *out, const char *before, struct str text, const char *after);
void hooks_put_links(struct buf *out, const struct json *card);
void hooks_put_head(struct buf *out, const struct json *card);
const char *hooks_card_kind(const struct json *card); /* "critical", "warning", "info" */
struct str hooks_patient_text(struct arena *a, const struct json *patient);
struct str hooks_pretty(struct arena *a, struct str text);

/* The key that Epic signs its calls with, and its public half. */
const struct jose_key *hooks_key(struct sandbox *s, struct error *err);
bool hooks_keys_answer(struct sandbox *s, struct http_exchange *x);
/* The value of Authorization for a call to url by Epic. */
bool hooks_jwt(struct sandbox *s, struct arena *a, struct str url, struct str client_id, struct str *ret_header,
	       struct error *err) MUST_USE;

#endif

/* Shared by the files of the login: the server's state, one turn of the conversation, and what pages are made of. */
#ifndef FIRTH_SERVER_LOGIN_LOGIN_PRIV_H
#define FIRTH_SERVER_LOGIN_LOGIN_PRIV_H

#include "base/encode.h"
#include "base/workers.h"
#include "server/login/login.h"

enum {
	TOKEN_BYTES = 32, /* of what must not be guessed: 256 bits */
	TOKEN_SIZE = 43, /* the same in base64url */
	KEY_SIZE = 64, /* SHA-256 in hexadecimal: under which it is kept */
	CONVERSATION_MS = 30 * 60 * 1000,
	SECOND_FACTOR_MS = 5 * 60 * 1000,
	FORM_MAX = 128 * 1024,
	FORM_FIELDS = 1024
};

struct login {
	struct login_options options;
	struct arena arena; /* text of the options */
	char no_hash[VAULT_HASH_SIZE]; /* what passwords of people who do not exist are checked against */
	char session_cookie[96], browser_cookie[96];
	bool secure; /* the base URL is https */
	struct str outside_path; /* of the base URL: what a server in front of us may have put before ours */
	struct workers *workers; /* login_later() */
};

int64_t login_now(const struct login *l);
/* On another thread, at most two at once: checking a password costs 70 ms and 64 MB on purpose, and an outside provider
 * may take seconds. The server's threads answer others meanwhile. ERR_BUSY when too much waits. */
bool login_later(struct login *l, struct workers_job *job, struct error *err) MUST_USE;
/* A new unguessable word, and the key that one is kept under. In a; STR_NULL without memory. */
struct str token_new(struct arena *a);
struct str token_key(struct arena *a, struct str token);
/* The record of a token on a shelf, by its digest. json NULL: there is none, or it is no token. */
struct token_fact {
	struct str key, raw;
	const struct json *json;
};
bool token_find(struct login *l, struct arena *a, struct str shelf, struct str token, struct token_fact *ret_fact,
		struct error *err) MUST_USE;
/* A whole number of a record; 0: there is none. */
int64_t record_number(const struct json *j, struct str key);

/* ---- forms and queries: fields.c  ------------------------------------------------------------------------------- */

struct form_field {
	struct str name, value;
};
struct form {
	struct form_field *fields;
	size_t count;
};
/* application/x-www-form-urlencoded, decoded, valid UTF-8 without control characters but line ends.
 * ERR_INVALID_REQUEST. */
bool fields_read(struct arena *a, struct str text, struct form *ret_form, struct error *err) MUST_USE;
/* The first of that name; STR_NULL: there is none. */
struct str fields_get(const struct form *form, const char *name);
/* Is there a field of that name with that value? */
bool fields_has(const struct form *form, const char *name, struct str value);

/* ---- attempts: attempt.c  --------------------------------------------------------------------------------------- */

/* Counts an attempt before it is made, so that many at once are counted as well. ERR_THROTTLED with the time to wait
 * (*ret_wait_s) when the user or the address has to. A name that nobody has is counted like any other. */
bool attempt_begin(struct login *l, struct arena *a, struct str name, struct str address, int64_t *ret_wait_s,
		   struct error *err) MUST_USE;
/* Facts that forget the user's attempts, for the transaction that lets them in: at most 2. */
size_t attempt_forget(struct arena *a, struct str name, struct store_fact *facts);

/* ---- sessions: session.c  --------------------------------------------------------------------------------------- */

struct session {
	struct str key; /* on the shelf "session"; STR_NULL: nobody is signed in */
	struct str raw; /* as kept */
	struct str user;
	struct str stamp; /* of the user's password, when it began */
	int64_t began_ms, seen_ms, authenticated_ms;
	struct str csrf; /* word of forms outside conversations */
	struct login_user facts; /* the user, now */
};
/* The session of the request's cookie, if it is good: its user exists, is not disabled and has the same password. It is
 * good for longer from now on. */
bool session_find(struct login *l, struct arena *a, struct str cookies, struct session *ret_session,
		  struct error *err) MUST_USE;
/* A new one. Its fact goes into the transaction that lets the person in; ret_token into the cookie. */
bool session_new(struct login *l, struct arena *a, const struct login_user *user, struct session *ret_session,
		 struct str *ret_token, struct store_fact *ret_fact, struct error *err) MUST_USE;
/* Changes with the user's password. */
struct str user_stamp(struct arena *a, const struct login_user *user);
/* The cookie of that name out of a Cookie header; STR_NULL: there is none. */
struct str cookie_find(struct str cookies, const char *name);

/* ---- conversations under way: conversation.c  ------------------------------------------------------------------- */

/* An app's request, or a visit to the page of apps, from the first page to the last. Kept under the digest of its id
 * (shelf "pending"). The id is in each form, and only the browser that began may use it: together they keep other
 * sites' forms out. */
struct conversation {
	struct str id; /* STR_NULL: none */
	struct str raw; /* as kept */
	struct str parameters; /* of the authorization request; STR_NULL: it leads to the page of apps */
	struct str browser; /* key of the browser's cookie; STR_NULL: none has come yet */
	struct str user; /* who signed in for it; STR_NULL: nobody yet */
	struct str second; /* whose password was right and whose code is awaited; STR_NULL */
	int64_t second_ms;
	struct str provider_nonce, provider_verifier; /* while the person is at the outside provider */
	bool must_login; /* the app wants it, whoever is signed in */
	bool launched; /* the launch was taken */
	struct smart_launch launch;
	struct str patient; /* picked, or launched */
	struct str encounter; /* picked; empty: the person chose none; STR_NULL: not asked yet */
	struct str secret; /* what positions in lists are signed with */
	int64_t began_ms;
};
/* Keeps a new one. Refused when an address begins too many. */
bool conversation_begin(struct login *l, struct arena *a, struct conversation *c, struct str address,
			struct decision *d, struct error *err) MUST_USE;
/* c->id is STR_NULL when there is none, or it is another browser's. */
bool conversation_find(struct login *l, struct arena *a, struct str id, struct str browser, struct conversation *ret_c,
		       struct error *err) MUST_USE;
/* What it is now, unless another page changed it meanwhile: ERR_CONFLICT. */
bool conversation_keep(struct login *l, struct arena *a, struct conversation *c, struct error *err) MUST_USE;
/* The fact that ends it, or keeps it, for a transaction. */
bool conversation_fact(struct login *l, struct arena *a, struct conversation *c, bool over, struct store_fact *ret_fact,
		       struct error *err) MUST_USE;

/* ---- one request: turn.c  --------------------------------------------------------------------------------------- */

struct turn {
	struct login *l;
	struct http_exchange *x;
	const struct http_request *request;
	struct arena *a; /* of the exchange */
	struct form form; /* body of POST, query of GET */
	struct session session;
	struct conversation c;
	struct smart_request asked; /* when the conversation is an app's */
	const char *interaction; /* of audit records of this step's refusals */
	struct decision *decision; /* of a step without an app's request: turn_decision() */
	struct error refused; /* what was refused and recorded, for the end of the page; code ERR_NONE: nothing */
	struct str browser; /* the browser's word; STR_NULL: it has none */
	struct http_header cookies[3]; /* to be set */
	size_t cookie_count;
	struct str form_action; /* where forms may lead in the end, beside ourselves, for the CSP */
	int64_t wait_s; /* Retry-After; 0: none */
	struct workers_job job; /* of a copy that goes on later */
};
/* Reads form, session and cookie. What was begun is in *ret_turn in any case. */
bool turn_begin(struct login *l, struct http_exchange *x, const char *interaction, struct turn *ret_turn,
		struct error *err) MUST_USE;
/* The conversation that the form names, its request checked anew. False: the answer was given. */
bool turn_conversation(struct turn *t);
void turn_set_cookie(struct turn *t, const char *name, struct str value, bool session_only);
/* 303 to a place of ours or of the app. */
void turn_go(struct turn *t, struct str url);
/* 303 to a page of ours in this conversation: "pick". */
void turn_go_page(struct turn *t, const char *page);
/* Whose record is open: picked or launched; STR_NULL: nobody's. */
struct str turn_patient(const struct turn *t);
/* Is the person signed in as this conversation needs it? */
bool turn_signed_in(const struct turn *t);
/* The next thing to be done in the conversation: sign in, pick, consent, or the answer to the app. */
void turn_next(struct turn *t);
/* The checks of this request: those of the app's, when it is an app's. May be NULL. */
struct decision *turn_decision(struct turn *t);
/* A check that failed, for turn_fail(), turn_refused() or turn_refuse(): fills err. had may be STR_NULL and is for the
 * operator alone: pages show code, text and hint of the table. Always false. */
bool turn_deny(struct turn *t, enum check check, enum refusal refusal, struct str had, struct error *err);
/* Records a refusal that the page about to be shown is about, and has the page end with its code. False: it could not
 * be recorded, and that was answered. */
bool turn_refused(struct turn *t, int status, const struct error *refusal);
/* The refusal goes to the app, with its record, and the conversation is over. */
void turn_refuse(struct turn *t, const char *error, const struct error *refusal);
/* The same for a check that failed here. */
void turn_refuse_as(struct turn *t, enum check check, enum refusal refusal, const char *had);
/* The record of a refused request with its decision, and one fact more (NULL: none). */
bool turn_record_refusal(struct turn *t, const char *interaction, int status, const struct error *refusal,
			 const struct store_fact *more, struct error *err) MUST_USE;
/* Answers in the way of the server that is imitated; false: ours is to be used. error as for login_options.refused. */
bool turn_refuse_as_other(struct turn *t, const char *error, const struct error *refusal);
/* A page that says what went wrong. A refusal is recorded. */
void turn_fail(struct turn *t, const struct error *err);
bool turn_is_post(const struct turn *t);
/* One audit event about a person. */
struct audit_event turn_event(const struct turn *t, const char *interaction, bool granted, struct str user,
			      struct str detail);

/* ---- pages: page.c  --------------------------------------------------------------------------------------------- */

struct page_look {
	const char *title;
	const char *width; /* "", "wide" */
	const char *skip; /* what the skip link leads to, in words; NULL: "the form" */
};
void page_begin(const struct turn *t, struct buf *out, const struct page_look *look);
void page_end(const struct turn *t, struct buf *out);
/* Sends it and takes the buffer. */
void page_send(struct turn *t, int status, struct buf *out);
/* "text" as HTML; "" for STR_NULL. */
void page_text(struct buf *out, struct str text);
/* <form method="post" action=".../auth/NAME"> with the hidden fields of the conversation or session. */
void page_form(const struct turn *t, struct buf *out, const char *name, const char *class_name);
/* What is wrong with a form, with links to the fields. */
struct page_problem {
	const char *field; /* id; NULL: none in particular */
	struct str text;
};
void page_problems(struct buf *out, const struct page_problem *problems, size_t count);
/* "/t/NAME/auth/": in front of a page's name. */
struct str page_path(const struct login *l, struct arena *a, const char *name);
/* "today", "3 days ago" and the date. */
struct str page_time(struct arena *a, int64_t now_ms, int64_t ms);
/* The stylesheet. */
void page_css(struct turn *t);

/* ---- the steps  ------------------------------------------------------------------------------------------------- */

void authorize_begin(struct turn *t); /* /auth/authorize */
void sign_in_page(struct turn *t); /* /auth/login */
void sign_in_send(struct turn *t);
/* Does the form of the session have its word? Refused otherwise. */
bool session_check_word(struct turn *t, struct error *err) MUST_USE;
void sign_out_page(struct turn *t); /* /auth/logout */
void sign_out_send(struct turn *t);
void pick_page(struct turn *t); /* /auth/pick */
void pick_send(struct turn *t);
void encounter_page(struct turn *t); /* /auth/encounter */
void encounter_send(struct turn *t);
void consent_page(struct turn *t); /* /auth/consent */
void consent_send(struct turn *t);
void apps_page(struct turn *t); /* /auth/apps */
void apps_send(struct turn *t);
void explain_page(struct turn *t, const struct error *err, const struct smart_request *asked, struct str parameters);

/* A person proved who they are: session, conversation and record in one transaction, and on to the next page. */
void sign_in_done(struct turn *t, const struct login_user *user, const char *how, const struct store_fact *more,
		  size_t more_count);

/* Is the person in the record as a patient, or somebody close to one? */
bool patient_is_account(const struct login_user *user);
/* Does the request need a patient who is not known yet? */
bool pick_is_needed(const struct turn *t);
/* Whom a Patient or RelatedPerson may choose: ret_id STR_NULL when it is to be searched. */
bool pick_own(struct turn *t, struct str *ret_id, struct error *err) MUST_USE;
/* May the user of the session open this patient? ret_name for pages. ERR_NOT_FOUND when not, which is no refusal yet.
 */
bool pick_allows(struct turn *t, struct str id, struct str *ret_name, struct error *err) MUST_USE;
/* The name of a patient that the EHR launched, as far as the record has one. */
void patient_name_of(struct turn *t, struct str id, struct str *ret_name);

/* Does the request need an encounter that was not chosen yet? */
bool encounter_is_needed(const struct turn *t);

/* ---- choosing from the record: choose.c  ------------------------------------------------------------------------ */

enum { CHOOSE_PAGE = 10 };
/* Is this somebody who signed in for an app's request? False: they were sent on. */
bool choose_ready(struct turn *t);
/* Within what the site's policy lets the user see by the scope, as if an app of their own asked. */
bool choose_search(struct turn *t, struct search_query *query, struct str scope, struct str position,
		   struct store_page *ret_page, struct error *err) MUST_USE;
/* The position that a word of choose_put_pages() stands for; STR_NULL for no word. ERR_CURSOR. */
bool choose_position(struct turn *t, struct str word, struct str *ret_position, struct error *err) MUST_USE;
/* A labelled fact of a row; "not recorded" where there is none. */
void choose_put_cell(struct buf *out, const char *label, struct str text);
/* Buttons to the first and the next page, which keep some fields. at: the word of this page; next: its end. */
void choose_put_pages(struct turn *t, struct buf *out, const char *page, const struct form_field *kept, size_t count,
		      struct str at, struct str next);

/* What was agreed to before covers the request: the scopes then. STR_NULL: ask. */
bool consent_remembered(struct turn *t, struct str *ret_scopes, struct error *err) MUST_USE;
/* The code, and back to the app. */
void consent_grant(struct turn *t, struct str scopes);
/* Client ids whose consent is remembered. */
bool consent_list(struct login *l, struct arena *a, struct str user, struct str **ret_clients, size_t *ret_count,
		  struct error *err) MUST_USE;
bool consent_forget(struct login *l, struct arena *a, struct str user, struct str client_id,
		    struct error *err) MUST_USE;

/* ---- patients: patient.c  --------------------------------------------------------------------------------------- */

struct patient {
	struct str id, name, birth_date, sex, mrn; /* STR_NULL where the record has none */
};
bool patient_read(struct arena *a, const struct store_entry *entry, struct patient *ret_patient,
		  struct error *err) MUST_USE;
/* The patient who the person is, or is related to; STR_NULL: none. */
bool patient_own(struct turn *t, struct str *ret_id, struct error *err) MUST_USE;

/* ---- scopes in words: words.c  ---------------------------------------------------------------------------------- */

/* "See lab results, vital signs and other observations". */
void words_scope(struct buf *out, struct arena *a, const struct scope *s);
const char *words_word(enum scope_word word, const char **ret_detail);
/* Categories that a permission to see a type may be narrowed to. */
struct words_category {
	const char *type, *system, *code, *words;
};
extern const struct words_category words_categories[];
extern const size_t words_category_count;

/* ---- an outside provider: provider.c  --------------------------------------------------------------------------- */

void provider_begin(struct turn *t); /* /auth/provider: off to it */
void provider_back(struct turn *t); /* /auth/callback */

#endif

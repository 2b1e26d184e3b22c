/*
 * What a CDS service said, held to CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/) as a client sees it: discovery
 * documents, answers with cards, the feedback that clients send and the answer to it. Everything that is wrong is
 * told, not only the first, and where the client is an Epic also what that EHR could not use. Pure.
 */
#ifndef FIRTH_HOOKS_ANSWER_H
#define FIRTH_HOOKS_ANSWER_H

#include "base/arena.h"
#include "json/json.h"

enum { JUDGE_FINDINGS_MAX = 200 };

struct judge_finding {
	bool error; /* against the specification, or what the EHR could not use; false: worth knowing */
	const char *by; /* "CDS Hooks 2.0", "Epic", "HTTP" */
	struct str where; /* "cards[0].summary" */
	struct str what;
};
/* Texts live in the arena. */
struct judgement {
	struct arena *a;
	bool epic; /* what Epic could use is looked at, too */
	bool epic_system_actions; /* it takes systemActions: since February 2024 */
	struct judge_finding findings[JUDGE_FINDINGS_MAX];
	size_t count;
	size_t more; /* findings beyond those */
};
/* Notes one. Nothing is noted where a text could not be made. */
void judge_note(struct judgement *j, bool error, const char *by, struct str where, struct str what);
size_t judge_errors(const struct judgement *j);
/* The member "findings" of an object that is being written: a list of {"severity","by","where","what"}. */
void judge_write_findings(struct json_writer *w, const struct judgement *j);

/* An answer over HTTP. */
struct judge_reply {
	int status; /* 0: none came */
	struct str failure; /* then why */
	struct str content_type;
	const struct json *body; /* NULL: no JSON */
	int64_t took_ms;
};

/* Of a service to a call. */
void judge_answer(struct judgement *j, const struct judge_reply *reply);
/* Of /cds-services. */
void judge_discovery(struct judgement *j, const struct judge_reply *reply);
/* Of a service to feedback: nothing but a status. */
void judge_feedback_reply(struct judgement *j, const struct judge_reply *reply);
/* Feedback as a client sends it. */
void judge_feedback(struct judgement *j, const struct json *body);
/* The documents alone, without what stands about them in HTTP. */
void judge_answer_body(struct judgement *j, const struct json *body);
void judge_discovery_body(struct judgement *j, const struct json *body);

#endif

/* What the judges of answers, discovery and feedback share. Private to the room. */
#ifndef FIRTH_HOOKS_JUDGE_PRIV_H
#define FIRTH_HOOKS_JUDGE_PRIV_H

#include "hooks/answer.h"

#define JUDGE_SPECIFICATION "CDS Hooks 2.0"

void judge_wrong(struct judgement *j, struct str where, const char *what);
void judge_mind(struct judgement *j, struct str where, const char *what);

/* Places: "cards[0]" with "source", "cards" with 0 below nothing. */
struct str judge_below(struct judgement *j, struct str where, const char *member);
struct str judge_item(struct judgement *j, struct str where, const char *member, size_t i);

/* A text that must, or may, be there; STR_NULL when it is not, or is none. */
struct str judge_text(struct judgement *j, const struct json *o, struct str where, const char *name, bool required);
void judge_flag(struct judgement *j, const struct json *o, struct str where, const char *name);
const struct json *judge_list(struct judgement *j, const struct json *o, struct str where, const char *name);
void judge_url(struct judgement *j, const struct json *o, struct str where, const char *name, bool required);
void judge_coding(struct judgement *j, const struct json *o, struct str where, bool display);
/* Members that the specification does not have belong into extension. */
void judge_members(struct judgement *j, const struct json *o, struct str where, const char *known);
/* Is it there, and an object? */
bool judge_object(struct judgement *j, const struct json *o, struct str where);
/* Did an answer come that can be looked into? need_json: an answer without is wrong. */
bool judge_http(struct judgement *j, const struct judge_reply *reply, bool need_json);

#endif

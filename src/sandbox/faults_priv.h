/* Faults on demand, and behaviours that nobody is sure of. Private to the room. */
#ifndef FIRTH_SANDBOX_FAULTS_PRIV_H
#define FIRTH_SANDBOX_FAULTS_PRIV_H

#include "sandbox/face_priv.h"

/* "503" or "503=3". ERR_USAGE. */
bool fault_set(struct sandbox *s, struct str text, struct error *err) MUST_USE;
bool fault_clear(struct sandbox *s, struct str name); /* false: there is no such fault */
void fault_clear_all(struct sandbox *s);
/* Is it on? A counted one is worn by the asking. */
bool fault_take(struct sandbox *s, enum fault_name name);
int64_t fault_number(const struct sandbox *s, enum fault_name name); /* 0 when it is off */
void fault_list(struct sandbox *s, struct json_writer *w);

/* Sets behaviours and faults of the options. */
bool faults_open(struct sandbox *s, struct error *err) MUST_USE;
bool behaves(const struct sandbox *s, enum behaviour_name name, const char *value);
int64_t behaviour_number(const struct sandbox *s, enum behaviour_name name);
/* Is the release this one or a later one? */
bool released(const struct sandbox *s, const char *since);

/* hostile.c: before an exchange is looked at; true when it was answered. */
bool hostile_handle(struct sandbox *s, struct http_exchange *x);
/* A token was granted. */
void hostile_token_granted(struct sandbox *s);
/* Is a client assertion refused by the clock that is behind? */
bool hostile_clock_refuses(struct sandbox *s, struct str form);
/* The next link as it is told: elsewhere, when that fault is on. */
struct str hostile_link(struct sandbox *s, struct arena *a, struct str url);
/* What is added behind a searchset. */
void hostile_pad(struct sandbox *s, struct buf *out);
/* Entries of pages: remembers the last of one, and gives it back at the beginning of the next. */
void hostile_remember(struct sandbox *s, struct str type, struct str entry);
struct str hostile_repeat(struct sandbox *s, struct arena *a, struct str type);

/* apps.c: /sandbox/apps; and is the client one whose activation has not come through? */
void apps_handle(struct sandbox *s, struct http_exchange *x);
bool apps_pending(struct sandbox *s, struct arena *a, struct str client_id);

/* admin.c: /sandbox/..., for this machine only; true when it was answered. */
/* {"error": text} */
void admin_refuse(struct http_exchange *x, int status, struct str text);
bool admin_handle(struct sandbox *s, struct http_exchange *x);

#endif

/*
 * Logs: one JSON object a line, on standard output by default. Only app and the HTTP edge log. Values are facts about
 * the system; PHI and secrets never go here, which is why there is no way to log a request's content or URL query.
 * Safe from any thread: a line is one write.
 */
#ifndef FIRTH_BASE_LOG_H
#define FIRTH_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below the level are dropped; fd -1 turns logging off. Call before threads start. */
void log_setup(enum log_level least, int fd);

struct log_field {
	const char *key;
	struct str text; /* used when text.p is set */
	int64_t number;
};

/* log_event(LOG_INFO, "listening", {"port", .number = 8080}, {"host", S("127.0.0.1")}); */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);
#define log_event(level, event, ...)                                                                                   \
	log_write((level), (event), (const struct log_field[]){__VA_ARGS__},                                           \
		  sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif

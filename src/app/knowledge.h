/* What the commands on drug knowledge share. */
#ifndef FIRTH_APP_KNOWLEDGE_H
#define FIRTH_APP_KNOWLEDGE_H

#include "app/app.h"
#include "clinical/knowledge.h"

#define KNOWLEDGE_FILE_MAX ((size_t)256 << 20)

/* The embedded tables and those of a directory on top: NAME.tsv for each table there is. An empty directory name means
 * the embedded ones alone. NULL with an error; ended by knowledge_free(). */
struct knowledge *app_knowledge(struct arena *a, struct str directory, struct error *err) MUST_USE;
/* The names of all tables, ended by NULL. */
extern const char *const app_knowledge_tables[];

#endif

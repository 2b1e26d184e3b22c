/*
 * Questionnaires and their responses (http://hl7.org/fhir/R4/questionnaire.html, questionnaireresponse.html): the
 * shared parts. A response is walked along its questionnaire; answers and enableWhen conditions compare values.
 */
#ifndef FIRTH_VALIDATE_QUESTIONNAIRE_PRIV_H
#define FIRTH_VALIDATE_QUESTIONNAIRE_PRIV_H

#include "validate/validate_priv.h"

enum { QUESTIONNAIRE_DEPTH = JSON_MAX_DEPTH, QUESTIONNAIRE_SHOWN = 100 };
#define Q_SHOW(s) STR_ARG(str_slice((s), 0, QUESTIONNAIRE_SHOWN))

/* One item of a response, or the response itself, and what is around it: where conditions look for answers. */
struct level {
	const struct json *item;
	const struct level *outer;
};

struct form {
	struct validation *v;
	const struct json *questionnaire;
	const struct canonical *canonical; /* NULL for a contained one */
	bool in_progress; /* what is missing may still come */
};

/* A value[x] or answer[x]: its type name as in JSON ("Coding", "Integer") and the value; name.p NULL: none. */
struct choice {
	struct str type;
	const struct json *value;
};
struct choice choice_of(const struct json *object, struct str prefix);

enum value_order { VALUE_LESS = -1, VALUE_SAME, VALUE_MORE, VALUE_OTHER, VALUE_UNKNOWN };
/* How two values stand to each other. VALUE_OTHER: not the same, without an order; VALUE_UNKNOWN: cannot be said. */
enum value_order choice_compare(const struct choice *a, const struct choice *b);

/* The value of the first extension of that name (with the prefix of the core ones when it is no URL). */
struct choice item_extension(const struct json *item, const char *name);

/* Is the question asked, given the answers around it? */
bool item_enabled(const struct json *question, const struct level *around);

/* Checks one answer of a question; node is QuestionnaireResponse.item.answer. */
void answer_check(struct form *f, const struct json *question, const struct node *answer);

#endif

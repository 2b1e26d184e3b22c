/* How plans and outcomes of writes to EHRs are shown, by every command that writes. */
#ifndef FIRTH_APP_CHANGE_H
#define FIRTH_APP_CHANGE_H

#include "app/app.h"
#include "ehr/login.h"
#include "population/writing.h"

void change_print_plan(const struct app *app, struct str type, const struct writing_plan *plan);
void change_print_outcome(const struct app *app, const struct writing_step *step, const struct writing_outcome *o);
/* Members of an open object; bodies: with what would be sent. */
void change_write_plan(struct json_writer *w, struct str type, const struct writing_plan *plan, bool bodies);
/* One object. */
void change_write_outcome(struct json_writer *w, const struct writing_step *step, const struct writing_outcome *o);

#endif

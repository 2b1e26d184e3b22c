/* What the commands on units share. */
#ifndef FIRTH_APP_UNIT_H
#define FIRTH_APP_UNIT_H

#include "app/app.h"
#include "json/json.h"
#include "units/units.h"

/* A unit from the command line, checked; the error names it and says what was probably meant. */
bool app_unit(struct str text, struct unit *ret_unit, struct error *err) MUST_USE;
/* {"code": ...} of a row of the table, or of a symbol's unit. */
void app_unit_members(struct json_writer *w, const struct unit_info *info);
/* "prefixes", "special" and so on: what is particular about a unit. */
void app_unit_kind(struct buf *out, const struct unit_info *info);
/* Ends the line and prints; the exit status. */
int app_unit_print(const struct app *app, struct buf *out);

#endif

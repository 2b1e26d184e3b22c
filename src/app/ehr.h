/* What the commands around registered EHRs share: how one is shown, and what is asked for. */
#ifndef FIRTH_APP_EHR_H
#define FIRTH_APP_EHR_H

#include "app/config.h"
#include "ehr/budget.h"
#include "ehr/directory.h"
#include "ehr/login.h"
#include "normal/normal.h"

/* "logged in as Anna Example", "backend service", "open", "nobody is logged in" ...; login NULL: there is none. */
struct str ehr_access(struct arena *a, const struct ehr_config *ehr, const struct ehr_login *login);
/* One object with everything that is configured, without secrets. state NULL: it is not known. */
void ehr_write(struct json_writer *w, const struct config *c, struct arena *a, const struct ehr_config *ehr,
	       const struct ehr_login *login, const struct ehr_budget_state *state);
/* All directories that were loaded. ERR_NOT_FOUND when none was. */
bool ehr_places_open(const struct config *c, struct arena *a, struct ehr_places *ret_places,
		     struct error *err) MUST_USE;
/* "Patient/123". False with app->status after saying what is wrong. */
bool ehr_instance_parse(struct app *app, struct str what, struct str *ret_type, struct str *ret_id) MUST_USE;
/* On standard error the id by which the EHR's people find a request that failed. */
void ehr_tell_request(const struct ehr_failure *failure);
enum normal_vendor ehr_normal_vendor(enum ehr_vendor vendor);

#endif

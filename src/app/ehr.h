/* What the commands around registered EHRs share: how one is shown. */
#ifndef FIRTH_APP_EHR_H
#define FIRTH_APP_EHR_H

#include "app/config.h"
#include "ehr/login.h"

/* "logged in as Anna Example", "backend service", "open", "nobody is logged in" ...; login NULL: there is none. */
struct str ehr_access(struct arena *a, const struct ehr_config *ehr, const struct ehr_login *login);
/* One object with everything that is configured, without secrets. */
void ehr_write(struct json_writer *w, const struct config *c, struct arena *a, const struct ehr_config *ehr,
	       const struct ehr_login *login);

#endif

/* firth patch has two forms: of files, and of a resource at an EHR. */
#ifndef FIRTH_APP_PATCH_H
#define FIRTH_APP_PATCH_H

#include "app/app.h"

/* Is a word among the arguments Type/id, and no file? */
bool patch_is_of_ehr(const struct app *app);
int patch_at_ehr(struct app *app);

#endif

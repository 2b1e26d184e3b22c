/* firth sandbox hook URL: lets a running sandbox call a CDS service as its EHR does. */
#ifndef FIRTH_APP_SANDBOX_HOOK_H
#define FIRTH_APP_SANDBOX_HOOK_H

#include "app/app.h"

struct sandbox_hook {
	struct str url; /* of the sandbox */
	struct str service, hook, patient, encounter, user, client_id;
	const struct option_list *prefetch; /* "KEY=QUERY" */
	const struct option_list *orders; /* "MedicationRequest/ID", or files with a resource */
};
/* Exit status: 0, 1 when the answer has mistakes or nothing could be sent, 2 for misuse. */
int sandbox_hook_call(struct app *app, const struct sandbox_hook *h);

#endif

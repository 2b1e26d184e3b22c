/* Registering an app at a running sandbox. */
#ifndef FIRTH_APP_SANDBOX_REGISTER_H
#define FIRTH_APP_SANDBOX_REGISTER_H

#include "app/app.h"

struct sandbox_registration {
	struct str url; /* of the sandbox: "http://127.0.0.1:8081" */
	struct str name, scope, jwks; /* jwks: file or URL */
	struct str launch_url; /* STR_NULL: none */
	bool secret; /* the app proves itself by one */
	const struct option_list *redirect_uris;
};
int sandbox_register(struct app *app, const struct sandbox_registration *registration);

#endif

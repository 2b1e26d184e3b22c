/* The discovery document of the authorization server, at the two names below the FHIR base that clients look for: SMART
 * App Launch 2.2 section 3.2, and OpenID Connect Discovery section 4. */
#include "server/rest/rest_priv.h"

bool smart_configuration_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	if (face && face->smart_configuration && !face->smart_configuration(face->ctx, call, answer))
		return true;
	if (!call->server->o.smart && !(face && face->smart_configuration))
		return error_set(err, ERR_NOT_FOUND, "This server runs without authorization");
	if (!answer->body.n) {
		answer->content_type = S("application/json");
		buf_add(&answer->body, smart_configuration(call->server->o.smart));
	}
	return true;
}

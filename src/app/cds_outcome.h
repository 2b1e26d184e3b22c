/* What a user does with cards, told to the service as feedback. */
#ifndef FIRTH_APP_CDS_OUTCOME_H
#define FIRTH_APP_CDS_OUTCOME_H

#include "app/cds.h"

/* As numbers of cards and suggestions in an answer: "1.2", "1=CODE". */
struct cds_outcome_options {
	struct option_list accept, override;
	struct str comment;
};
/* Finds them in the answer. *ret_count 0: none was asked for. ERR_USAGE: there is no such card or suggestion, or it has
 * no uuid. */
bool cds_outcomes_read(struct arena *a, const struct cds_outcome_options *o, const struct json *answer,
		       struct hook_outcome **ret_outcomes, size_t *ret_count, struct error *err) MUST_USE;
/* Sends them; what was wrong with the feedback or the answer to it is in ret_exchange->judged. */
bool cds_outcomes_send(struct cds_caller *c, struct arena *a, struct str service, const struct hook_outcome *outcomes,
		       size_t count, struct cds_exchange *ret_exchange, struct error *err) MUST_USE;

#endif

/*
 * Order entry: orders are drafted, the service is called with them as they are, suggestions are applied to drafts and
 * to the sandbox, cards overridden, and the service is told each time. The pages are read as text; how they look and
 * work in a browser is tested in tests/e2e.
 */
#include "hook_world.h"

#include "sandbox/hooks_priv.h"

#include <stdio.h>
#include <stdlib.h>

static char session[64];

static struct http_answer post_from(const char *form, struct str origin)
{
	return ask_url(w, arena_printf(&w->arena, "%.*s/sandbox/order-entry", STR_ARG(w->host)),
		       (struct asked){.method = "POST",
				      .form = true,
				      .body = form,
				      .accept = "text/html",
				      .more = {S("Origin"), origin}});
}

/* A form of the session's page; the answer must be a page. */
static struct str post(const char *form)
{
	struct http_answer answer = post_from(arena_printf(&w->arena, "session=%s&%s", session, form).p, w->host);
	if (answer.status != 200)
		fail_msg("%s: %d %.*s", form, answer.status, STR_ARG(answer.body));
	return arena_str(&w->arena, answer.body);
}

static bool shows(struct str page, const char *text)
{
	return str_find(page, str_from(text)) != STR_NONE;
}

static void must_show(struct str page, const char *text)
{
	if (!shows(page, text))
		fail_msg("%s is not in %.*s", text, STR_ARG(page));
}

static void open_page(void)
{
	struct http_answer answer = ask_url(w, arena_printf(&w->arena, "%.*s/sandbox/order-entry", STR_ARG(w->host)),
					    (struct asked){.accept = "text/html"});
	assert_int_equal(answer.status, 200);
	size_t at = str_find(answer.body, S("name=\"session\" value=\""));
	assert_true(at != STR_NONE);
	snprintf(session, sizeof(session), "%.36s", answer.body.p + at + 22);
}

static void open_chart(const char *patient, const char *service_path)
{
	open_page();
	struct str page = post(arena_printf(&w->arena, "do=open&patient=%s&service=%.*s%s", patient,
					    STR_ARG(service.base), service_path)
				       .p);
	must_show(page, "No order yet");
}

static const struct json *got(void)
{
	struct error err = {0};
	const struct json *j = json_parse(&w->arena, arena_str(&w->arena, str_from(service.got)), 0, &err);
	must(j, &err);
	return j;
}

static const struct json *first_draft(void)
{
	return json_get(json_at(json_get(json_get(json_get(got(), S("context")), S("draftOrders")), S("entry")), 0),
			S("resource"));
}

#define CARD(rest)                                                                                                     \
	"{\"cards\":[{\"uuid\":\"c\",\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\"}," rest "}]" \
	"}"
#define SUGGESTS(actions)                                                                                              \
	CARD("\"selectionBehavior\":\"any\",\"suggestions\":[{\"uuid\":\"s\",\"label\":\"do "                          \
	     "it\",\"actions\":[" actions "]}]")

static const char *cerner_patient(void)
{
	return w->patient.n ? w->patient.p : "12724066";
}

/* ---- orders and the call ----------------------------------------------------------------------------------------- */

static void drafts_are_sent_as_they_are(void **state)
{
	(void)state;
	open_vendor(EHR_CERNER, "cds-hooks=on");
	open_chart(cerner_patient(), "");
	struct str page = post("do=find&find=amoxic");
	must_show(page, "value=\"add amoxicillin\"");
	page = post("do=add+amoxicillin&dosage=one+a+day");
	must_show(page, "one a day");
	page = post("do=check+order-sign");
	must_show(page, "with no card");
	const struct json *draft = first_draft(), *concept = json_get(draft, S("medicationCodeableConcept"));
	assert_true(strcmp(service.path, "/cds-services/sign") == 0);
	assert_true(str_is(json_get_str(got(), S("hook")), "order-sign"));
	assert_true(str_is(json_get_str(draft, S("status")), "draft"));
	assert_true(str_is(json_get_str(json_at(json_get(concept, S("coding")), 0), S("code")), "723"));
	assert_true(str_is(json_get_str(json_at(json_get(draft, S("dosageInstruction")), 0), S("text")), "one a day"));
	assert_true(
		str_is(json_get_str(json_get(json_get(got(), S("prefetch")), S("who")), S("id")), cerner_patient()));
	/* a name that nobody knows goes in words, and orders can be taken back */
	post("do=add+nosuchdrug");
	page = post("do=remove+0");
	assert_false(shows(page, "amoxicillin<br>"));
	post("do=check+order-sign");
	concept = json_get(first_draft(), S("medicationCodeableConcept"));
	assert_null(json_get(concept, S("coding")));
	assert_true(str_is(json_get_str(concept, S("text")), "nosuchdrug"));
	close_vendor();
}

static void epic_is_called_at_the_url_that_was_typed(void **state)
{
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	open_chart(CAMILA, "/cds-services/sign");
	post("do=add+amoxicillin");
	post("do=check+order-sign");
	assert_true(strcmp(service.path, "/cds-services/sign") == 0);
	assert_true(str_starts(str_from(service.authorization), S("Bearer ")));
	/* what discovery asks for was typed in */
	assert_true(str_is(json_get_str(json_get(json_get(got(), S("prefetch")), S("who")), S("id")), CAMILA));
	assert_int_equal(json_get_str(first_draft(), S("id")).n, 200);
	/* a service that tells of nothing is called all the same */
	open_chart(CAMILA, "/elsewhere");
	post("do=add+amoxicillin");
	post("do=check+order-select");
	assert_true(strcmp(service.path, "/elsewhere") == 0);
	close_vendor();
}

/* ---- suggestions ------------------------------------------------------------------------------------------------- */

static struct str run_and_accept(const char *answer)
{
	service.answer = answer;
	must_show(post("do=check+order-sign"), "with 1 card");
	service.answer = "";
	return post("do=accept+0+0");
}

static void suggestions_change_drafts(void **state)
{
	(void)state;
	open_vendor(EHR_CERNER, "cds-hooks=on");
	open_chart(cerner_patient(), "");
	post("do=add+amoxicillin");
	post("do=check+order-sign");
	struct str id = arena_str(&w->arena, json_get_str(first_draft(), S("id")));
	/* another one */
	must_show(run_and_accept(SUGGESTS("{\"type\":\"create\",\"description\":\"d\",\"resource\":{\"resourceType\":"
					  "\"MedicationRequest\",\"status\":\"draft\",\"intent\":\"order\","
					  "\"medicationCodeableConcept\":{\"text\":\"azithromycin\"}}}")),
		  "Added azithromycin to the orders");
	assert_true(strcmp(service.path, "/cds-services/sign/feedback") == 0);
	const struct json *told = json_at(json_get(got(), S("feedback")), 0);
	assert_true(str_is(json_get_str(told, S("card")), "c"));
	assert_true(str_is(json_get_str(told, S("outcome")), "accepted"));
	assert_true(str_is(json_get_str(json_at(json_get(told, S("acceptedSuggestions")), 0), S("id")), "s"));
	/* the first, changed */
	must_show(
		run_and_accept(arena_printf(&w->arena,
					    SUGGESTS("{\"type\":\"update\",\"description\":\"d\",\"resource\":{"
						     "\"resourceType\":\"MedicationRequest\",\"id\":\"%.*s\","
						     "\"medicationCodeableConcept\":{\"text\":\"amoxicillin 250\"}}}"),
					    STR_ARG(id))
				       .p),
		"Changed amoxicillin 250 among the orders");
	/* and gone; a second time it cannot be */
	const char *drop = arena_printf(&w->arena,
					SUGGESTS("{\"type\":\"delete\",\"description\":\"d\",\"resourceId\":"
						 "\"MedicationRequest/%.*s\"}"),
					STR_ARG(id))
				   .p;
	must_show(run_and_accept(drop), "Removed amoxicillin 250 from the orders");
	must_show(post("do=accept+0+0"), "decided already");
	must_show(run_and_accept(drop), "Neither the drafts nor the sandbox have");
	assert_true(strcmp(service.path, "/cds-services/sign") == 0); /* and nothing was told */
	close_vendor();
}

static void suggestions_change_the_sandbox(void **state)
{
	(void)state;
	open_vendor(EHR_CERNER, "cds-hooks=on");
	open_chart(cerner_patient(), "");
	post("do=add+amoxicillin");
	struct str page = run_and_accept(arena_printf(&w->arena,
						      SUGGESTS("{\"type\":\"create\",\"description\":\"d\","
							       "\"resource\":{\"resourceType\":\"Condition\",\"code\":{"
							       "\"text\":\"noted\"},\"subject\":{\"reference\":"
							       "\"Patient/%s\"}}}"),
						      cerner_patient())
						 .p);
	size_t at = str_find(page, S("Created Condition/"));
	assert_true(at != STR_NONE);
	struct str id = str_slice(page, at + 18, page.n);
	id = arena_str(&w->arena, str_split(&id, ' '));
	struct str path = arena_printf(&w->arena, "Condition/%.*s", STR_ARG(id));
	const struct json *stored = json_parse(&w->arena, hooks_fetch(w->sandbox, &w->arena, STR_NULL, path), 0, NULL);
	assert_true(str_is(json_get_str(json_get(stored, S("code")), S("text")), "noted"));
	must_show(run_and_accept(arena_printf(&w->arena,
					      SUGGESTS("{\"type\":\"delete\",\"description\":\"d\",\"resourceId\":"
						       "\"Condition/%.*s\"}"),
					      STR_ARG(id))
					 .p),
		  "Deleted Condition/");
	assert_null(hooks_fetch(w->sandbox, &w->arena, STR_NULL, path).p);
	must_show(run_and_accept(SUGGESTS("{\"type\":\"create\",\"description\":\"d\",\"resource\":{\"resourceType\":"
					  "\"Ingredient\"}}")),
		  "This EHR has no Ingredient");
	close_vendor();
}

static void epic_takes_what_epic_takes(void **state)
{
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	open_chart(CAMILA, "/cds-services/sign");
	post("do=add+amoxicillin");
	must_show(run_and_accept(SUGGESTS("{\"type\":\"update\",\"description\":\"d\",\"resource\":{\"resourceType\":"
					  "\"MedicationRequest\",\"id\":\"x\"}}")),
		  "does not take the suggestion");
	/* a card is told by its topic */
	run_and_accept(CARD("\"selectionBehavior\":\"any\",\"suggestions\":[{\"uuid\":\"s\",\"label\":\"l\","
			    "\"actions\":[]}]"));
	assert_true(str_is(json_get_str(json_at(json_get(got(), S("feedback")), 0), S("card")), "c"));
	run_and_accept(
		"{\"cards\":[{\"uuid\":\"c\",\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\","
		"\"topic\":{\"code\":\"top1c\"}},\"selectionBehavior\":\"any\",\"suggestions\":[{\"uuid\":\"s\","
		"\"label\":\"l\",\"actions\":[]}]}]}");
	assert_true(str_is(json_get_str(json_at(json_get(got(), S("feedback")), 0), S("card")), "top1c"));
	close_vendor();
}

static void system_actions_are_applied_unasked(void **state)
{
	static const char answer[] =
		"{\"cards\":[],\"systemActions\":[{\"type\":\"create\",\"description\":\"d\",\"resource\":{"
		"\"resourceType\":\"MedicationRequest\",\"medicationCodeableConcept\":{\"text\":\"naloxone\"}}},{"
		"\"type\":\"delete\",\"description\":\"d\",\"resourceId\":\"MedicationRequest/none\"}]}";
	(void)state;
	open_vendor(EHR_CERNER, "cds-hooks=on");
	open_chart(cerner_patient(), "");
	post("do=add+amoxicillin");
	service.answer = answer;
	struct str page = post("do=check+order-sign");
	must_show(page, "Added naloxone to the orders.");
	must_show(page, "A system action was not applied: Neither the drafts nor the sandbox have");
	must_show(page, "value=\"remove 1\"");
	close_vendor();
	open_vendor(EHR_EPIC, NULL);
	open_chart(CAMILA, "/cds-services/sign");
	post("do=add+amoxicillin");
	service.answer = answer;
	must_show(post("do=check+order-sign"), "this EHR does not take it");
	close_vendor();
}

/* ---- overriding and signing -------------------------------------------------------------------------------------- */

static void cards_are_overridden_with_a_reason(void **state)
{
	(void)state;
	open_vendor(EHR_CERNER, "cds-hooks=on");
	open_chart(cerner_patient(), "");
	post("do=add+amoxicillin");
	service.answer = CARD("\"overrideReasons\":[{\"code\":\"r\",\"system\":\"u\",\"display\":\"Seen <b>\"}]");
	must_show(post("do=check+order-sign"), "<option value=\"0\">Seen &lt;b&gt;</option>");
	must_show(post("do=override+0"), "Choose a reason");
	assert_true(strcmp(service.path, "/cds-services/sign") == 0);
	must_show(post("do=override+0&reason=0&comment=so+be+it"), "Overridden: Seen &lt;b&gt;: so be it");
	const struct json *told = json_at(json_get(got(), S("feedback")), 0),
			  *why = json_get(told, S("overrideReason"));
	assert_true(str_is(json_get_str(told, S("outcome")), "overridden"));
	assert_true(str_is(json_get_str(json_get(why, S("reason")), S("code")), "r"));
	assert_true(str_is(json_get_str(why, S("userComment")), "so be it"));
	must_show(post("do=override+0&reason=0"), "decided already");
	must_show(post("do=override+7&reason=0"), "That card is not here");
	/* what cannot be told says so */
	service.answer = "{\"cards\":[{\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\"}}]}";
	post("do=check+order-sign");
	must_show(post("do=override+0"), "The service cannot be told");
	close_vendor();
}

static void signed_orders_are_on_the_list(void **state)
{
	(void)state;
	open_vendor(EHR_CERNER, "cds-hooks=on");
	open_chart(cerner_patient(), "");
	post("do=add+azathioprine");
	post("do=check+order-sign");
	struct str page = post("do=sign");
	must_show(page, "1 order was signed");
	must_show(page, "No order yet");
	must_show(page, ">azathioprine</button>");
	close_vendor();
}

static void nobody_else_may_order(void **state)
{
	(void)state;
	open_vendor(EHR_CERNER, NULL);
	open_page();
	assert_int_equal(post_from("do=open", S("https://evil.example")).status, 403);
	assert_int_equal(post_from("do=open&session=00000000-0000-4000-8000-000000000000", w->host).status, 404);
	must_show(post("do=add+aspirin"), "Choose a patient first");
	must_show(post("do=open"), "Choose a patient.");
	must_show(post(arena_printf(&w->arena, "do=open&patient=%s&service=x", cerner_patient()).p), "No order yet");
	must_show(post("do=nothing"), "nothing that is known");
	must_show(post("do=check+order-sign"), "There is no order yet");
	post("do=add+aspirin");
	must_show(post("do=check+order-sign"), "its URL");
	/* Cerner has none unless the site says so */
	post(arena_printf(&w->arena, "do=open&patient=%s&service=http://x.example", cerner_patient()).p);
	must_show(post("do=check+order-sign"), "cds-hooks=on");
	close_vendor();
}

/* More sessions than there are places: the oldest is forgotten. */
static void old_sessions_make_room(void **state)
{
	char first[64];
	(void)state;
	open_vendor(EHR_CERNER, NULL);
	open_page();
	memcpy(first, session, sizeof(first));
	for (int i = 0; i < 16; i++)
		open_page();
	must_show(post("do=nothing"), "Choose a patient first");
	assert_int_equal(post_from(arena_printf(&w->arena, "do=nothing&session=%s", first).p, w->host).status, 404);
	close_vendor();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drafts_are_sent_as_they_are),
		cmocka_unit_test(epic_is_called_at_the_url_that_was_typed),
		cmocka_unit_test(suggestions_change_drafts),
		cmocka_unit_test(suggestions_change_the_sandbox),
		cmocka_unit_test(epic_takes_what_epic_takes),
		cmocka_unit_test(system_actions_are_applied_unasked),
		cmocka_unit_test(cards_are_overridden_with_a_reason),
		cmocka_unit_test(signed_orders_are_on_the_list),
		cmocka_unit_test(nobody_else_may_order),
		cmocka_unit_test(old_sessions_make_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

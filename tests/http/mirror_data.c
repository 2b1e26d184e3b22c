/* See mirror.h: the same data of two patients, and what belongs to nobody. */
#include "mirror.h"

/* ---- the data
 * ------------------------------------------------------------------------------------------------------------ */

/* % stands for the patient, # for the mark that every string of theirs has. */
static const char *const shared[] = {
	"{\"resourceType\":\"Practitioner\",\"id\":\"shared\",\"name\":[{\"family\":\"Shared\"}]}",
	"{\"resourceType\":\"Organization\",\"id\":\"shared\",\"name\":\"Shared\"}",
	"{\"resourceType\":\"Medication\",\"id\":\"shared\",\"code\":{\"text\":\"Shared\"}}",
};
#define NARRATIVE                                                                                                      \
	"\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">#</div>\"}"
#define SUBJECT "\"subject\":{\"reference\":\"Patient/%\",\"display\":\"#\"}"
static const char *const mirrored[] = {
	"{\"resourceType\":\"Patient\",\"id\":\"%\"," NARRATIVE ",\"identifier\":[{\"system\":\"http://"
	"id\",\"value\":\"%\"}],\"name\":[{\"family\":\"#\",\"given\":[\"Kim\"]}],"
	"\"birthDate\":\"1980-02-03\",\"generalPractitioner\":[{\"reference\":\"Practitioner/"
	"shared\",\"display\":\"#\"}],"
	"\"managingOrganization\":{\"reference\":\"Organization/shared\"}}",
	"{\"resourceType\":\"Encounter\",\"id\":\"enc-%\"," NARRATIVE
	",\"status\":\"finished\",\"class\":{\"code\":\"AMB\"}," SUBJECT
	",\"serviceProvider\":{\"reference\":\"Organization/shared\"}}",
	"{\"resourceType\":\"Observation\",\"id\":\"lab-%\"," NARRATIVE
	",\"status\":\"final\",\"category\":[{\"coding\":[{\"code\":\"laboratory\"}]}],\"code\":{\"coding\":[{"
	"\"system\":"
	"\"http://codes\",\"code\":\"only-%\",\"display\":\"#\"}]}," SUBJECT
	",\"encounter\":{\"reference\":\"Encounter/"
	"enc-%\"},\"effectiveDateTime\":\"2020-05-06\",\"performer\":[{\"reference\":"
	"\"Practitioner/shared\"}],\"valueQuantity\":{\"value\":7,\"unit\":\"#\"},\"note\":[{\"text\":\"#\"}]}",
	"{\"resourceType\":\"Observation\",\"id\":\"vital-%\"," NARRATIVE
	",\"meta\":{\"tag\":[{\"code\":\"tag-%\"}]},\"status\":\"final\",\"category\":[{\"coding\":[{\"code\":\"vital-"
	"signs\"}]}],"
	"\"code\":{\"coding\":[{\"system\":\"http://codes\",\"code\":\"both\"}]}," SUBJECT
	",\"hasMember\":[{\"reference\":\"Observation/"
	"lab-%\"}],\"effectiveDateTime\":\"2020-05-07\",\"valueString\":\"#\"}",
	"{\"resourceType\":\"Condition\",\"id\":\"con-%\"," NARRATIVE ",\"code\":{\"text\":\"#\"}," SUBJECT "}",
	"{\"resourceType\":\"MedicationRequest\",\"id\":\"mr-%\"," NARRATIVE
	",\"status\":\"active\",\"intent\":\"order\",\"medicationReference\":{\"reference\":\"Medication/"
	"shared\"}," SUBJECT "}",
	"{\"resourceType\":\"DocumentReference\",\"id\":\"doc-%\"," NARRATIVE
	",\"status\":\"current\",\"type\":{\"coding\":[{\"code\":\"34133-9\",\"system\":\"http://"
	"loinc.org\"}]}," SUBJECT ",\"content\":[{\"attachment\":{\"url\":\"Binary/bin-%\"}}]}",
	"{\"resourceType\":\"List\",\"id\":\"list-%\",\"status\":\"current\",\"mode\":\"working\",\"title\":\"#"
	"\"," SUBJECT ",\"entry\":[{\"item\":{\"reference\":\"Observation/lab-%\"}}]}",
	"{\"resourceType\":\"Device\",\"id\":\"dev-%\",\"serialNumber\":\"#\",\"patient\":{\"reference\":\"Patient/"
	"%\"}}",
	"{\"resourceType\":\"Task\",\"id\":\"task-%\",\"status\":\"ready\",\"intent\":\"order\",\"description\":\"#\","
	"\"for\":{"
	"\"reference\":\"Patient/%\"}}",
	"{\"resourceType\":\"Provenance\",\"id\":\"prov-%\",\"target\":[{\"reference\":\"Observation/"
	"lab-%\"},{\"reference\":"
	"\"Patient/%\"}],\"recorded\":\"2020-01-01T00:00:00Z\",\"agent\":[{\"who\":{\"display\":\"#\"}}]}",
	"{\"resourceType\":\"RelatedPerson\",\"id\":\"rel-%\",\"patient\":{\"reference\":\"Patient/"
	"%\"},\"name\":[{\"family\":\"#\"}]}",
	"{\"resourceType\":\"Basic\",\"id\":\"basic-%\",\"code\":{\"text\":\"#\"}," SUBJECT "}",
	"{\"resourceType\":\"Binary\",\"id\":\"bin-%\",\"contentType\":\"text/"
	"plain\",\"data\":\"QUJD\",\"securityContext\":{"
	"\"reference\":\"Patient/%\"}}",
	"{\"resourceType\":\"Observation\",\"id\":\"gone-%\",\"status\":\"final\",\"code\":{\"text\":\"#\"}," SUBJECT
	"}",
};
static struct str of_patient(struct mirror *m, const char *text, const char *who)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	for (; *text; text++) {
		if (*text == '%')
			buf_add(&out, str_from(who));
		else if (*text == '#')
			buf_add(&out, who[0] == 'a' ? S("ALPHAMARK") : S("BRAVOMARK"));
		else
			buf_char(&out, *text);
	}
	struct str result = arena_str(&m->arena, buf_str(&out));
	buf_done(&out);
	return result;
}

void mirror_send(struct mirror *m, struct side *s, const char *method, struct str body)
{
	struct error err = {0};
	const struct json *tree = json_parse(&m->arena, body, 0, &err);
	struct str path = arena_printf(&m->arena, "%.*s/%.*s", STR_ARG(json_get_str(tree, S("resourceType"))),
				       STR_ARG(json_get_str(tree, S("id"))));
	const struct probe p = {"", method, path.p, NULL, strcmp(method, "PUT") == 0 ? body.p : NULL};
	struct http_answer answer = mirror_ask(m, s, &p, mirror_url(m, s, path.p));
	if (answer.status >= 300)
		fail_msg("%s %s: %d %.*s", method, path.p, answer.status, STR_ARG(answer.body));
}

void mirror_load_patient(struct mirror *m, struct side *s, const char *who)
{
	enum { COUNT = sizeof(mirrored) / sizeof(mirrored[0]) };
	for (size_t i = 0; i < COUNT; i++) {
		struct str body = of_patient(m, mirrored[i], who);
		mirror_send(m, s, "PUT", body);
	}
	/* A second version of one, and a deletion. */
	struct str again = of_patient(m, mirrored[2], who);
	struct buf changed;
	buf_init(&changed, 1 << 20);
	size_t at = str_find(again, S("\"final\""));
	buf_add(&changed, str_slice(again, 0, at));
	buf_add(&changed, S("\"amended\""));
	buf_add(&changed, str_slice(again, at + 7, again.n));
	mirror_send(m, s, "PUT", arena_str(&m->arena, buf_str(&changed)));
	buf_done(&changed);
	mirror_send(m, s, "DELETE", of_patient(m, mirrored[COUNT - 1], who));
}

void mirror_load_shared(struct mirror *m, struct side *s)
{
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		mirror_send(m, s, "PUT", str_from(shared[i]));
}

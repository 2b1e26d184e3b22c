/*
 * CDS services over HTTP for tests: a store (SQLite or PostgreSQL), the services on a free port, and an EHR beside it
 * whose FHIR server answers what a test lays down. One test at a time.
 */
#ifndef FIRTH_TESTS_UNIT_CDS_WORLD_H
#define FIRTH_TESTS_UNIT_CDS_WORLD_H

#include "../store/fixture.h"

#include "http/client.h"
#include "server/cds/cds.h"

#define RX(id, code, text)                                                                                             \
	"{\"resourceType\":\"MedicationRequest\",\"id\":\"" id "\",\"status\":\"active\",\"intent\":\"order\","        \
	"\"medicationCodeableConcept\":{\"text\":\"" text                                                              \
	"\",\"coding\":[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"" code "\"}]}}"
#define ALLERGY(id, code)                                                                                              \
	"{\"resourceType\":\"AllergyIntolerance\",\"id\":\"" id "\",\"patient\":{\"reference\":\"Patient/1\"},"        \
	"\"code\":{\"coding\":[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"" code "\"}]}}"
#define ENTRY(resource) "{\"resource\":" resource "}"
#define BUNDLE(entries) "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[" entries "]}"
#define AMOXICILLIN	RX("d1", "723", "amoxicillin")
#define IBUPROFEN	RX("d2", "5640", "ibuprofen")
#define WARFARIN	RX("m1", "11289", "warfarin")
#define QUIET		"\"statements\":null,\"ended\":null,\"laboratory\":null"

/* Members before context may be given: "" or "\"fhirServer\":...,". prefetch: members, or NULL for none at all. */
const char *request_text(struct arena *a, const char *hook, const char *more, const char *orders, const char *prefetch);

/* What the EHR answers to a target that holds the text; the first that fits wins. "%BASE%" in a body is its address. */
struct ehr_answer {
	const char *holds;
	int status;
	const char *body;
	unsigned sleep_ms;
};

struct cds_world {
	struct fixture *f;
	struct knowledge *knowledge;
	struct policy policy;
	struct hook_orders_options orders;
	struct cds_service services[CDS_BUILTIN_MAX];
	struct cds_server *cds;
	struct http_server *http, *ehr;
	struct http_client *client;
	char base[64], fhir[64];
	const struct ehr_answer *answers; /* ended by a NULL text */
	unsigned asked; /* requests that the EHR had */
	char bearer[64]; /* the last token that it was shown; "" for none */
};
/* options may be NULL; what only the world knows is filled in. */
void cds_world_open(struct cds_world *w, struct fixture *f, const struct cds_server_options *options);
void cds_world_close(struct cds_world *w);

struct cds_reply {
	int status;
	const struct json *json; /* NULL: it is none */
	struct http_answer http;
};
/* A POST to /cds-services/PATH, or another method with body NULL. */
struct cds_reply cds_world_ask(struct cds_world *w, struct arena *a, const char *method, const char *path,
			       const char *body, const struct http_header *headers, size_t count);
struct cds_reply cds_world_call(struct cds_world *w, const char *service, const char *body);

#endif

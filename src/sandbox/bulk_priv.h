/*
 * Bulk export of a sandbox: Firth's own $export (server/bulk), each vendor's rules before it, and each vendor's looks
 * of states and files. What is known of it stands in docs/sandbox.md.
 */
#ifndef FIRTH_SANDBOX_BULK_PRIV_H
#define FIRTH_SANDBOX_BULK_PRIV_H

#include "sandbox/faults_priv.h"
#include "server/bulk/export.h"

struct sandbox_bulk {
	struct sandbox *s;
	struct jobs *jobs;
	struct bulk_export export;
	char own_directory[64]; /* made by us, and removed; "" for none */
	struct str file_host; /* "http://localhost:8081": where files are at Cerner */
	unsigned char key[32]; /* of its links */
};

/* bulk.c */
bool sandbox_bulk_open(struct sandbox *s, struct error *err) MUST_USE;
void sandbox_bulk_close(struct sandbox *s);
/* The file host, which is no part of the FHIR server; true when it was answered. */
bool bulk_handle(struct sandbox *s, struct http_exchange *x);
/* A path below the base that starts so: what follows, otherwise STR_NULL. */
struct str bulk_below(struct str path, struct str start);
/* An OperationOutcome as the answer. */
void bulk_refuse(struct rest_answer *answer, int status, const char *issue, struct str text);
/* May the route be asked at all: kick-offs, states, files? */
bool bulk_is_route(const struct rest_call *call);
/* The query without the parameters of that name. */
struct str bulk_without(struct arena *a, struct str query, const char *name);

/* bulk_epic.c, bulk_cerner.c: what is set for the export, and hooks of the faces. */
void epic_bulk_settle(struct sandbox_bulk *b);
bool epic_bulk(void *ctx, struct rest_call *call, struct rest_answer *answer);
struct str epic_bulk_path(void *ctx, struct arena *a, struct str path);
void epic_bulk_job(void *ctx, struct rest_call *call, const struct job_state *state, struct rest_answer *answer);
bool epic_bulk_file(void *ctx, struct rest_call *call, size_t number, struct rest_answer *answer);
bool epic_bulk_exports(void *ctx, const struct fhir_type *type);
/* A resource as it is in a bulk file. STR_NULL without memory. */
struct str epic_bulk_line(struct sandbox *s, struct arena *a, const struct fhir_type *type, struct str text);

void cerner_bulk_settle(struct sandbox_bulk *b);
bool cerner_bulk(void *ctx, struct rest_call *call, struct rest_answer *answer);
struct str cerner_bulk_path(void *ctx, struct arena *a, struct str path);
void cerner_bulk_job(void *ctx, struct rest_call *call, const struct job_state *state, struct rest_answer *answer);
bool cerner_bulk_file(void *ctx, struct rest_call *call, size_t number, struct rest_answer *answer);
bool cerner_bulk_exports(void *ctx, const struct fhir_type *type);
/* Answers what the file host is asked for. */
void cerner_bulk_host(struct sandbox *s, struct http_exchange *x, struct str path);

#endif

/* Writing one synthetic patient, in two files. Private to the room. */
#ifndef FIRTH_SANDBOX_SYNTHETIC_WRITE_PRIV_H
#define FIRTH_SANDBOX_SYNTHETIC_WRITE_PRIV_H

#include "sandbox/synthetic_priv.h"

#define TERMINOLOGY "http://terminology.hl7.org/CodeSystem/"

struct writing {
	const struct synthetic_tables *tables;
	const struct synthetic_patient *patient;
	struct json_writer w;
	unsigned observations, reports;
	char text[160];
};

/* Pieces. */
void synthetic_put(struct writing *s, const char *key, struct str text);
void synthetic_object(struct writing *s, const char *key);
void synthetic_array(struct writing *s, const char *key);
/* "key": {"coding":[{...}], "text": ...}; key NULL inside an array */
void synthetic_concept(struct writing *s, const char *key, const char *system, struct str code, struct str display,
		       struct str text);
void synthetic_patient_link(struct writing *s, const char *key);
void synthetic_visit_link(struct writing *s, unsigned visit);
void synthetic_begin(struct writing *s, const char *type, const char *letter, unsigned number);
void synthetic_end(struct writing *s);
struct str synthetic_instant(struct writing *s, int64_t seconds);

/* Members of resources under way, and whole resources. */
void synthetic_write_origin(struct writing *s);
void synthetic_write_marriage(struct writing *s);
void synthetic_write_dosage(struct writing *s, const struct synthetic_medication *m);
void synthetic_write_supply(struct writing *s);
void synthetic_write_vaccines(struct writing *s);
void synthetic_write_procedures(struct writing *s);
/* A panel of the observations first..last; none when last is before first. */
void synthetic_write_report(struct writing *s, const char *loinc, const char *name, unsigned first, unsigned last,
			    unsigned visit);
void synthetic_write_note(struct writing *s);

#endif

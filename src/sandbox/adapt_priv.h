/* Turning foreign resources into those of a vendor: ids, links, identifiers, narrative. Private to the room. */
#ifndef FIRTH_SANDBOX_ADAPT_PRIV_H
#define FIRTH_SANDBOX_ADAPT_PRIV_H

#include "base/map.h"
#include "sandbox/sandbox.h"

#define CERNER_TENANT "ec2458f2-1e24-41c8-b71b-0e701af7583d"
#define EPIC_OID      "urn:oid:1.2.840.114350.1.13.0.1.7."

/* Addresses of the authorization servers. */
#define EPIC_KEYS_PATH	      "/interconnect-fhir-oauth/api/epic/2019/Security/Open/PublicKeys/530027/OIDC"
#define EPIC_HOOKS_KEYS_PATH  "/interconnect-fhir-oauth/api/epic/2019/Security/Open/PublicKeys/530013/530013"
#define EPIC_REGISTER_PATH    "/interconnect-fhir-oauth/oauth2/register"
#define EPIC_STYLE_PATH	      "/interconnect-fhir-oauth/api/epic/2016/EDI/HTTP/style/100004/RklSVEg.json"
#define CERNER_OAUTH_PATH     "/tenants/" CERNER_TENANT "/protocols/oauth2/profiles/smart-v1"
#define CERNER_OPENID_PATH    "/tenants/" CERNER_TENANT "/oidc/idsps/" CERNER_TENANT "/"
#define CERNER_KEYS_PATH      "/jwk"
#define CERNER_TOKENINFO_PATH "/tokeninfo"
#define CERNER_STYLE_PATH     "/styles/smart-v1.json"

struct adapter {
	enum ehr_vendor vendor;
	struct arena *arena;
	struct map resources; /* "Type/id" and fullUrl -> const struct json * of the Bundle */
	bool native; /* ids are the vendor's already: a write, not a load */
	const struct json *(*find)(void *ctx, struct str reference); /* what is not in the Bundle; may be NULL */
	void *find_ctx;
	struct str now; /* of a write */
	bool fresh; /* a create: the id is not known yet */
	struct map made; /* "Type/id" of extras, so that each is made once */
	struct adapter_extra *extras;
	size_t extra_count, extra_capacity;
};
/* A resource that nobody sent but that others lead to: a Practitioner behind a name, a Medication behind a code. */
struct adapter_extra {
	struct str type, id, text;
};
/* One resource of a write: its members in the vendor's form, with this id. */
bool adapter_write(struct adapter *ad, const struct json *resource, struct str id, bool fresh, struct buf *out,
		   struct error *err) MUST_USE;
/* Stands for the id of a resource that has none yet; a face puts the id in its place when it shows it. */
#define ADAPTER_SELF "@self@"
void adapter_extra(struct adapter *ad, struct str type, struct str id, struct str text);
/* A reference with the vendor's id; what cannot be followed stays as it is. */
struct str adapter_reference(struct adapter *ad, struct str old);
/* A value with references, codings and ids below it in the vendor's form. */
void adapter_put_value(struct adapter *ad, struct json_writer *w, struct str type, const struct json *j);
const struct json *adapter_contained(const struct json *resource, struct str reference); /* "#id", or NULL */
const struct json *adapter_official_name(const struct json *resource);
struct str adapter_record_number(const struct json *patient); /* STR_NULL: none */
/* The number of a visit by the id that it came with, or a reference to it. */
struct str adapter_visit_number(struct adapter *ad, struct str id);
struct str adapter_upper(struct arena *a, struct str text); /* ASCII letters */
struct str adapter_medication_name(struct adapter *ad, const struct json *order);
/* A note of plain text (base64) as HTML and as RTF (base64), as Epic keeps it. */
void adapter_note_forms(struct arena *a, struct str data, struct str *ret_html, struct str *ret_rtf);
/* The words of a page of XHTML (base64) as RTF (base64); scripts, styles, frames and the like go. */
struct str adapter_page_rtf(struct arena *a, struct str data);
/* The resource that a reference leads to within the Bundle, or NULL. */
const struct json *adapter_target(const struct adapter *ad, struct str reference);

/* The id that this vendor gives to a resource; resource may be NULL when only its type and id are known. */
struct str adapter_id(enum ehr_vendor vendor, struct arena *a, struct str type, struct str id,
		      const struct json *resource);
/* A new id of the vendor's form for something that had none. */
struct str adapter_fresh_id(enum ehr_vendor vendor, struct arena *a, struct str type, const struct json *resource);
/* At Cerner, the id of an Observation by the numbers of its events in its identifiers; STR_NULL when it has none. */
struct str adapter_event_id(struct arena *a, const struct json *resource);
/* A number that stays the same for the same text, below limit. */
uint64_t adapter_number(struct str type, struct str id, uint64_t limit);

/* "Family, Given Middle", as both vendors show persons. STR_NULL when there is no name. */
struct str adapter_person(struct arena *a, const struct json *resource);
/* Cerner's generated narrative as a complete "text" value. */
void adapter_narrative(struct json_writer *w, struct arena *a, const struct json *resource, struct str patient_name);

#endif

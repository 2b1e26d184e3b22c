/*
 * Patches: a resource and a list of changes give the changed resource, or an error that says which operation failed and
 * why. What goes in is never touched, so a patch is applied as a whole or not at all. Pure; any thread.
 *
 * Failures: ERR_STRUCTURE when the patch itself is malformed, ERR_PATCH when an operation cannot be applied, ERR_LIMIT
 * past a limit, ERR_MEMORY. Texts begin with the operation, "operation 2 (replace /name/0): ...", counted from 1, and
 * quote no values. The result has not been checked against the definitions; resource_check() does that.
 */
#ifndef FIRTH_PATCH_PATCH_H
#define FIRTH_PATCH_PATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "json/json.h"

struct definitions;

#define PATCH_MAX_OPERATIONS 10000
#define PATCH_MAX_BYTES	     ((size_t)256 << 20) /* of the result */

/* JSON Patch (RFC 6902) with JSON Pointers (RFC 6901) on any JSON document. Numbers keep their text; `test` compares
 * them by value. Members that are replaced keep their place, new ones come last. The result lies in the arena. */
const struct json *patch_json(struct arena *a, const struct json *document, const struct json *patch,
			      struct error *err) MUST_USE;

/* FHIRPath Patch (http://hl7.org/fhir/R4/fhirpatch.html): a Parameters resource with operations add, insert, delete,
 * replace and move. New elements take the place that their definition gives them, lists of primitives and of their
 * extensions stay side by side, and an element that an operation leaves without content goes, as FHIR has no empty
 * elements. What the definitions do not know cannot be added. Deleting what is not there is no error. */
const struct json *patch_fhirpath(struct arena *a, const struct definitions *d, const struct json *resource,
				  const struct json *parameters, struct error *err) MUST_USE;

/* XML Patch (RFC 5261, see xml_patch() in xml/xml.h) on the XML form of a resource. Names without prefix are in FHIR's
 * namespace unless the diff says otherwise. The result is read back as strictly as any XML, so a patch that leaves an
 * element without content or out of order is refused; what no operation touched comes back to the byte. */
const struct json *patch_xml(struct arena *a, const struct definitions *d, const struct json *resource, struct str diff,
			     struct error *err) MUST_USE;

#endif

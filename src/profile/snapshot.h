/*
 * Snapshots (http://hl7.org/fhir/R4/profiling.html#snapshot): the whole of a profile, where its author wrote down only
 * what differs from the base. The snapshot of the base is taken, what the differential says is merged in, slices are
 * added, and data types are opened where the differential goes deeper than the base. Profiles, and types and logical
 * models that specialise others. Pure; any thread.
 */
#ifndef FIRTH_PROFILE_SNAPSHOT_H
#define FIRTH_PROFILE_SNAPSHOT_H

#include "fhir/canonicals.h"
#include "fhir/resource.h"

struct snapshot_options {
	const struct canonical *from; /* what canonicals are looked up from; NULL: as an instance sees it */
	bool anew; /* generate even when there is a snapshot already */
	/* What the differential must not do but which can be passed over: a cardinality loosened, a type that the base
	 * does not allow, a slice of what is not sliced. Each with the element's id as path. NULL: not wanted. */
	struct issues *problems;
};

/* The StructureDefinition with its snapshot, whole, in the arena: the same shape as a published one, element by element
 * with id, path and base. One that has a snapshot is returned as it is. Bases and types come from the set; they may
 * lack snapshots too. options may be NULL.
 *
 * NULL with ERR_STRUCTURE (path: the element's id) when the differential names an element that the base does not have,
 * or is its own base; ERR_NOT_FOUND when the base or a type is not in the set; ERR_LIMIT for
 * more than SNAPSHOT_MAX_ELEMENTS. Elements of built-in bases have no definition, comment or mapping: the set leaves
 * out what only people read. */
const struct json *profile_snapshot(struct arena *a, const struct canonicals *c, const struct json *profile,
				    const struct snapshot_options *options, struct error *err) MUST_USE;

enum { SNAPSHOT_MAX_ELEMENTS = 100000 };

#endif

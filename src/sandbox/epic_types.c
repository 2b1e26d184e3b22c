/* Epic's resource types, and how its searches are refused. */
#include "sandbox/face_priv.h"

#define RULE                                                                                                           \
	{                                                                                                              \
		400, "business-rule", "59159"                                                                          \
	}
#define REQUIRED                                                                                                       \
	{                                                                                                              \
		400, "required", "4111"                                                                                \
	}
#define PROCESSING                                                                                                     \
	{                                                                                                              \
		403, "processing", "59133"                                                                             \
	}
#define EPIC(...) {__VA_ARGS__},
#define CERNER(...)

const struct face_type epic_types[] = {
#include "ehr/types.def"
	{NULL},
};

/* Cerner's resource types, and how its searches are refused. */
#include "sandbox/face_priv.h"

#define INVALID                                                                                                        \
	{                                                                                                              \
		400, "invalid", NULL                                                                                   \
	}
#define CERNER(...) {__VA_ARGS__},
#define EPIC(...)

const struct face_type cerner_types[] = {
#include "ehr/types.def"
	{NULL},
};

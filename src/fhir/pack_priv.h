/*
 * The form of the definitions pack: what gen/ writes at build time and src/fhir/definitions.c reads at run time.
 *
 * A header, then sections of fixed-size records of 32-bit words in the byte order of the machine, then the bytes of all
 * texts. Records refer to each other by index, to texts by offset and length. Index PACK_NONE means "none".
 */
#ifndef FIRTH_FHIR_PACK_PRIV_H
#define FIRTH_FHIR_PACK_PRIV_H

#include <stdint.h>

#define PACK_MAGIC  0x48545246u /* "FRTH" */
#define PACK_FORMAT 2u
#define PACK_NONE   UINT32_MAX

struct pack_text {
	uint32_t at, n; /* n == PACK_NONE: no text at all */
};

enum pack_section {
	PACK_TYPES, /* pack_type, sorted by name */
	PACK_ELEMENTS, /* pack_element, those of a type in a row */
	PACK_ELEMENT_TYPES, /* pack_element_type */
	PACK_TEXTS, /* pack_text: target profiles and target types, codes of parameters */
	PACK_PARAMS, /* pack_param, those of a resource type in a row, sorted by code */
	PACK_VALUE_SETS, /* pack_value_set, sorted by url */
	PACK_CODES, /* pack_text, those of a value set in a row, sorted */
	PACK_COMPONENTS, /* pack_component, those of a composite parameter in a row */
	PACK_COMPARTMENTS, /* pack_compartment, sorted by type */
	PACK_MEMBERS, /* pack_member, those of a compartment in a row, sorted by type */
	PACK_BYTES, /* the texts */
	PACK_SECTIONS
};

struct pack_header {
	uint32_t magic, format, size, checksum; /* FNV-1a of everything after the header */
	struct {
		uint32_t at, count; /* byte offset from the start; records (bytes for PACK_BYTES) */
	} sections[PACK_SECTIONS];
};

struct pack_type {
	struct pack_text name, pattern, summary, url;
	uint32_t kind, abstract, base;
	uint32_t first_element, element_count;
	uint32_t first_param, param_count;
};

enum { PACK_CHOICE = 1, PACK_SUMMARY = 2, PACK_MODIFIER = 4 };
struct pack_element {
	struct pack_text name, path, value_set, definition;
	uint32_t flags, min, max; /* max PACK_NONE: "*" */
	uint32_t first_type, type_count;
	uint32_t strength;
};

struct pack_element_type {
	uint32_t type, first_target, target_count; /* targets in PACK_TEXTS */
};

struct pack_param {
	struct pack_text code, url, expression;
	uint32_t type, first_target, target_count;
	uint32_t first_component, component_count;
};

struct pack_component {
	uint32_t param; /* in PACK_PARAMS */
	uint32_t whole;
};

struct pack_compartment {
	uint32_t type, first_member, member_count;
};

struct pack_member {
	uint32_t type, first_param, param_count; /* codes of parameters in PACK_TEXTS */
};

struct pack_value_set {
	struct pack_text url;
	uint32_t first_code, code_count;
};

static inline uint32_t pack_checksum(const unsigned char *p, uint32_t n)
{
	uint32_t h = 2166136261u;
	for (uint32_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

#endif

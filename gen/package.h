/* Reading a FHIR package at build time: its files one by one, through the reader that the program itself has. */
#ifndef FIRTH_GEN_PACKAGE_H
#define FIRTH_GEN_PACKAGE_H

#include "base/error.h"
#include "base/str.h"

/* Gives every file of the archive to take(), whose texts are valid during the call only. Stops at the first failure,
 * with the name of the file in front of what take() said. */
bool package_each(const char *path, bool (*take)(void *ctx, struct str name, struct str content, struct error *err),
		  void *ctx, struct error *err) MUST_USE;

#endif

/* Files of <case> elements, as the suites for patches have them. */
#ifndef FIRTH_SUITES_CASES_H
#define FIRTH_SUITES_CASES_H

#include "xml/xml.h"

/* Calls run for every <case> of an XML file, or of those files of a directory whose names hold `mark` or are cases.xml.
 * text is the whole file. Says on standard error what cannot be read. False when no file could. */
bool cases_each(const char *path, const char *mark, void (*run)(struct str text, const struct xml_node *c));

#endif

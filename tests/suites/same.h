/* When suites call two documents the same. */
#ifndef FIRTH_SUITES_SAME_H
#define FIRTH_SUITES_SAME_H

#include "json/json.h"
#include "xml/xml.h"

/* The same names with their namespaces, attributes and texts. Comments and prefixes do not count, nor does white space
 * but that it separates words. */
bool same_markup(const struct xml_node *a, const struct xml_node *b);
/* The same members in any order, lists in theirs, numbers by their text; with by_meaning numbers by their value, and
 * narratives as markup. scratch is for reading those. */
bool same_json(struct arena *scratch, const struct json *a, const struct json *b, bool by_meaning);

#endif

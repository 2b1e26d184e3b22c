/*
 * The detail of a card as a person reads it. CDS services write GitHub Flavored Markdown, and whatever they write is
 * shown by the EHR, so it is taken as text of a stranger: HTML stays text, images become their words, links are those
 * of http and https alone, characters that hide or turn text are left out. Understood are paragraphs, headings, lists,
 * quotes, code, tables, emphasis, strong, struck-through text, links and line breaks. Pure; time is linear but for
 * links and code, whose ends are looked for within bounds.
 */
#ifndef FIRTH_HOOKS_MARKDOWN_H
#define FIRTH_HOOKS_MARKDOWN_H

#include "base/buf.h"

#define MARKDOWN_MAX ((size_t)64 << 10) /* bytes; what is longer is cut and says so */

/* Elements h4 to h6, p, ul, ol, li, blockquote, pre, code, em, strong, del, a, br, hr, table and a div with class
 * "table" around that; every value is escaped, and nothing has a style or a script. */
void markdown_html(struct buf *out, struct str text);

struct markdown_terminal {
	unsigned width; /* of a line with its indent; 0: 80 */
	unsigned indent;
	bool colour; /* escape sequences for bold and so on */
};
/* Lines that end with a newline. */
void markdown_terminal(struct buf *out, struct str text, const struct markdown_terminal *how);

#endif

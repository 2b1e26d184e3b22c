/* Blocks and inlines of Markdown. Private to the room. */
#ifndef FIRTH_HOOKS_MARKDOWN_PRIV_H
#define FIRTH_HOOKS_MARKDOWN_PRIV_H

#include "hooks/markdown.h"

struct markdown {
	struct buf *out;
	bool html, colour;
	unsigned width, indent;
	unsigned depth; /* of lists and quotes */
	bool tight; /* paragraphs of a list without empty lines stand without <p> */
};

/* A paragraph's worth of text. In a terminal a line break is a newline, and nothing is wrapped yet. */
void markdown_inline(struct markdown *m, struct str text, bool links);
/* Text without any meaning. */
void markdown_plain(struct markdown *m, struct str text);

#endif

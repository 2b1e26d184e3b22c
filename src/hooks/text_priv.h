/* Characters that no text of a stranger brings along. Private to the room. */
#ifndef FIRTH_HOOKS_TEXT_PRIV_H
#define FIRTH_HOOKS_TEXT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

/* Without a place in one line: controls, and the marks by which text can be made to read otherwise than it is. */
bool text_is_hidden(uint32_t point);

#endif

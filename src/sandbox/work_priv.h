/* Threads of a sandbox's own. Private to the room. */
#ifndef FIRTH_SANDBOX_WORK_PRIV_H
#define FIRTH_SANDBOX_WORK_PRIV_H

#include "sandbox/face_priv.h"

/* Runs fn on a thread of its own; false when too many run, or there is no memory: then it was not run. */
bool work_start(struct sandbox *s, void (*fn)(void *arg), void *arg);
/* Until none runs. */
void work_wait(struct sandbox *s);

#endif

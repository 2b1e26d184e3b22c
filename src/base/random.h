/* Random bytes from the operating system, fit for keys and tokens, and UUIDs. Any thread. */
#ifndef FIRTH_BASE_RANDOM_H
#define FIRTH_BASE_RANDOM_H

#include <stddef.h>

/* Fills n bytes; ends the process if the system has no randomness, since no caller could go on safely. */
void random_bytes(void *p, size_t n);

#define UUID_SIZE 36
/* A random UUID (RFC 9562, version 4) in lower case, 36 bytes and no zero. */
void random_uuid(char ret_text[UUID_SIZE]);
/* A time-ordered UUID (RFC 9562, version 7): new ids sort by age, which keeps indexes compact. */
void random_uuid_ordered(char ret_text[UUID_SIZE]);

#endif

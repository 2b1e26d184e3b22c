/* SHA-1 (FIPS 180-4). Good for comparing content with a hash that a format prescribes, as FHIR does for attachments;
 * not for anything that somebody may want to forge. Any thread. */
#ifndef FIRTH_BASE_SHA1_H
#define FIRTH_BASE_SHA1_H

#include "base/str.h"

enum { SHA1_SIZE = 20 };
void sha1(struct str bytes, unsigned char ret_digest[SHA1_SIZE]);

#endif

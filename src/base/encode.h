/* Hexadecimal, base64url and percent coding. Results go to a buf; decoders refuse anything malformed. */
#ifndef FIRTH_BASE_ENCODE_H
#define FIRTH_BASE_ENCODE_H

#include "base/buf.h"

void encode_hex(struct buf *out, struct str bytes);
/* RFC 4648 section 5, without padding. */
void encode_base64url(struct buf *out, struct str bytes);
bool decode_base64url(struct buf *out, struct str text);
/* RFC 4648 section 4, with padding, as FHIR base64Binary. */
void encode_base64(struct buf *out, struct str bytes);
/* The same back, with its padding and nothing else around it. False: not base64. */
bool decode_base64(struct buf *out, struct str text);

/* RFC 3986: everything but unreserved characters becomes %XX. */
void encode_percent(struct buf *out, struct str text);
/* application/x-www-form-urlencoded: + is a space when form is true. False on a broken or zero escape. */
bool decode_percent(struct buf *out, struct str text, bool form);

/* Text inside HTML element content or a quoted attribute. */
void encode_html(struct buf *out, struct str text);

#endif

/* Small archives for tests, good and bad ones. */
#ifndef FIRTH_TESTS_PACKAGE_MAKE_H
#define FIRTH_TESTS_PACKAGE_MAKE_H

#include "base/buf.h"

/* Size as octal digits, magic and checksum into a header whose name and type are set. */
void tar_finish_header(char header[512], const char *size);
void tar_put_entry(struct buf *tar, const char *name, char type, struct str content);
void tar_put_end(struct buf *tar);
void tar_zip(struct buf *out, struct str bytes);

#endif

/*
 * Reading a gzip-compressed tar archive (RFC 1952; POSIX.1-2017 pax, ustar, and GNU long names) as FHIR packages are, a
 * file at a time, from bytes in memory. Archives come from anywhere, so everything that a package has no use for is
 * refused rather than interpreted: names that leave the directory, links, devices, sizes past the limits, checksums
 * that do not match, ends that are missing. Pure. One thread at a time.
 */
#ifndef FIRTH_PACKAGE_TAR_H
#define FIRTH_PACKAGE_TAR_H

#include "base/error.h"
#include "base/str.h"

struct tar;

/* Zero: the default. */
struct tar_limits {
	size_t max_entries; /* 100,000 */
	size_t max_entry; /* bytes of one file: 256 MB */
	size_t max_total; /* bytes unpacked: 2 GB */
};
enum { TAR_MAX_NAME = 1000 };

/* gzip must live until tar_close(). NULL with ERR_VALUE when it is no gzip, or ERR_MEMORY. */
struct tar *tar_open(struct str gzip, const struct tar_limits *limits, struct error *err) MUST_USE;
void tar_close(struct tar *t);

/* The next regular file; both texts are valid until the next call. The name is relative, its parts are separated by
 * single slashes and none of them is "." or "..". False at the end, and when the archive is damaged, hostile or past a
 * limit: then err is set (ERR_VALUE, ERR_TOO_LARGE, ERR_MEMORY) and what was read before must not be trusted. */
bool tar_next(struct tar *t, struct str *ret_name, struct str *ret_content, struct error *err);

#endif

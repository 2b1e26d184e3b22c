/* What calls and looks share: files of TLS for libcurl. */
#ifndef FIRTH_HTTP_CLIENT_PRIV_H
#define FIRTH_HTTP_CLIENT_PRIV_H

#include <curl/curl.h>

#include "http/client.h"

enum { HTTP_TLS_FILES = 3 };
bool http_tls_copy(const struct http_tls *tls, char *ret_files[HTTP_TLS_FILES], struct error *err) MUST_USE;
void http_tls_free(char *files[HTTP_TLS_FILES]);
void http_tls_set(CURL *curl, char *const files[HTTP_TLS_FILES]);

#endif

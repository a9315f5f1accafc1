#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

/* accept: what a client would rather have (RFC 9110, 12.4 and 12.5). A header that is missing or
 * not of its form says nothing, so the first choice of the server stands. Threads: pure. */

#include "base/base.h"

enum http_language { HTTP_ZH, HTTP_EN };

/* Accept-Language -> zh or en, zh where neither is wanted more; NULL is fine. */
enum http_language http_accept_language(const char *header);
const char *http_language_text(enum http_language language); /* "zh", "en" */

/* Accept-Encoding: is gzip welcome? Only where it is named, or "*", with a weight above 0. */
bool http_accepts_gzip(const char *header);

/* If-None-Match: does it name this entity tag (with its quotes), or "*"? Weak comparison. */
bool http_matches_tag(const char *header, const char *tag);

#endif

#ifndef CODEC_UTF8_H
#define CODEC_UTF8_H

/* utf8: is it UTF-8? As RFC 3629 says: no overlong forms, no surrogates, nothing past U+10FFFF.
 * Threads: pure functions. */

#include "base/base.h"

/* Bytes of the character at the start of `text`, 0 where there is none that is whole and valid.
 * length > 0. */
size_t utf8_character(const char *text, size_t length);

/* Length of the longest valid beginning; `length` when all of it is valid. */
size_t utf8_valid_length(const char *text, size_t length);

#endif

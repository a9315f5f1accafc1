#include "host/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Byte by byte: what comes after the line stays for whoever reads on. */
static enum lx_err read_line(char *text, size_t size, struct lx_error *err)
{
    size_t length = 0;
    for (;;) {
        char byte;
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return lx_fail_errno(err, errno, "standard input");
        if (got == 0 && length == 0)
            return lx_fail(err, LX_ERR_NOT_FOUND,
                           "password: standard input is empty; give it there, or use a terminal");
        if (got == 0 || byte == '\n') break;
        if (length + 1 >= size)
            return lx_fail(err, LX_ERR_LIMIT, "password: more than %zu bytes", size - 1);
        text[length++] = byte;
    }
    if (length > 0 && text[length - 1] == '\r') length--;
    text[length] = 0;
    return LX_OK;
}

enum lx_err host_secret_read(const char *prompt, char *ret_text, size_t size, bool *ret_is_terminal,
                             struct lx_error *err)
{
    struct termios shown, hidden;
    bool is_terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    *ret_is_terminal = is_terminal;
    if (!is_terminal) return read_line(ret_text, size, err);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", prompt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    enum lx_err code = read_line(ret_text, size, err);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fprintf(stderr, "\n");
    return code;
}

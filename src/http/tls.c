/* TLS 1.2 and later by OpenSSL, with its own choice of ciphers at security level 2. */
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "http/parts.h"

static enum lx_err fail(struct lx_error *err, const char *path, const char *what)
{
    char reason[256];
    unsigned long number = ERR_get_error();
    ERR_error_string_n(number, reason, sizeof reason);
    ERR_clear_error();
    return lx_fail(err, LX_ERR_IO, "%s: %s: %s", path, what, number != 0 ? reason : "no reason");
}

enum lx_err http_tls_open(const char *certificate_file, const char *key_file, void **ret_tls,
                          struct lx_error *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL) return fail(err, certificate_file, "no TLS");
    enum lx_err code = LX_OK;
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        code = fail(err, certificate_file, "no TLS 1.2");
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    if (code == LX_OK && SSL_CTX_use_certificate_chain_file(tls, certificate_file) != 1)
        code = fail(err, certificate_file, "not a chain of certificates in PEM");
    if (code == LX_OK && SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
        code = fail(err, key_file, "not a private key in PEM");
    if (code == LX_OK && SSL_CTX_check_private_key(tls) != 1)
        code = fail(err, key_file, "not the key of the certificate");
    if (code == LX_OK)
        *ret_tls = tls;
    else
        SSL_CTX_free(tls);
    return code;
}

void http_tls_close(void *tls)
{
    SSL_CTX_free(tls);
}

struct bufferevent *http_tls_stream(void *tls, struct event_base *base, evutil_socket_t socket)
{
    SSL *ssl = SSL_new(tls);
    if (ssl == NULL) return NULL;
    struct bufferevent *stream =
        bufferevent_openssl_socket_new(base, socket, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                       BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (stream == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    /* Many clients close without a goodbye; lengths are framed, so nothing can be cut unseen. */
    bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    return stream;
}

/*
 * Goal:   with a certificate and its key the server speaks TLS 1.2 or later and nothing else; files
 *         that do not fit are refused when it opens.
 * Method: a certificate made here; OpenSSL's own client over loopback.
 */
#include "tests/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>

#include "host/env.h"
#include "host/thread.h"
#include "http/http.h"
#include "tests/scratch.h"

enum { LONG = 200000 };

static struct lx_env env;

static void answer(struct http_exchange *exchange, void *context)
{
    (void)context;
    char *text = lx_arena_alloc(http_request_arena(exchange), LONG);
    memset(text, 'x', LONG);
    http_reply(exchange, 200, "image/png", text, LONG);
}

static const struct http_route routes[] = {{HTTP_GET, "/", answer, 0, 0}};

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void write_certificate(const char *path, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"t", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    X509_free(certificate);
}

struct files {
    char folder[LX_PATH_MAX], certificate[LX_PATH_MAX], key[LX_PATH_MAX], other[LX_PATH_MAX];
};

static void make_files(struct files *files)
{
    struct lx_error err;
    scratch_make(files->folder);
    MUST(host_join(files->certificate, files->folder, "cert.pem", &err));
    MUST(host_join(files->key, files->folder, "key.pem", &err));
    MUST(host_join(files->other, files->folder, "other.pem", &err));
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    write_key(files->key, key);
    write_key(files->other, other);
    write_certificate(files->certificate, key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static struct http_options options_of(const struct files *files)
{
    env = host_env();
    return (struct http_options){.address = "127.0.0.1",
                                 .loop_count = 1,
                                 .limits = http_default_limits(),
                                 .routes = routes,
                                 .route_count = LX_COUNT_OF(routes),
                                 .certificate_file = files->certificate,
                                 .key_file = files->key,
                                 .env = &env};
}

static void run(void *context)
{
    struct lx_error err;
    if (http_server_run(context, &err) != LX_OK) abort();
}

static int dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {10, 0};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

/* One request over TLS of at most this version -> bytes of the reply, 0 without a handshake. */
static size_t ask(int port, int version, bool *ret_is_whole)
{
    static char reply[LONG + 4096];
    size_t length = 0;
    int client = dial(port);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, version);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, client);
    if (SSL_connect(ssl) == 1) {
        static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        assert_int_equal(SSL_write(ssl, request, sizeof request - 1), sizeof request - 1);
        int got = 1;
        while (got > 0 && length < LONG) {
            got = SSL_read(ssl, reply + length, (int)(sizeof reply - length));
            if (got > 0) length += (size_t)got;
        }
    }
    *ret_is_whole = length > LONG && strncmp(reply, "HTTP/1.1 200 ", 13) == 0;
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(client);
    return length;
}

static void test_requests_are_answered_over_tls(void **state)
{
    (void)state;
    struct files files;
    struct http_server *server = NULL;
    struct host_thread *thread = NULL;
    struct lx_error err = {0};
    bool is_whole;
    make_files(&files);
    const struct http_options options = options_of(&files);
    MUST(http_server_open(&options, &server, &err));
    MUST(host_thread_start(run, server, &thread, &err));
    int port = http_server_port(server);
    assert_true(ask(port, TLS1_3_VERSION, &is_whole) > 0 && is_whole);
    assert_true(ask(port, TLS1_2_VERSION, &is_whole) > 0 && is_whole);
    assert_int_equal(ask(port, TLS1_1_VERSION, &is_whole), 0);
    int plain = dial(port);
    char byte[16];
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_true(send(plain, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    ssize_t got = recv(plain, byte, sizeof byte, 0);
    assert_true(got <= 0 || memcmp(byte, "HTTP", 4) != 0); /* no answer in the clear */
    close(plain);
    assert_true(ask(port, TLS1_3_VERSION, &is_whole) > 0 && is_whole);
    http_server_stop(server);
    host_thread_join(thread);
    http_server_close(server);
    scratch_remove(files.folder);
}

static void test_files_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct files files;
    struct http_server *server = NULL;
    struct lx_error err = {0};
    make_files(&files);
    struct http_options options = options_of(&files);
    options.key_file = files.other;
    MUST_FAIL(http_server_open(&options, &server, &err), LX_ERR_IO);
    options.key_file = files.certificate;
    MUST_FAIL(http_server_open(&options, &server, &err), LX_ERR_IO);
    assert_non_null(strstr(err.text, "cert.pem"));
    options.key_file = files.key;
    options.certificate_file = "/nowhere.pem";
    MUST_FAIL(http_server_open(&options, &server, &err), LX_ERR_IO);
    scratch_remove(files.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_answered_over_tls),
        cmocka_unit_test(test_files_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

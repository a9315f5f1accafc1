#include "audit/sm2.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>

enum { HALF = SM2_SIGNATURE_BYTES / 2, DER_MAX = 80 };

/* The user id that GB/T 35276 prescribes where none is agreed on. */
static const char user_id[] = "1234567812345678";

static EVP_PKEY *key_of(const uint8_t point[SM2_POINT_BYTES])
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t) "SM2", 3),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (uint8_t *)(uintptr_t)point,
                                SM2_POINT_BYTES),
        OSSL_PARAM_END};
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool set_user_id(EVP_PKEY_CTX *context)
{
    return EVP_PKEY_CTX_set1_id(context, user_id, sizeof user_id - 1) == 1;
}

/* DER of r and s; 0 on failure. */
static size_t to_der(const uint8_t signature[SM2_SIGNATURE_BYTES], uint8_t der[DER_MAX])
{
    uint8_t *end = der;
    int length = 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, HALF, NULL), *s = BN_bin2bn(signature + HALF, HALF, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
    } else {
        length = i2d_ECDSA_SIG(pair, &end);
    }
    ECDSA_SIG_free(pair);
    return length > 0 ? (size_t)length : 0;
}

bool sm2_verify(const uint8_t point[SM2_POINT_BYTES], const void *message, size_t length,
                const uint8_t signature[SM2_SIGNATURE_BYTES])
{
    uint8_t der[DER_MAX];
    EVP_PKEY_CTX *key_context = NULL;
    size_t der_length = to_der(signature, der);
    EVP_PKEY *key = key_of(point);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_valid = key != NULL && context != NULL && der_length > 0 &&
                    EVP_DigestVerifyInit(context, &key_context, EVP_sm3(), NULL, key) == 1 &&
                    set_user_id(key_context) &&
                    EVP_DigestVerify(context, der, der_length, message, length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return is_valid;
}

static bool from_der(const uint8_t *der, size_t length, uint8_t ret_signature[SM2_SIGNATURE_BYTES])
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    bool is_done = pair != NULL &&
                   BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_signature, HALF) == HALF &&
                   BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_signature + HALF, HALF) == HALF;
    ECDSA_SIG_free(pair);
    return is_done;
}

bool sm2_sign(EVP_PKEY *key, const void *message, size_t length,
              uint8_t ret_signature[SM2_SIGNATURE_BYTES])
{
    uint8_t der[DER_MAX];
    size_t der_length = sizeof der;
    EVP_PKEY_CTX *key_context = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_done = context != NULL &&
                   EVP_DigestSignInit(context, &key_context, EVP_sm3(), NULL, key) == 1 &&
                   set_user_id(key_context) &&
                   EVP_DigestSign(context, der, &der_length, message, length) == 1 &&
                   from_der(der, der_length, ret_signature);
    EVP_MD_CTX_free(context);
    return is_done;
}

bool sm2_point(EVP_PKEY *key, uint8_t ret_point[SM2_POINT_BYTES])
{
    size_t length = 0;
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret_point, SM2_POINT_BYTES,
                                           &length) == 1 &&
           length == SM2_POINT_BYTES && ret_point[0] == 4;
}

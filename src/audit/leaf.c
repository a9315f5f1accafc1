#include "audit/leaf.h"

#include <string.h>

enum { AT_AT = 3, POSITION_AT = 11, COMMITMENT_AT = 19 };
_Static_assert(COMMITMENT_AT + DIGEST_SIZE == AUDIT_LEAF_BYTES, "the commitment is last");

static void put_u64(uint8_t *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 8; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

void audit_leaf_write(const struct audit_leaf *leaf, uint8_t ret_bytes[AUDIT_LEAF_BYTES])
{
    ret_bytes[0] = AUDIT_LEAF_VERSION;
    ret_bytes[1] = leaf->kind;
    ret_bytes[2] = leaf->version;
    put_u64(ret_bytes + AT_AT, (uint64_t)leaf->at_ms);
    put_u64(ret_bytes + POSITION_AT, leaf->position);
    memcpy(ret_bytes + COMMITMENT_AT, leaf->commitment, DIGEST_SIZE);
}

bool audit_leaf_read(const void *bytes, size_t length, struct audit_leaf *ret_leaf)
{
    const uint8_t *from = bytes;
    if (length != AUDIT_LEAF_BYTES || from[0] != AUDIT_LEAF_VERSION) return false;
    *ret_leaf = (struct audit_leaf){.kind = from[1],
                                    .version = from[2],
                                    .at_ms = (int64_t)get_u64(from + AT_AT),
                                    .position = get_u64(from + POSITION_AT)};
    memcpy(ret_leaf->commitment, from + COMMITMENT_AT, DIGEST_SIZE);
    return true;
}

void audit_commit(struct merkle_hasher *hasher, const uint8_t salt[AUDIT_SALT_BYTES],
                  const void *content, size_t length, uint8_t ret_commitment[DIGEST_SIZE])
{
    digest_add(&hasher->digest, salt, AUDIT_SALT_BYTES);
    digest_add(&hasher->digest, content, length);
    digest_next(&hasher->digest, ret_commitment);
}

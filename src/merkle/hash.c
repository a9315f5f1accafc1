#include "merkle/hash.h"

#include <string.h>

enum { COMPLETE_MAX = 256 };

enum lx_err merkle_hasher_init(struct merkle_hasher *hasher, struct lx_error *err)
{
    LX_ASSERT(hasher != NULL);

    enum lx_err code = digest_init(&hasher->digest);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "merkle: %s", lx_err_text(code));
}

void merkle_hasher_release(struct merkle_hasher *hasher)
{
    digest_release(&hasher->digest);
}

struct merkle_hash merkle_leaf(struct merkle_hasher *hasher, const void *entry, size_t length)
{
    struct merkle_hash hash;
    digest_add(&hasher->digest, "\0", 1);
    if (length > 0) digest_add(&hasher->digest, entry, length);
    digest_next(&hasher->digest, hash.bytes);
    return hash;
}

struct merkle_hash merkle_node(struct merkle_hasher *hasher, const struct merkle_hash *left,
                               const struct merkle_hash *right)
{
    uint8_t bytes[1 + 2 * DIGEST_SIZE];
    struct merkle_hash hash;
    bytes[0] = 1;
    memcpy(bytes + 1, left->bytes, DIGEST_SIZE);
    memcpy(bytes + 1 + DIGEST_SIZE, right->bytes, DIGEST_SIZE);
    digest_add(&hasher->digest, bytes, sizeof bytes);
    digest_next(&hasher->digest, hash.bytes);
    return hash;
}

struct merkle_hash merkle_empty(struct merkle_hasher *hasher)
{
    struct merkle_hash hash;
    digest_next(&hasher->digest, hash.bytes);
    return hash;
}

bool merkle_is_same(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

struct merkle_hash merkle_complete(struct merkle_hasher *hasher, const struct merkle_hash *hashes,
                                   size_t count)
{
    LX_ASSERT(count > 0 && count <= COMPLETE_MAX && (count & (count - 1)) == 0);

    struct merkle_hash level[COMPLETE_MAX];
    memcpy(level, hashes, count * sizeof *level);
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            level[i] = merkle_node(hasher, &level[2 * i], &level[2 * i + 1]);
    return level[0];
}

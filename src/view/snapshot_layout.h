#ifndef VIEW_SNAPSHOT_LAYOUT_H
#define VIEW_SNAPSHOT_LAYOUT_H

/*
 * snapshot_layout: the columns of a snapshot and the names of its files; what refresh and the
 * reader share. Private to view.
 *
 *   id               TEXT  the bank's own
 *   (feature name)   one for each customer feature: F32 where it is REAL, with NaN where it is
 *                    missing; else the narrowest of U8, I16, U16, I32, I64 that holds it, with
 *                    nulls
 *   facts.NAME       view_facts without `held`
 *   held             LIST  of uint16_t: products held, ascending
 *   pairs            LIST  of struct snapshot_pair: what the customer did with products
 *   id.hash, id.row  hashes of the ids, ascending as unsigned numbers, and whose they are
 *   field.NAME, call.NAME, held.NUMBER   what view/fields.h says
 *   peers            BLOB  view_peers_write
 * The pair features that follow from facts, catalogue and peers are not kept but computed anew.
 */

#include "codec/digest.h"
#include "frame/frame.h"
#include "view/snapshot.h"

#define SNAPSHOT_FOLDER "snapshot"
#define SNAPSHOT_CURRENT "current"
#define SNAPSHOT_SUFFIX ".frame"

enum { SNAPSHOT_NAME_MAX = 63 };

/* Everything in view_facts but `held`: name, column type, element type. */
#define SNAPSHOT_FACT_MAP(X)                                                                       \
    X(assets_fen, I64, int64_t)                                                                    \
    X(risk_expires_ms, I64, int64_t)                                                               \
    X(birth_day, I32, int32_t)                                                                     \
    X(age, I32, int32_t)                                                                           \
    X(branch, I32, int32_t)                                                                        \
    X(occupation, I32, int32_t)                                                                    \
    X(refused_channels, I32, uint32_t)                                                             \
    X(risk_level, U8, uint8_t)                                                                     \
    X(is_overdue, U8, uint8_t)                                                                     \
    X(has_personal_consent, U8, uint8_t)                                                           \
    X(is_do_not_contact, U8, uint8_t)                                                              \
    X(has_open_complaint, U8, uint8_t)

enum {
#define X(name, frame_type, type) SNAPSHOT_FACT_##name,
    SNAPSHOT_FACT_MAP(X)
#undef X
        SNAPSHOT_FACT_COUNT
};

/* Stands in the meta of a snapshot: another list means a snapshot of another program. */
#define X(name, frame_type, type) #name " "
static const char snapshot_fact_names[] = SNAPSHOT_FACT_MAP(X);
#undef X

/* What holds a feature of the type whose values, all of them whole, lie within low .. high: the
 * narrowest that an expression reads as that type, F32 where there is none. */
static inline enum frame_type snapshot_column_type(enum expr_type type, float low, float high)
{
    bool is_small = low >= 0 && high <= UINT8_MAX, is_unsigned = low >= 0 && high <= UINT16_MAX;
    switch (type) {
    case EXPR_BOOLEAN: return low >= 0 && high <= 1 ? FRAME_U8 : FRAME_F32;
    case EXPR_ENUM: return is_small ? FRAME_U8 : is_unsigned ? FRAME_U16 : FRAME_F32;
    case EXPR_INTEGER:
    case EXPR_DATE:
    case EXPR_MONEY: break;
    default: return FRAME_F32;
    }
    if (is_small) return FRAME_U8;
    if (low >= INT16_MIN && high <= INT16_MAX) return FRAME_I16;
    if (is_unsigned) return FRAME_U16;
    /* Both are powers of 2, which a float can be; the largest of each type cannot. */
    if (low >= -0x1p31F && high < 0x1p31F) return FRAME_I32;
    return low >= -0x1p63F && high < 0x1p63F ? FRAME_I64 : FRAME_F32;
}

/* One kept pair feature of one product that is not what view_compute_default gives. */
struct snapshot_pair {
    uint16_t product, feature;
    float value;
};
_Static_assert(sizeof(struct snapshot_pair) == 8, "as it lies in the file");

/* FNV-1a, then mixed so that ids which differ in the last byte are far apart. */
static inline uint64_t snapshot_id_hash(const char *id, size_t length)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)id[i]) * 0x100000001B3u;
    hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93u;
    return hash ^ (hash >> 32);
}

/* The name that DIR/snapshot/current holds; LX_ERR_NOT_READY where there is none. */
LX_MUST_USE enum lx_err snapshot_current(const char *folder, char ret_name[SNAPSHOT_NAME_MAX + 1],
                                         struct lx_error *err);

/* SHA-256 over what the features as of the moment read of the catalogue: another one makes other
 * numbers. */
LX_MUST_USE enum lx_err snapshot_catalogue_hash(const struct bank_catalogue *catalogue,
                                                int64_t as_of_ms, uint8_t ret_hash[DIGEST_SIZE],
                                                struct lx_error *err);

#endif

#ifndef VIEW_SNAPSHOT_LAYOUT_H
#define VIEW_SNAPSHOT_LAYOUT_H

/*
 * snapshot_layout: the columns of a snapshot and the names of its files; what refresh and the
 * reader share. Private to view.
 *
 *   id               TEXT  the bank's own
 *   (feature name)   F32   one for each customer feature
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

/* One history value of one product that is not view_pair_default's. */
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
void snapshot_catalogue_hash(const struct bank_catalogue *catalogue, int64_t as_of_ms,
                             uint8_t ret_hash[DIGEST_SIZE]);

#endif

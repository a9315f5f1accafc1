#include "view/peers.h"

#include <string.h>

#include "base/real.h"
#include "codec/bytes.h"
#include "view/peers_table.h"
#include "view/past.h"

enum { PEERS_FORMAT = 1 };

static int band_of(float value, const float *limits, int count)
{
    int band = 0;
    while (band < count && value >= limits[band]) band++;
    return band;
}

/* Unknown age is a band of its own; unknown assets and activity are none. */
static int cohort_of(float age, float balance, float acts_90d)
{
    static const float ages[] = {25, 35, 45, 55, 65};
    static const float fens[] = {1e5F, 1e6F, 5e6F, 2e7F}; /* 1 thousand to 200 thousand yuan */
    static const float acts[] = {1, 6, 21};
    int age_band = isnan(age) ? PEERS_AGE_BANDS - 1 : band_of(age, ages, LX_COUNT_OF(ages));
    int assets_band = isnan(balance) ? 0 : band_of(balance, fens, LX_COUNT_OF(fens));
    int activity = band_of(acts_90d, acts, LX_COUNT_OF(acts));
    return (age_band * PEERS_ASSETS_BANDS + assets_band) * PEERS_ACTIVITY_CLASSES + activity;
}

int view_peers_cohort_group(float age, float balance, float acts_90d)
{
    return 1 + cohort_of(age, balance, acts_90d);
}

int view_peers_branch_group(const struct view_peers *peers, int branch)
{
    if (branch < 0 || (size_t)branch >= peers->branch_count) return PEERS_NO_GROUP;
    return 1 + PEERS_COHORTS + branch;
}

int view_peers_occupation_group(const struct view_peers *peers, int occupation)
{
    if (occupation < 0 || (size_t)occupation >= peers->occupation_count) return PEERS_NO_GROUP;
    return 1 + PEERS_COHORTS + (int)peers->branch_count + occupation;
}

static enum lx_err allocate(struct view_peers *peers)
{
    size_t cells = peers->group_count * peers->stride;
    size_t pairs = peers->product_count * peers->product_count + 1; /* never 0 bytes */
    peers->counts = lx_calloc(cells, sizeof *peers->counts);
    peers->rates = lx_calloc(cells, sizeof *peers->rates);
    peers->co_holders = lx_calloc(pairs, sizeof *peers->co_holders);
    peers->lifts = lx_calloc(pairs, sizeof *peers->lifts);
    peers->lift_logs = lx_calloc(pairs, sizeof *peers->lift_logs);
    bool is_whole = peers->counts != NULL && peers->rates != NULL && peers->co_holders != NULL &&
                    peers->lifts != NULL && peers->lift_logs != NULL;
    return is_whole ? LX_OK : LX_ERR_NO_MEMORY;
}

enum lx_err view_peers_new(int64_t as_of_ms, size_t product_count, size_t branch_count,
                           size_t occupation_count, struct view_peers **ret_peers,
                           struct lx_error *err)
{
    LX_ASSERT(product_count <= LX_PRODUCT_MAX);
    LX_ASSERT(branch_count <= PEERS_BRANCHES_MAX && occupation_count <= PEERS_OCCUPATIONS_MAX);

    struct view_peers *peers = lx_calloc(1, sizeof *peers);
    if (peers != NULL) {
        peers->as_of_ms = as_of_ms;
        peers->product_count = product_count;
        peers->branch_count = branch_count;
        peers->occupation_count = occupation_count;
        peers->group_count = 1 + PEERS_COHORTS + branch_count + occupation_count;
        peers->stride = PEERS_BY_PRODUCT + PEERS_COUNTS * product_count;
    }
    if (peers == NULL || allocate(peers) != LX_OK) {
        view_peers_close(peers);
        return lx_fail(err, LX_ERR_NO_MEMORY, "peers: out of memory");
    }
    *ret_peers = peers;
    return LX_OK;
}

void view_peers_close(struct view_peers *peers)
{
    if (peers == NULL) return;
    lx_free(peers->counts);
    lx_free(peers->rates);
    lx_free(peers->co_holders);
    lx_free(peers->lifts);
    lx_free(peers->lift_logs);
    lx_free(peers);
}

static bool has_bit(const uint64_t *bits, size_t index)
{
    return (bits[index / 64] >> (index % 64) & 1) != 0;
}

static void add_to_group(struct view_peers *peers, int group, const struct view_peer *peer)
{
    if (group == PEERS_NO_GROUP) return;
    uint32_t *counts = peers->counts + (size_t)group * peers->stride;
    counts[PEERS_CUSTOMERS]++;
    counts[PEERS_BEYOND_SAVINGS] += peer->is_beyond_savings;
    uint32_t *product_counts = counts + PEERS_BY_PRODUCT;
    for (size_t i = 0; i < peers->product_count; i++, product_counts += PEERS_COUNTS) {
        product_counts[PEERS_HOLDERS] += has_bit(peer->held, i);
        product_counts[PEERS_OPENED_30D] += has_bit(peer->opened_30d, i);
        product_counts[PEERS_OPENED_365D] += has_bit(peer->opened_365d, i);
    }
}

void view_peers_add(struct view_peers *peers, const struct view_peer *peer)
{
    peers->customers++;
    add_to_group(peers, 0, peer);
    add_to_group(peers, view_peers_cohort_group(peer->age, peer->balance, peer->acts_90d), peer);
    add_to_group(peers, view_peers_branch_group(peers, peer->branch), peer);
    add_to_group(peers, view_peers_occupation_group(peers, peer->occupation), peer);
    for (size_t a = 0; a < peers->product_count; a++) {
        if (!has_bit(peer->held, a)) continue;
        uint32_t *row = peers->co_holders + a * peers->product_count;
        for (size_t b = 0; b < peers->product_count; b++) row[b] += has_bit(peer->held, b);
    }
}

void view_peers_merge(struct view_peers *peers, const struct view_peers *other)
{
    LX_ASSERT(peers->group_count == other->group_count && peers->stride == other->stride);

    peers->customers += other->customers;
    for (size_t i = 0; i < peers->group_count * peers->stride; i++)
        peers->counts[i] += other->counts[i];
    for (size_t i = 0; i < peers->product_count * peers->product_count; i++)
        peers->co_holders[i] += other->co_holders[i];
}

static double shrunk(double count, double customers, double rate)
{
    return (count + PEERS_RATE_PRIOR * rate) / (customers + PEERS_RATE_PRIOR);
}

static void finish_group(struct view_peers *peers, size_t group)
{
    const uint32_t *bank = peers->counts, *counts = peers->counts + group * peers->stride;
    float *rates = peers->rates + group * peers->stride;
    double all = bank[PEERS_CUSTOMERS], customers = counts[PEERS_CUSTOMERS], openings = 0;
    for (size_t i = PEERS_BEYOND_SAVINGS; i < peers->stride; i++) {
        double rate = bank[i] / all;
        rates[i] = (float)(group == 0 ? rate : shrunk(counts[i], customers, rate));
    }
    for (size_t i = 0; i < peers->product_count; i++)
        openings += (double)rates[view_peers_place(i, PEERS_OPENED_30D)];
    rates[PEERS_CUSTOMERS] = (float)openings;
}

static void finish_lift(struct view_peers *peers, size_t a, size_t b)
{
    size_t count = peers->product_count, stride = count + 1;
    double both = peers->co_holders[a * count + b];
    double expected = (double)peers->co_holders[a * stride] * peers->co_holders[b * stride] /
                      (double)peers->customers;
    double lift = (both + PEERS_LIFT_PRIOR) / (expected + PEERS_LIFT_PRIOR);
    peers->lifts[a * count + b] = (float)lift;
    peers->lift_logs[a * count + b] = (float)lx_log(lift);
}

/* Without customers every rate is NaN and every lift 1. */
void view_peers_finish(struct view_peers *peers)
{
    size_t count = peers->product_count;
    for (size_t group = 0; group < peers->group_count; group++) finish_group(peers, group);
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < count; b++)
            if (peers->customers > 0)
                finish_lift(peers, a, b);
            else
                peers->lifts[a * count + b] = 1;
}

static void set_bit(uint64_t *bits, int index)
{
    bits[index / 64] |= (uint64_t)1 << (index % 64);
}

static void add_peer_events(const struct bank_history *history,
                            const struct bank_catalogue *catalogue,
                            const struct view_moment *moment, struct view_peer *peer)
{
    uint16_t open_count[LX_PRODUCT_MAX] = {0};
    size_t end = view_event_end(history, moment->as_of_ms);
    for (size_t i = 0; i < end; i++) {
        const struct bank_event *event = &history->events[i];
        if (!bank_event_is_known(event, moment->as_of_ms)) continue;
        if (event->kind != BANK_EVENT_KIND_OPEN && event->kind != BANK_EVENT_KIND_CLOSE) continue;
        int product = view_product_of(event->product, catalogue);
        if (product < 0) continue;
        view_count_open(&open_count[product], event->kind);
        if (event->kind != BANK_EVENT_KIND_OPEN) continue;
        if (event->at_ms >= moment->start_ms[VIEW_365D]) set_bit(peer->opened_365d, product);
        if (event->at_ms >= moment->start_ms[VIEW_30D]) set_bit(peer->opened_30d, product);
    }
    for (size_t product = 0; product < catalogue->count; product++) {
        if (open_count[product] == 0) continue;
        set_bit(peer->held, (int)product);
        if (catalogue->products[product].category != BANK_CATEGORY_SAVINGS)
            peer->is_beyond_savings = true;
    }
}

void view_peer_of(const struct bank_history *history, const struct view_context *context,
                  int64_t as_of_ms, const float cohort[3], struct view_peer *ret_peer)
{
    struct view_moment moment = view_moment_of(as_of_ms, context->utc_offset_minutes);
    const struct bank_profile *profile = view_profile_at(history, &moment);
    *ret_peer = (struct view_peer){
        .age = cohort[0],
        .balance = cohort[1],
        .acts_90d = cohort[2],
        .branch = profile == NULL ? -1 : profile->branch,
        .occupation = profile == NULL ? -1 : profile->occupation,
    };
    add_peer_events(history, context->catalogue, &moment, ret_peer);
}

int64_t view_peers_customers(const struct view_peers *peers)
{
    return peers->customers;
}

int64_t view_peers_holders(const struct view_peers *peers, int product)
{
    LX_ASSERT(product >= 0 && (size_t)product < peers->product_count);
    return peers->counts[view_peers_place((size_t)product, PEERS_HOLDERS)];
}

int64_t view_peers_openings(const struct view_peers *peers, int product)
{
    LX_ASSERT(product >= 0 && (size_t)product < peers->product_count);
    return peers->counts[view_peers_place((size_t)product, PEERS_OPENED_30D)];
}

double view_peers_lift(const struct view_peers *peers, int product_a, int product_b)
{
    LX_ASSERT(product_a >= 0 && (size_t)product_a < peers->product_count);
    LX_ASSERT(product_b >= 0 && (size_t)product_b < peers->product_count);
    return (double)peers->lifts[(size_t)product_a * peers->product_count + (size_t)product_b];
}

void view_peers_write(const struct view_peers *peers, struct lx_buffer *buffer)
{
    bytes_put_u8(buffer, PEERS_FORMAT);
    bytes_put_signed(buffer, peers->as_of_ms);
    bytes_put_varint(buffer, (uint64_t)peers->customers);
    bytes_put_varint(buffer, peers->product_count);
    bytes_put_varint(buffer, peers->branch_count);
    bytes_put_varint(buffer, peers->occupation_count);
    for (size_t i = 0; i < peers->group_count * peers->stride; i++)
        bytes_put_varint(buffer, peers->counts[i]);
    for (size_t i = 0; i < peers->product_count * peers->product_count; i++)
        bytes_put_varint(buffer, peers->co_holders[i]);
}

static void read_counts(struct bytes_reader *reader, uint32_t *counts, size_t count)
{
    for (size_t i = 0; i < count && !reader->is_failed; i++) {
        uint64_t value = bytes_get_varint(reader);
        if (value > UINT32_MAX) reader->is_failed = true;
        counts[i] = (uint32_t)value;
    }
}

enum lx_err view_peers_read(const void *bytes, size_t length, struct view_peers **ret_peers,
                            struct lx_error *err)
{
    LX_ASSERT(ret_peers != NULL);

    struct bytes_reader reader = bytes_reader_of(bytes, length);
    uint8_t format = bytes_get_u8(&reader);
    if (!reader.is_failed && format != PEERS_FORMAT)
        return lx_fail(err, LX_ERR_VERSION, "peers: format %u, this program reads %d", format,
                       PEERS_FORMAT);
    int64_t as_of_ms = bytes_get_signed(&reader);
    uint64_t customers = bytes_get_varint(&reader), products = bytes_get_varint(&reader);
    uint64_t branches = bytes_get_varint(&reader), occupations = bytes_get_varint(&reader);
    if (reader.is_failed || products > LX_PRODUCT_MAX || branches > PEERS_BRANCHES_MAX ||
        occupations > PEERS_OCCUPATIONS_MAX || customers > UINT32_MAX)
        return lx_fail(err, LX_ERR_CORRUPT, "peers: a head that cannot be");

    struct view_peers *peers = NULL;
    enum lx_err code = view_peers_new(as_of_ms, products, branches, occupations, &peers, err);
    if (code != LX_OK) return code;
    peers->customers = (int64_t)customers;
    read_counts(&reader, peers->counts, peers->group_count * peers->stride);
    read_counts(&reader, peers->co_holders, peers->product_count * peers->product_count);
    if (!bytes_is_at_end(&reader) || peers->counts[PEERS_CUSTOMERS] != customers) {
        view_peers_close(peers);
        return lx_fail(err, LX_ERR_CORRUPT, "peers: truncated or longer than its counts");
    }
    view_peers_finish(peers);
    *ret_peers = peers;
    return LX_OK;
}

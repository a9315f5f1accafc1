#include "view/online.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "codec/ini.h"
#include "host/file.h"
#include "view/arrivals.h"
#include "view/online_state.h"
#include "view/past.h"

enum { BUDGET_MEGABYTES = 300, ARRIVALS = 200000, SAMPLE = 500, ALIGNMENT = 8 };
#define ARENA_MAX ((size_t)256 << 20)
#define ARENA_FIRST ((size_t)1 << 20)

static enum lx_err no_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "online: out of memory");
}

/* --- Options --------------------------------------------------------------------------------- */

static enum lx_err read_number(const struct ini *ini, const char *name, int64_t low, int64_t high,
                               int64_t *number, struct lx_error *err)
{
    const struct ini_entry *entry = ini_find(ini, "online", name);
    if (entry == NULL) return LX_OK;
    char *end;
    long long value = strtoll(entry->value, &end, 10);
    if (end == entry->value || *end != '\0' || value < low || value > high)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s:%d: %s \"%.20s\": is none of %" PRId64 " to %" PRId64, ini->file,
                       entry->line, name, entry->value, low, high);
    *number = value;
    return LX_OK;
}

enum lx_err view_online_options_read(const char *folder, struct view_online_options *ret_options,
                                     struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_options != NULL);

    char path[LX_PATH_MAX];
    struct lx_buffer text;
    struct ini ini = {0};
    int64_t megabytes = BUDGET_MEGABYTES, arrivals = ARRIVALS;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, folder, "lingxi.ini", err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK) code = ini_read(path, lx_buffer_text(&text), text.length, &ini, err);
    if (code == LX_OK)
        code = read_number(&ini, "budget_megabytes", 1, (int64_t)1 << 20, &megabytes, err);
    if (code == LX_OK) code = read_number(&ini, "arrivals", 1, INT32_MAX, &arrivals, err);
    ini_release(&ini);
    lx_buffer_release(&text);
    if (code == LX_OK)
        *ret_options =
            (struct view_online_options){(size_t)megabytes * 1000000, (uint32_t)arrivals};
    return code;
}

/* --- Readers --------------------------------------------------------------------------------- */

enum lx_err view_online_reader_open(const struct view_online *online,
                                    struct view_online_reader **ret_reader, struct lx_error *err)
{
    LX_ASSERT(online != NULL && ret_reader != NULL);

    struct view_online_reader *reader = lx_calloc(1, sizeof *reader);
    if (reader == NULL) return no_memory(err);
    lx_arena_init(&reader->arena, ARENA_MAX);
    enum lx_err code = bank_open(online->folder, STORE_READ, &reader->bank, err);
    if (code == LX_OK) {
        reader->context =
            (struct view_context){.catalogue = bank_catalogue(reader->bank),
                                  .peers = view_snapshot_peers(online->snapshot),
                                  .utc_offset_minutes = bank_utc_offset_minutes(reader->bank)};
        code = view_scratch_open(online->features, reader->context.catalogue,
                                 &reader->context.scratch, err);
    }
    if (code == LX_OK) {
        size_t words = online->features->programs[VIEW_CUSTOMER].words +
                       online->features->programs[VIEW_PAIR].words + 1;
        size_t pairs = reader->context.catalogue->count * online->features->counts[VIEW_PAIR] + 1;
        reader->touched = lx_calloc(words, sizeof *reader->touched);
        reader->needed = lx_calloc(words, sizeof *reader->needed);
        reader->pairs = lx_calloc(pairs, sizeof *reader->pairs);
        bool is_whole = reader->touched != NULL && reader->needed != NULL &&
                        reader->pairs != NULL &&
                        lx_arena_alloc(&reader->arena, ARENA_FIRST) != NULL;
        if (!is_whole) code = no_memory(err);
    }
    if (code != LX_OK) {
        view_online_reader_close(reader);
        return code;
    }
    lx_arena_clear(&reader->arena);
    *ret_reader = reader;
    return LX_OK;
}

void view_online_reader_close(struct view_online_reader *reader)
{
    if (reader == NULL) return;
    view_scratch_close(reader->context.scratch);
    bank_close(reader->bank);
    lx_arena_release(&reader->arena);
    lx_free(reader->touched);
    lx_free(reader->needed);
    lx_free(reader->pairs);
    lx_free(reader);
}

void online_begin_reading(const struct view_online *online, const struct view_online_reader *reader,
                          const struct view_facts *facts, struct view_reading *ret_reading)
{
    view_reading_begin(online->features->schema, &reader->context, facts, NULL, online->as_of_ms,
                       NULL, ret_reading);
}

/* --- Opening --------------------------------------------------------------------------------- */

static void look_at(const struct view_online *online, const struct feature *feature,
                    enum view_scope scope, bool *has_plain, bool *reads_assets, bool *reads_profile,
                    bool *reads_feature)
{
    const struct view_schema *schema = online->features->schema;
    const struct expr_schema *fields = view_schema_scope(schema, VIEW_PAIR);
    for (size_t i = 0; i < expr_window_count(feature->expr); i++)
        *has_plain |= online->features->programs[scope].windows[feature->places[i]].is_plain;
    for (size_t i = 0; i < expr_field_count(feature->expr); i++) {
        size_t place, field = expr_field_at(feature->expr, i);
        enum view_field_kind kind = view_schema_field_kind(schema, field, &place);
        *reads_profile |= kind == VIEW_FIELD_PROFILE;
        *reads_feature |= kind == VIEW_FIELD_CUSTOMER_FEATURE;
        *reads_assets |=
            kind == VIEW_FIELD_FACT && strcmp(fields->fields[field].name, "assets") == 0;
    }
}

static enum lx_err look_at_features(struct view_online *online, struct lx_error *err)
{
    const struct view_features *features = online->features;
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
        online->has_plain[scope] = lx_calloc(features->counts[scope] + 1, sizeof(bool));
        if (online->has_plain[scope] == NULL) return no_memory(err);
    }
    online->reads_assets = lx_calloc(features->counts[VIEW_CUSTOMER] + 1, sizeof(bool));
    online->reads_profile = lx_calloc(features->counts[VIEW_CUSTOMER] + 1, sizeof(bool));
    if (online->reads_assets == NULL || online->reads_profile == NULL) return no_memory(err);
    for (size_t i = 0; i < features->counts[VIEW_CUSTOMER]; i++) {
        bool ignored = false;
        look_at(online, &features->items[VIEW_CUSTOMER][i], VIEW_CUSTOMER,
                &online->has_plain[VIEW_CUSTOMER][i], &online->reads_assets[i],
                &online->reads_profile[i], &ignored);
    }
    for (size_t i = 0; i < features->counts[VIEW_PAIR]; i++) {
        bool *reads = &online->pair_reads_customer;
        const struct feature *feature = &features->items[VIEW_PAIR][i];
        if (feature->is_derived) continue;
        look_at(online, feature, VIEW_PAIR, &online->has_plain[VIEW_PAIR][i], reads, reads, reads);
    }
    return LX_OK;
}

static void narrow(int64_t at_ms, int64_t as_of_ms, int64_t *from_ms, int64_t *until_ms)
{
    if (at_ms == BANK_UNKNOWN_MS) return;
    if (at_ms <= as_of_ms && at_ms > *from_ms) *from_ms = at_ms;
    if (at_ms > as_of_ms && at_ms < *until_ms) *until_ms = at_ms;
}

/* While the products' terms are as they were as of the snapshot. */
static void find_terms(struct view_online *online, const struct bank_catalogue *catalogue)
{
    online->from_ms = online->day_start_ms;
    online->until_ms = online->day_start_ms + LX_MS_PER_DAY;
    for (size_t i = 0; i < catalogue->terms_count; i++) {
        const struct bank_terms *terms = &catalogue->terms[i];
        narrow(terms->at_ms, online->as_of_ms, &online->from_ms, &online->until_ms);
        narrow(terms->known_at_ms, online->as_of_ms, &online->from_ms, &online->until_ms);
    }
}

/* What a recount of a customer costs, by window, over customers taken evenly. */
static enum lx_err sample(struct view_online *online, struct view_online_reader *reader,
                          uint64_t *const updates[2], size_t *ret_sampled, struct lx_error *err)
{
    static const struct view_facts nothing = {0};
    int64_t count = online->customers < SAMPLE ? online->customers : SAMPLE;
    for (int64_t i = 0; i < count; i++) {
        struct bank_history history;
        struct view_reading reading;
        lx_arena_clear(&reader->arena);
        enum lx_err code = bank_history_read(reader->bank, i * online->customers / count,
                                             &reader->arena, &history, err);
        if (code != LX_OK) return code;
        for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
            struct run *run = feature_run(reader->context.scratch, (enum view_scope)scope);
            online_begin_reading(online, reader, &nothing, &reading);
            run->updates = updates[scope];
            run_pass_open(run, &history, &reading);
            run->updates = NULL;
        }
    }
    *ret_sampled = (size_t)count;
    return LX_OK;
}

static enum lx_err choose(struct view_online *online, struct view_online_reader *reader,
                          size_t record_bytes_max, struct lx_error *err)
{
    uint64_t *updates[2] = {NULL, NULL};
    size_t sampled = 0;
    enum lx_err code = LX_OK;
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR && code == LX_OK; scope++) {
        updates[scope] =
            lx_calloc(online->features->programs[scope].window_count + 1, sizeof(uint64_t));
        if (updates[scope] == NULL) code = no_memory(err);
    }
    if (code == LX_OK) code = sample(online, reader, updates, &sampled, err);
    if (code == LX_OK)
        code = online_plan_make(online->features, reader->context.catalogue->count,
                                record_bytes_max, updates, sampled, &online->plan, err);
    if (code == LX_OK)
        online->plan.record_bytes =
            (online->plan.record_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) lx_free(updates[scope]);
    return code;
}

static enum lx_err take_memory(struct view_online *online, struct view_online_reader *reader,
                               struct lx_error *err)
{
    size_t arrivals = (size_t)online->options.arrivals_max * sizeof *online->arrivals;
    size_t budget = online->options.budget_bytes, customers = (size_t)online->customers;
    size_t record = budget < arrivals ? 0 : (budget - arrivals) / customers;
    record = record / ALIGNMENT * ALIGNMENT;
    if (record < sizeof(struct online_header))
        return lx_fail(err, LX_ERR_LIMIT,
                       "online: %zu bytes have no room for %zu customers of %zu bytes and %" PRIu32
                       " arrivals of %zu: raise budget_megabytes under [online] in lingxi.ini",
                       budget, customers, sizeof(struct online_header),
                       online->options.arrivals_max, sizeof *online->arrivals);
    if (record > UINT32_MAX) record = UINT32_MAX / ALIGNMENT * ALIGNMENT;
    enum lx_err code = choose(online, reader, record, err);
    if (code != LX_OK) return code;
    online->records = lx_calloc(customers, online->plan.record_bytes);
    online->arrivals = lx_calloc(online->options.arrivals_max, sizeof *online->arrivals);
    return online->records == NULL || online->arrivals == NULL ? no_memory(err) : LX_OK;
}

enum lx_err view_online_open(const char *folder, const struct view_snapshot *snapshot,
                             const struct view_online_options *options,
                             struct view_online **ret_online, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && snapshot != NULL && options != NULL && ret_online != NULL);

    struct view_online *online = lx_calloc(1, sizeof *online);
    struct view_online_reader *reader = NULL;
    if (online == NULL) return no_memory(err);
    size_t length = strlen(folder) + 1;
    char *copy = lx_malloc(length);
    if (copy != NULL) memcpy(copy, folder, length);
    online->folder = copy;
    online->snapshot = snapshot;
    online->features = view_snapshot_features(snapshot);
    online->options = *options;
    online->customers = view_snapshot_customers(snapshot);
    online->as_of_ms = view_snapshot_as_of_ms(snapshot);
    enum lx_err code = copy == NULL ? no_memory(err) : look_at_features(online, err);
    if (code == LX_OK) code = view_online_reader_open(online, &reader, err);
    if (code == LX_OK) {
        int offset = reader->context.utc_offset_minutes;
        online->day = lx_day_of_ms(online->as_of_ms, offset);
        online->day_start_ms = lx_ms_of_day(online->day, offset);
        find_terms(online, reader->context.catalogue);
        code = take_memory(online, reader, err);
    }
    view_online_reader_close(reader);
    if (code != LX_OK) {
        view_online_close(online);
        return code;
    }
    *ret_online = online;
    return LX_OK;
}

void view_online_close(struct view_online *online)
{
    if (online == NULL) return;
    online_plan_release(&online->plan);
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) lx_free(online->has_plain[scope]);
    lx_free(online->reads_assets);
    lx_free(online->reads_profile);
    lx_free(online->records);
    lx_free(online->arrivals);
    lx_free((char *)(uintptr_t)online->folder);
    lx_free(online);
}

/* --- What was chosen ------------------------------------------------------------------------- */

static size_t scope_of(const struct view_online *online, size_t index, enum view_scope *ret_scope)
{
    size_t own = online->features->programs[VIEW_CUSTOMER].window_count;
    *ret_scope = index < own ? VIEW_CUSTOMER : VIEW_PAIR;
    return index < own ? index : index - own;
}

size_t view_online_window_count(const struct view_online *online)
{
    return online->features->programs[VIEW_CUSTOMER].window_count +
           online->features->programs[VIEW_PAIR].window_count;
}

void view_online_window_at(const struct view_online *online, size_t index,
                           struct view_online_window *ret_window)
{
    LX_ASSERT(index < view_online_window_count(online));

    enum view_scope scope;
    size_t place = scope_of(online, index, &scope);
    const struct online_slot *slot = &online->plan.slots[scope][place];
    bool is_keyed = online->features->programs[scope].windows[place].is_keyed;
    size_t bytes = slot->width * (is_keyed ? online->plan.product_count : 1);
    *ret_window = (struct view_online_window){
        .scope = scope,
        .home = slot->home,
        .bytes = slot->home == VIEW_ONLINE_MEMORY ? bytes : 0,
        .reads = slot->reads,
        .updates = slot->updates,
    };
}

size_t view_online_window_text(const struct view_online *online, size_t index, char *text,
                               size_t size)
{
    enum view_scope scope;
    size_t place = scope_of(online, index, &scope);
    const struct window *window = &online->features->programs[scope].windows[place];
    size_t number = (size_t)(window->window - expr_window_at(window->expr, 0));
    return expr_window_format(window->expr, number, text, size);
}

struct view_online_memory view_online_memory(const struct view_online *online)
{
    size_t arrivals = (size_t)online->options.arrivals_max * sizeof *online->arrivals;
    return (struct view_online_memory){
        .budget_bytes = online->options.budget_bytes,
        .total_bytes = (size_t)online->customers * online->plan.record_bytes + arrivals,
        .record_bytes = online->plan.record_bytes,
        .arrivals_bytes = arrivals,
        .customers = online->customers,
    };
}

/* --- Records --------------------------------------------------------------------------------- */

/* What changes who holds what and who owes what is told by all events together. */
static bool is_recounted(uint8_t kind)
{
    return kind == BANK_EVENT_KIND_OPEN || kind == BANK_EVENT_KIND_CLOSE ||
           kind == BANK_EVENT_KIND_OVERDUE || kind == BANK_EVENT_KIND_LOAN_REPAYMENT;
}

enum lx_err online_add_arrivals(const struct view_online *online, struct view_online_reader *reader,
                                int64_t customer, struct bank_history *history,
                                struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (uint32_t at = online_header(online, customer)->arrivals; at != 0 && code == LX_OK;
         at = online->arrivals[at - 1].next) {
        const struct arrival *arrival = &online->arrivals[at - 1];
        const struct bank_change change = {.event = arrival->event,
                                           .is_deleted = arrival->kind == ARRIVAL_DELETION};
        if (arrival->kind == ARRIVAL_NEW)
            code = view_history_add(history, &arrival->event, 1, &reader->arena, history, err);
        else if (arrival->kind != ARRIVAL_REPLACED)
            code = view_history_change(history, &change, &reader->arena, history, err);
    }
    return code;
}

struct interval {
    int64_t from_ms, until_ms;
};

#define NARROW(member) narrow(fact->member, as_of_ms, &interval->from_ms, &interval->until_ms)
#define EACH(type, list, count)                                                                    \
    for (const struct type *fact = history->list; fact < history->list + history->count; fact++)

static void narrow_rare(const struct bank_history *history, int64_t as_of_ms,
                        struct interval *interval)
{
    EACH(bank_consent, consents, consent_count)
    {
        NARROW(at_ms), NARROW(known_at_ms);
    }
    EACH(bank_do_not_contact, do_not_contacts, do_not_contact_count)
    {
        NARROW(at_ms), NARROW(known_at_ms), NARROW(until_ms), NARROW(until_known_at_ms);
    }
    EACH(bank_complaint, complaints, complaint_count)
    {
        NARROW(at_ms), NARROW(known_at_ms), NARROW(closed_at_ms), NARROW(closed_known_at_ms);
    }
}

/* When, around the moment, what is true of the customer does not change. */
static void narrow_all(const struct bank_history *history, int64_t as_of_ms,
                       struct interval *interval)
{
    EACH(bank_profile, profiles, profile_count)
    {
        NARROW(at_ms), NARROW(known_at_ms);
    }
    EACH(bank_event, events, event_count)
    {
        NARROW(at_ms), NARROW(known_at_ms);
        if (fact->replaced_at_ms != 0) NARROW(replaced_at_ms);
    }
    EACH(bank_risk, risks, risk_count)
    {
        NARROW(at_ms), NARROW(known_at_ms), NARROW(expires_ms);
    }
    EACH(bank_exposure, exposures, exposure_count)
    {
        NARROW(at_ms), NARROW(known_at_ms), NARROW(answer_known_at_ms);
    }
    narrow_rare(history, as_of_ms, interval);
}
#undef NARROW
#undef EACH

/* What the arrivals allow: until when all are known, and whether a record can tell. */
static void narrow_arrivals(const struct view_online *online, const struct online_header *header,
                            struct interval *interval, bool *is_recount)
{
    for (uint32_t at = header->arrivals; at != 0; at = online->arrivals[at - 1].next) {
        const struct arrival *arrival = &online->arrivals[at - 1];
        const struct bank_event *event = &arrival->event;
        bool has_balance = event->balance_fen != BANK_NO_AMOUNT;
        if (is_recounted(event->kind) && arrival->kind != ARRIVAL_DELETION) *is_recount = true;
        if (has_balance && (arrival->kind != ARRIVAL_NEW || (header->flags & ONLINE_LATE) != 0))
            *is_recount = true;
        if (arrival->kind == ARRIVAL_REPLACED) continue;
        if (event->replaced_at_ms != 0) *is_recount = true;
        if (event->known_at_ms > interval->from_ms) interval->from_ms = event->known_at_ms;
        if (event->at_ms > interval->from_ms) interval->from_ms = event->at_ms;
    }
}

static uint32_t in_day(const struct view_online *online, int64_t at_ms)
{
    int64_t ms = at_ms - online->day_start_ms;
    if (ms < 0) return 0;
    return (uint32_t)(ms > LX_MS_PER_DAY ? LX_MS_PER_DAY : ms);
}

static int64_t newest_of(const struct bank_history *history, int64_t as_of_ms)
{
    size_t end = view_event_end(history, as_of_ms);
    return end == 0 ? INT64_MIN : history->events[end - 1].at_ms;
}

/* Whether some arrival is older than what was there before it, or of another day. */
static bool has_late(const struct view_online *online, const struct online_header *header,
                     const struct bank_history *history)
{
    int64_t newest_ms = newest_of(history, INT64_MAX);
    for (uint32_t at = header->arrivals; at != 0; at = online->arrivals[at - 1].next) {
        const struct arrival *arrival = &online->arrivals[at - 1];
        if (arrival->kind != ARRIVAL_NEW) continue;
        if (arrival->event.at_ms <= newest_ms || arrival->event.at_ms < online->day_start_ms)
            return true;
        newest_ms = arrival->event.at_ms;
    }
    return false;
}

/* Counts both programs as of a moment of the day into the record. */
static bool count_windows(struct view_online *online, struct view_online_reader *reader,
                          const struct bank_history *history, int64_t as_of_ms, uint8_t *record)
{
    static const struct view_facts nothing = {0};
    bool is_stored = true;
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
        struct run *run = feature_run(reader->context.scratch, (enum view_scope)scope);
        struct view_reading reading;
        view_reading_begin(online->features->schema, &reader->context, &nothing, NULL, as_of_ms,
                           NULL, &reading);
        run_pass_open(run, history, &reading);
        is_stored = is_stored && online_store(&online->plan, (enum view_scope)scope, run, record);
    }
    return is_stored;
}

/* `history` is the bank's. */
static enum lx_err make_record(struct view_online *online, struct view_online_reader *reader,
                               const struct bank_history *history, struct lx_error *err)
{
    struct online_header *header = online_header(online, history->customer);
    struct interval interval = {online->day_start_ms, online->day_start_ms + LX_MS_PER_DAY};
    struct bank_history whole = *history;
    bool is_recount = false;
    enum lx_err code = online_add_arrivals(online, reader, history->customer, &whole, err);
    if (code != LX_OK) return code;
    header->flags = (header->flags & ONLINE_CHANGED) | ONLINE_WARM;
    if (has_late(online, header, history)) header->flags |= ONLINE_LATE;
    narrow_all(history, online->as_of_ms, &interval);
    narrow_arrivals(online, header, &interval, &is_recount);
    header->from = in_day(online, interval.from_ms);
    header->until = in_day(online, interval.until_ms);
    if (header->from >= header->until) is_recount = true;
    int64_t moment_ms = interval.from_ms > online->as_of_ms ? interval.from_ms : online->as_of_ms;
    if (!is_recount) {
        header->newest_ms = newest_of(&whole, moment_ms);
        is_recount = !count_windows(online, reader, &whole, moment_ms, (uint8_t *)header);
    }
    if (is_recount) header->flags |= ONLINE_RECOUNT;
    return LX_OK;
}

static enum lx_err remake(struct view_online *online, struct view_online_reader *reader,
                          int64_t customer, struct lx_error *err)
{
    struct bank_history history;
    lx_arena_clear(&reader->arena);
    enum lx_err code = bank_history_read(reader->bank, customer, &reader->arena, &history, err);
    return code == LX_OK ? make_record(online, reader, &history, err) : code;
}

struct warming {
    struct view_online *online;
    struct view_online_reader *reader;
};

static enum lx_err warm_one(void *context, const struct bank_history *history, struct lx_error *err)
{
    const struct warming *warming = context;
    lx_arena_clear(&warming->reader->arena);
    return make_record(warming->online, warming->reader, history, err);
}

enum lx_err view_online_warm(struct view_online *online, struct view_online_reader *reader,
                             int64_t first, int64_t last, struct lx_error *err)
{
    LX_ASSERT(first >= 0 && first <= last && last <= online->customers);

    struct warming warming = {online, reader};
    return bank_scan(reader->bank, first, last, warm_one, &warming, err);
}

/* --- Arrivals -------------------------------------------------------------------------------- */

static enum lx_err check_room(const struct view_online *online, uint32_t count,
                              struct lx_error *err)
{
    if (online->options.arrivals_max - online->arrival_count >= count) return LX_OK;
    return lx_fail(err, LX_ERR_LIMIT,
                   "online: %" PRIu32
                   " arrivals since the snapshot, there is room for no more: run "
                   "`lingxi refresh`, or raise arrivals under [online] in lingxi.ini",
                   online->arrival_count);
}

static void append(struct view_online *online, struct online_header *header,
                   const struct bank_event *event, enum arrival_kind kind)
{
    online->arrivals[online->arrival_count] =
        (struct arrival){.event = *event, .kind = (uint32_t)kind};
    uint32_t number = ++online->arrival_count, *link = &header->arrivals;
    while (*link != 0) link = &online->arrivals[*link - 1].next;
    *link = number;
}

/* The newest of all that happened, today, and known while the record holds. */
static bool is_next(const struct view_online *online, const struct online_header *header,
                    const struct bank_event *event)
{
    return event->at_ms > header->newest_ms && event->at_ms >= online->day_start_ms &&
           event->at_ms < online->day_start_ms + header->until &&
           event->known_at_ms < online->day_start_ms + header->until &&
           event->replaced_at_ms == 0 && !is_recounted(event->kind);
}

static void add_to_record(struct view_online *online, struct view_online_reader *reader,
                          struct online_header *header, const struct bank_event *event)
{
    static const struct view_facts nothing = {0};
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
        struct run *run = feature_run(reader->context.scratch, (enum view_scope)scope);
        struct view_reading reading;
        online_begin_reading(online, reader, &nothing, &reading);
        run_begin(run, &reading);
        online_load(&online->plan, (enum view_scope)scope, (uint8_t *)header, run);
        run_add_event(run, event);
        if (!online_store(&online->plan, (enum view_scope)scope, run, (uint8_t *)header))
            header->flags |= ONLINE_RECOUNT;
    }
    uint32_t at = in_day(online, event->at_ms), known = in_day(online, event->known_at_ms);
    header->newest_ms = event->at_ms;
    if (at > header->from) header->from = at;
    if (known > header->from) header->from = known;
}

enum lx_err view_online_apply(struct view_online *online, struct view_online_reader *reader,
                              int64_t customer, const struct bank_event *event,
                              struct lx_error *err)
{
    LX_ASSERT(customer >= 0 && customer < online->customers && event != NULL);

    struct online_header *header = online_header(online, customer);
    enum lx_err code = check_room(online, 1, err);
    if (code != LX_OK) return code;
    append(online, header, event, ARRIVAL_NEW);
    if ((header->flags & ONLINE_WARM) == 0) return LX_OK;
    if ((header->flags & ONLINE_RECOUNT) != 0) return LX_OK;
    if (is_next(online, header, event)) {
        add_to_record(online, reader, header, event);
        return LX_OK;
    }
    return remake(online, reader, customer, err);
}

enum lx_err view_online_change(struct view_online *online, struct view_online_reader *reader,
                               int64_t customer, const struct bank_change *change,
                               struct lx_error *err)
{
    LX_ASSERT(customer >= 0 && customer < online->customers && change != NULL);

    struct online_header *header = online_header(online, customer);
    struct bank_history history;
    const struct bank_event *replaced = NULL;
    lx_arena_clear(&reader->arena);
    enum lx_err code = check_room(online, 2, err);
    if (code == LX_OK)
        code = bank_history_read(reader->bank, customer, &reader->arena, &history, err);
    if (code == LX_OK) code = online_add_arrivals(online, reader, customer, &history, err);
    struct bank_history changed;
    if (code == LX_OK) code = view_history_change(&history, change, &reader->arena, &changed, err);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < history.event_count; i++)
        if (history.events[i].at_ms == change->event.at_ms &&
            history.events[i].sequence == change->event.sequence)
            replaced = &history.events[i];
    LX_ASSERT(replaced != NULL);
    append(online, header, replaced, ARRIVAL_REPLACED);
    append(online, header, &change->event, change->is_deleted ? ARRIVAL_DELETION : ARRIVAL_CHANGE);
    header->flags |= ONLINE_CHANGED;
    return (header->flags & ONLINE_WARM) == 0 ? LX_OK : remake(online, reader, customer, err);
}

#include "model/life_record.h"

#include <math.h>
#include <string.h>

#include "codec/bytes.h"

static const struct {
    const char *name, *zh, *en;
} actions[LIFE_ACTION_COUNT] = {
#define X(name, text, zh, en) {text, zh, en},
    LIFE_ACTION_MAP(X)
#undef X
};

const char *life_action_name(enum life_action action)
{
    return actions[action].name;
}

const char *life_action_zh(enum life_action action)
{
    return actions[action].zh;
}

const char *life_action_en(enum life_action action)
{
    return actions[action].en;
}

bool life_action_is_live(enum life_action action)
{
    return action != LIFE_REGISTERED && action != LIFE_ASKED;
}

static void put_string(struct lx_buffer *buffer, const char *text)
{
    bytes_put_text(buffer, text, strlen(text));
}

void life_record_write(const struct life_change *change, struct lx_buffer *buffer)
{
    const struct life_figures *figures = &change->figures;
    const double reals[] = {figures->pr_auc,  figures->live_pr_auc, figures->difference,
                            figures->low,     figures->high,        figures->ece_low,
                            figures->ece_high};
    bytes_put_u8(buffer, LIFE_RECORD_KIND);
    bytes_put_u8(buffer, LIFE_RECORD_VERSION);
    bytes_put_signed(buffer, change->at_ms);
    bytes_put_u8(buffer, (uint8_t)change->action);
    put_string(buffer, change->model);
    put_string(buffer, change->before);
    put_string(buffer, change->by);
    put_string(buffer, change->asked_by);
    lx_buffer_append(buffer, change->card, sizeof change->card);
    bytes_put_u8(buffer, figures->is_known);
    for (size_t i = 0; i < LX_COUNT_OF(reals); i++)
        bytes_put_real(buffer, figures->is_known ? reals[i] : 0);
}

/* A text that fits with its NUL, or the reader fails. */
static void get_string(struct bytes_reader *reader, char *ret_text, size_t size)
{
    size_t length = 0;
    const char *text = bytes_get_text(reader, &length);
    if (reader->is_failed || length >= size || memchr(text, 0, length) != NULL) {
        reader->is_failed = true;
        return;
    }
    memcpy(ret_text, text, length);
    ret_text[length] = '\0';
}

static void get_figures(struct bytes_reader *reader, struct life_figures *figures)
{
    double *const reals[] = {&figures->pr_auc,  &figures->live_pr_auc, &figures->difference,
                             &figures->low,     &figures->high,        &figures->ece_low,
                             &figures->ece_high};
    figures->is_known = bytes_get_u8(reader) != 0;
    for (size_t i = 0; i < LX_COUNT_OF(reals); i++) {
        *reals[i] = bytes_get_real(reader);
        if (!figures->is_known) *reals[i] = NAN;
    }
}

enum lx_err life_record_read(const void *bytes, size_t length, struct life_change *ret_change,
                             bool *ret_is_change, struct lx_error *err)
{
    struct bytes_reader reader = bytes_reader_of(bytes, length);
    struct life_change change = {0};
    uint8_t kind = bytes_get_u8(&reader), version = bytes_get_u8(&reader);
    *ret_is_change = kind == LIFE_RECORD_KIND && !reader.is_failed;
    if (!*ret_is_change) return LX_OK;
    if (version != LIFE_RECORD_VERSION)
        return lx_fail(err, LX_ERR_VERSION,
                       "journal record of a model, version %d, this program reads %d", version,
                       LIFE_RECORD_VERSION);
    change.at_ms = bytes_get_signed(&reader);
    uint8_t action = bytes_get_u8(&reader);
    change.action = (enum life_action)action;
    get_string(&reader, change.model, sizeof change.model);
    get_string(&reader, change.before, sizeof change.before);
    get_string(&reader, change.by, sizeof change.by);
    get_string(&reader, change.asked_by, sizeof change.asked_by);
    for (size_t i = 0; i < sizeof change.card; i++) change.card[i] = bytes_get_u8(&reader);
    get_figures(&reader, &change.figures);
    if (!bytes_is_at_end(&reader) || action >= LIFE_ACTION_COUNT || change.model[0] == '\0')
        return lx_fail(err, LX_ERR_CORRUPT, "journal record of %zu bytes is no change of a model",
                       length);
    *ret_change = change;
    return LX_OK;
}

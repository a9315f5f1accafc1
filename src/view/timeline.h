#ifndef VIEW_TIMELINE_H
#define VIEW_TIMELINE_H

/*
 * timeline: what happened with a customer, newest first, as rows that are ready to print.
 *
 * It merges events, offers of the past and their answers, risk assessments and consents. Only what
 * was known at the moment asked for is shown, so of an event that was corrected the version known
 * then, and nothing of a deleted one; offers held back from a control group are not, since
 * the customer never saw them.
 *
 * Order:     by moment, newest first; facts of one moment by source (answers, offers, events,
 *            assessments, consents), then the later one first. No two rows rank alike, so pages
 *            taken one after another by cursor neither repeat nor skip a row.
 * Ownership: texts are static or the catalogue's, borrowed. Threads: pure functions.
 */

#include "view/feature.h"

enum timeline_source {
    TIMELINE_CONSENT,
    TIMELINE_ASSESSMENT,
    TIMELINE_EVENT,
    TIMELINE_OFFER,
    TIMELINE_ANSWER,
    TIMELINE_SOURCE_COUNT
};

struct timeline_row {
    int64_t at_ms; /* of an answer: when the bank knew of it */
    int64_t known_at_ms;
    enum timeline_source source;
    const char *kind, *zh, *en; /* "salary", "offer", "answer", "risk_assessment", "consent" */
    int product;                /* index, BANK_NO_PRODUCT */
    const char *product_code, *product_zh, *product_en; /* "" without a product */
    const char *channel, *channel_zh, *channel_en;      /* "" where not known */
    const char *merchant, *merchant_zh, *merchant_en;   /* "" where there is none */
    const char *detail, *detail_zh, *detail_en; /* answer; level "C3"; "granted", "withdrawn"; "" */
    int64_t amount_fen, balance_fen;            /* BANK_NO_AMOUNT */
    int32_t quantity;                           /* seconds on a page, else 0 */
    bool is_corrected; /* an event as the bank learned later that it was; known_at_ms says when */
};

/* A place between two rows; zeroed: before the newest. */
struct timeline_cursor {
    bool is_set;
    int64_t at_ms;
    enum timeline_source source;
    uint32_t ordinal; /* of the last row told, among those of its source and moment, oldest 0 */
};

/*
 * Up to `limit` rows after the cursor, which moves behind them; *ret_count < limit says that there
 * are no more.
 */
void view_timeline(const struct bank_history *history, const struct view_context *context,
                   int64_t as_of_ms, struct timeline_cursor *cursor, struct timeline_row *ret_rows,
                   size_t limit, size_t *ret_count);

enum { TIMELINE_CURSOR_SIZE = 48 };
/* The cursor as a text for clients, and back; LX_ERR_BAD_INPUT. */
void timeline_cursor_text(const struct timeline_cursor *cursor,
                          char ret_text[TIMELINE_CURSOR_SIZE]);
LX_MUST_USE enum lx_err timeline_cursor_parse(const char *text, struct timeline_cursor *ret_cursor,
                                              struct lx_error *err);

#endif

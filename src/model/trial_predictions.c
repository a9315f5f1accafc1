#include "model/trial_predictions.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "codec/csv.h"
#include "host/file.h"

enum { ROWS_MAX = 1 << 28, BLOCK_BYTES = 1 << 16, BLOCK_BYTES_MAX = 1 << 20 };

void trial_predictions_release(struct trial_predictions *predictions)
{
    lx_free(predictions->places);
    lx_free(predictions->scores);
    lx_free(predictions->labels);
    lx_free(predictions->candidates);
    lx_free(predictions->case_rows);
    lx_free(predictions->case_ends);
    *predictions = (struct trial_predictions){0};
}

enum lx_err trial_predictions_case(struct trial_predictions *predictions, uint32_t table_row)
{
    size_t needed = predictions->case_count + 1;
    enum lx_err code = lx_grow(&predictions->case_rows, &predictions->row_capacity, needed,
                               ROWS_MAX, sizeof *predictions->case_rows);
    if (code == LX_OK)
        code = lx_grow(&predictions->case_ends, &predictions->end_capacity, needed, ROWS_MAX,
                       sizeof *predictions->case_ends);
    if (code != LX_OK) return code;
    predictions->case_rows[needed - 1] = table_row;
    predictions->case_ends[needed - 1] = predictions->count;
    predictions->case_count = needed;
    return LX_OK;
}

enum lx_err trial_predictions_add(struct trial_predictions *predictions, uint16_t candidate,
                                  double score, bool label)
{
    LX_ASSERT(predictions->case_count > 0);

    size_t needed = predictions->count + 1;
    enum lx_err code = lx_grow(&predictions->scores, &predictions->score_capacity, needed, ROWS_MAX,
                               sizeof *predictions->scores);
    if (code == LX_OK)
        code = lx_grow(&predictions->labels, &predictions->label_capacity, needed, ROWS_MAX,
                       sizeof *predictions->labels);
    if (code == LX_OK)
        code = lx_grow(&predictions->candidates, &predictions->candidate_capacity, needed, ROWS_MAX,
                       sizeof *predictions->candidates);
    if (code != LX_OK) return code;
    predictions->scores[needed - 1] = score;
    predictions->labels[needed - 1] = label;
    predictions->candidates[needed - 1] = candidate;
    predictions->count = needed;
    predictions->case_ends[predictions->case_count - 1] = needed;
    return LX_OK;
}

enum lx_err trial_predictions_add_place(struct trial_predictions *predictions, uint16_t candidate,
                                        double score, bool label, struct trial_place place)
{
    LX_ASSERT(predictions->arms != NULL);

    enum lx_err code = lx_grow(&predictions->places, &predictions->place_capacity,
                               predictions->count + 1, ROWS_MAX, sizeof *predictions->places);
    if (code == LX_OK) code = trial_predictions_add(predictions, candidate, score, label);
    if (code == LX_OK) predictions->places[predictions->count - 1] = place;
    return code;
}

static enum lx_err flush(struct host_file *file, struct lx_buffer *text, struct lx_error *err)
{
    enum lx_err code = lx_buffer_error(text);
    if (code != LX_OK) return lx_fail(err, code, "%s: %s", host_path(file), lx_err_text(code));
    code = host_write(file, lx_buffer_text(text), text->length, err);
    lx_buffer_clear(text);
    return code;
}

static void write_text(struct lx_buffer *text, bool is_first, const char *field)
{
    static const struct csv_format format = {.quote = '"'};
    size_t length = 0;
    while (field[length] != 0) length++;
    csv_write_field(text, &format, is_first, field, length);
}

static void write_place(struct lx_buffer *text, const struct trial_predictions *predictions,
                        size_t row)
{
    const struct trial_place *place = &predictions->places[row];
    lx_buffer_printf(text, ",%s,%d,%d", predictions->arms[place->arm], place->round,
                     place->position);
}

enum lx_err trial_predictions_write(const struct trial_predictions *predictions,
                                    const struct trial_names *names, const char *path,
                                    struct lx_error *err)
{
    struct host_file *file = NULL;
    struct lx_buffer text;
    lx_buffer_init(&text, BLOCK_BYTES_MAX);
    enum lx_err code = host_open(path, HOST_CREATE, &file, err);
    lx_buffer_append_text(&text, "case,candidate,score,label");
    lx_buffer_append_text(&text, predictions->arms == NULL ? "\n" : ",arm,round,position\n");
    size_t row = 0;
    for (size_t i = 0; i < predictions->case_count && code == LX_OK; i++) {
        char name[TRIAL_NAME_SIZE], candidate[TRIAL_NAME_SIZE];
        names->name_case(names->context, predictions->case_rows[i], name);
        for (; row < predictions->case_ends[i]; row++) {
            names->name_candidate(names->context, predictions->candidates[row], candidate);
            write_text(&text, true, name);
            write_text(&text, false, candidate);
            lx_buffer_printf(&text, ",%.17g,%d", predictions->scores[row],
                             predictions->labels[row]);
            if (predictions->arms != NULL) write_place(&text, predictions, row);
            lx_buffer_append_byte(&text, '\n');
        }
        if (text.length >= BLOCK_BYTES) code = flush(file, &text, err);
    }
    if (code == LX_OK) code = flush(file, &text, err);
    if (code == LX_OK) code = host_sync(file, err);
    host_close(file);
    lx_buffer_release(&text);
    return code;
}

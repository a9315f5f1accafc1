/* Reading what calibration_write wrote. A file of its own: jansson.h and codec/json.h both declare
 * json_real. */
#include "learn/calibration.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

static const char *const kind_names[] = {
    [CALIBRATION_IDENTITY] = "identity",
    [CALIBRATION_PLATT] = "platt",
    [CALIBRATION_ISOTONIC] = "isotonic",
};

static bool read_real(const json_t *object, const char *name, double *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_number(value)) return false;
    *ret_value = json_number_value(value);
    return isfinite(*ret_value);
}

/* Rising numbers, at most CALIBRATION_KNOTS_MAX. */
static bool read_reals(const json_t *object, const char *name, double *values, size_t *ret_count)
{
    const json_t *array = json_object_get(object, name);
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > CALIBRATION_KNOTS_MAX) return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_number(value)) return false;
        values[i] = json_number_value(value);
        if (!isfinite(values[i]) || (i > 0 && values[i] <= values[i - 1])) return false;
    }
    *ret_count = count;
    return true;
}

static bool read_kind(const json_t *object, enum calibration_kind *ret_kind)
{
    const json_t *kind = json_object_get(object, "kind");
    for (size_t i = 0; json_is_string(kind) && i < LX_COUNT_OF(kind_names); i++) {
        if (strcmp(json_string_value(kind), kind_names[i]) != 0) continue;
        *ret_kind = (enum calibration_kind)i;
        return true;
    }
    return false;
}

enum lx_err calibration_read(const char *json, size_t length, struct calibration *ret_calibration,
                             struct lx_error *err)
{
    json_error_t where;
    json_t *object = json_loadb(json, length, JSON_REJECT_DUPLICATES, &where);
    if (object == NULL)
        return lx_fail(err, LX_ERR_BAD_INPUT, "calibration:%d: %s", where.line, where.text);

    struct calibration calibration = {0};
    size_t log_odds_count = 0;
    bool is_whole = read_kind(object, &calibration.kind) &&
                    read_real(object, "prior_shift", &calibration.prior_shift) &&
                    read_real(object, "slope", &calibration.slope) &&
                    read_real(object, "intercept", &calibration.intercept) &&
                    read_reals(object, "margins", calibration.margins, &calibration.knot_count) &&
                    read_reals(object, "log_odds", calibration.log_odds, &log_odds_count) &&
                    log_odds_count == calibration.knot_count &&
                    (calibration.kind != CALIBRATION_ISOTONIC || log_odds_count > 0) &&
                    (calibration.kind != CALIBRATION_PLATT || calibration.slope > 0);
    json_decref(object);
    if (!is_whole)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "calibration: kind, prior_shift, slope, intercept, margins or log_odds "
                       "missing or out of range");
    *ret_calibration = calibration;
    return LX_OK;
}

#include "model/registry.h"

#include <math.h>
#include <string.h>

#include "base/real.h"
#include "codec/digest.h"
#include "host/file.h"
#include "learn/forest.h"
#include "learn/scorer.h"
#include "model/life.h"
#include "model/second.h"
#include "model/traits.h"
#include "view/features.h"

enum { CARD_BYTES_MAX = 1 << 20 };

struct model {
    char id[REGISTRY_ID_SIZE];
    struct model_card card;
    struct forest *forest;
    struct scorer *scorer;
    struct second *second;
};

static void id_of_card(const void *card, size_t length, char ret_id[REGISTRY_ID_SIZE])
{
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    digest_of(card, length, hash);
    digest_text(hash, text);
    memcpy(ret_id, text, REGISTRY_ID_DIGITS);
    ret_id[REGISTRY_ID_DIGITS] = '\0';
}

/* DIR/models/<id>/<name>; empty parts are left out. */
static enum lx_err path_of(const char *folder, const char *id, const char *name,
                           char path[LX_PATH_MAX], struct lx_error *err)
{
    char part[LX_PATH_MAX];
    enum lx_err code = host_join(part, folder, "models", err);
    if (code == LX_OK && id[0] != '\0') {
        code = host_join(path, part, id, err);
        if (code == LX_OK) memcpy(part, path, LX_PATH_MAX);
    }
    return code == LX_OK ? host_join(path, part, name, err) : code;
}

static enum lx_err write_files(const char *folder, const char *id, const char *trees,
                               size_t trees_length, const struct lx_buffer *traits,
                               const struct lx_buffer *card, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = path_of(folder, "", id, path, err);
    if (code == LX_OK) code = host_make_folder(path, err);
    if (code == LX_OK) code = path_of(folder, id, "model.json", path, err);
    if (code == LX_OK) code = host_write_atomic(path, trees, trees_length, err);
    if (code == LX_OK && traits != NULL) code = path_of(folder, id, "traits.json", path, err);
    if (code == LX_OK && traits != NULL)
        code = host_write_atomic(path, traits->bytes, traits->length, err);
    if (code == LX_OK) code = path_of(folder, id, "card.json", path, err);
    return code == LX_OK ? host_write_atomic(path, card->bytes, card->length, err) : code;
}

enum lx_err registry_save(const char *folder, const struct model_card *card, const char *trees,
                          size_t trees_length, const struct lx_buffer *traits,
                          char ret_id[REGISTRY_ID_SIZE], struct lx_error *err)
{
    uint8_t trees_hash[DIGEST_SIZE];
    char id[REGISTRY_ID_SIZE];
    struct lx_buffer json;
    digest_of(trees, trees_length, trees_hash);
    lx_buffer_init(&json, CARD_BYTES_MAX);
    model_card_write(card, trees_hash, &json);
    enum lx_err code = lx_buffer_error(&json);
    if (code != LX_OK) {
        code = lx_fail(err, code, "model card: %s", lx_err_text(code));
    } else {
        id_of_card(json.bytes, json.length, id);
        code = write_files(folder, id, trees, trees_length, traits, &json, err);
    }
    lx_buffer_release(&json);
    if (code == LX_OK) memcpy(ret_id, id, sizeof id);
    return code;
}

static bool is_id(const char *text, size_t length)
{
    return length == REGISTRY_ID_DIGITS && strspn(text, "0123456789abcdef") == REGISTRY_ID_DIGITS;
}

enum lx_err registry_set_current(const char *folder, const char *id, struct lx_error *err)
{
    char path[LX_PATH_MAX], current[REGISTRY_ID_SIZE];
    LX_ASSERT(is_id(id, strlen(id)));

    enum lx_err code = path_of(folder, "", "current", path, err);
    if (code != LX_OK) return code;
    memcpy(current, id, REGISTRY_ID_DIGITS);
    current[REGISTRY_ID_DIGITS] = '\n';
    return host_write_atomic(path, current, sizeof current, err);
}

enum lx_err registry_named(const char *folder, char ret_id[REGISTRY_ID_SIZE], struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    lx_buffer_init(&text, 64);
    enum lx_err code = path_of(folder, "", "current", path, err);
    if (code == LX_OK && !host_exists(path))
        code = lx_fail(err, LX_ERR_NOT_READY, "%s: no model: run `lingxi train`", folder);
    else if (code == LX_OK)
        code = host_read_file(path, &text, err);
    if (code == LX_OK) {
        size_t length = strcspn(lx_buffer_text(&text), "\n");
        if (!is_id(lx_buffer_text(&text), length))
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: names no model", path);
        else
            memcpy(ret_id, text.bytes, REGISTRY_ID_DIGITS);
    } else if (code == LX_ERR_LIMIT) {
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: names no model", path);
    }
    if (code == LX_OK) ret_id[REGISTRY_ID_DIGITS] = '\0';
    lx_buffer_release(&text);
    return code;
}

enum lx_err registry_current(const char *folder, char ret_id[REGISTRY_ID_SIZE],
                             struct lx_error *err)
{
    bool is_changed = false;
    enum lx_err code = life_interrupted(folder, ret_id, &is_changed, err);
    return code != LX_OK || is_changed ? code : registry_named(folder, ret_id, err);
}

static enum lx_err check_forest(const struct forest *forest, const struct model_card *card,
                                struct lx_error *err)
{
    if (forest_group_count(forest) == 1 && forest_feature_count(forest) == card->feature_count)
        return LX_OK;
    return lx_fail(err, LX_ERR_CORRUPT,
                   "model: trees of %zu features and %zu groups, the card says %zu and 1",
                   forest_feature_count(forest), forest_group_count(forest), card->feature_count);
}

enum lx_err model_of(const struct model_card *card, const char *trees, size_t trees_length,
                     struct model **ret_model, struct lx_error *err)
{
    struct model *model = lx_calloc(1, sizeof *model);
    if (model == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "model: out of memory");
    model->card = *card;
    enum lx_err code = forest_load_json(trees, trees_length, &model->forest, err);
    if (code == LX_OK) code = check_forest(model->forest, card, err);
    if (code == LX_OK) code = scorer_open(model->forest, SCORER_BEST, &model->scorer, err);
    if (code == LX_OK)
        *ret_model = model;
    else
        model_close(model);
    return code;
}

static enum lx_err check_features(const struct model_card *card, const char *id,
                                  const struct view_features *features, struct lx_error *err)
{
    uint8_t hash[DIGEST_SIZE];
    view_features_hash(features, hash);
    if (memcmp(hash, card->feature_set, sizeof hash) == 0) return LX_OK;
    return lx_fail(err, LX_ERR_NOT_READY,
                   "model %s was trained on another set of features: run `lingxi train`", id);
}

/* The file, whose hash is the id. */
static enum lx_err read_card_file(const char *folder, const char *id, struct lx_buffer *text,
                                  struct lx_error *err)
{
    char path[LX_PATH_MAX], found[REGISTRY_ID_SIZE];
    if (!is_id(id, strlen(id)))
        return lx_fail(err, LX_ERR_USAGE, "model \"%.40s\": an id is 12 hex digits", id);
    enum lx_err code = path_of(folder, id, "card.json", path, err);
    if (code == LX_OK && !host_exists(path))
        code = lx_fail(err, LX_ERR_NOT_FOUND, "model %s: no such model in %s", id, folder);
    else if (code == LX_OK)
        code = host_read_file(path, text, err);
    if (code != LX_OK) return code;
    id_of_card(lx_buffer_text(text), text->length, found);
    if (memcmp(found, id, sizeof found) == 0) return LX_OK;
    return lx_fail(err, LX_ERR_CORRUPT, "%s: its hash is %s: the card was changed", path, found);
}

static enum lx_err read_card(const char *folder, const char *id, struct model_card *ret_card,
                             uint8_t ret_trees_hash[DIGEST_SIZE], struct lx_error *err)
{
    struct lx_buffer text;
    lx_buffer_init(&text, CARD_BYTES_MAX);
    enum lx_err code = read_card_file(folder, id, &text, err);
    if (code == LX_OK)
        code = model_card_read(lx_buffer_text(&text), text.length, ret_card, ret_trees_hash, err);
    lx_buffer_release(&text);
    return code;
}

enum lx_err registry_card(const char *folder, const char *id, struct model_card *ret_card,
                          struct lx_error *err)
{
    uint8_t trees_hash[DIGEST_SIZE];
    return read_card(folder, id, ret_card, trees_hash, err);
}

enum lx_err registry_traits(const char *folder, const char *id, struct model_traits *ret_traits,
                            struct lx_error *err)
{
    static const uint8_t none[DIGEST_SIZE];
    struct model_card card;
    struct lx_buffer text;
    uint8_t found[DIGEST_SIZE];
    char path[LX_PATH_MAX];
    lx_buffer_init(&text, TRAITS_BYTES_MAX);
    enum lx_err code = registry_card(folder, id, &card, err);
    if (code == LX_OK && memcmp(card.traits, none, sizeof none) == 0)
        code = lx_fail(
            err, LX_ERR_NOT_READY,
            "model %s: nothing is kept of its inputs and importances: run `lingxi train`", id);
    if (code == LX_OK) code = path_of(folder, id, "traits.json", path, err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK) {
        digest_of(lx_buffer_text(&text), text.length, found);
        if (memcmp(found, card.traits, sizeof found) != 0)
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: its SHA-256 is not the one on the card", path);
    }
    if (code == LX_OK) code = traits_read(lx_buffer_text(&text), text.length, ret_traits, err);
    lx_buffer_release(&text);
    return code;
}

enum lx_err registry_card_hash(const char *folder, const char *id, uint8_t ret_hash[32],
                               struct lx_error *err)
{
    struct lx_buffer text;
    lx_buffer_init(&text, CARD_BYTES_MAX);
    enum lx_err code = read_card_file(folder, id, &text, err);
    if (code == LX_OK) digest_of(lx_buffer_text(&text), text.length, ret_hash);
    lx_buffer_release(&text);
    return code;
}

static bool has_graph(const struct model_card *card)
{
    static const uint8_t none[DIGEST_SIZE];
    return memcmp(card->graph, none, sizeof none) != 0;
}

static enum lx_err check_graph(const struct model_card *card, const char *path, const void *bytes,
                               size_t length, struct lx_error *err)
{
    uint8_t found[DIGEST_SIZE];
    digest_of(bytes, length, found);
    if (memcmp(found, card->graph, sizeof found) == 0) return LX_OK;
    return lx_fail(err, LX_ERR_CORRUPT, "%s: its SHA-256 is not the one on its card", path);
}

enum lx_err registry_save_graph(const char *folder, const char *id, const void *bytes,
                                size_t length, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct model_card card;
    enum lx_err code = registry_card(folder, id, &card, err);
    if (code == LX_OK) code = path_of(folder, id, "products.graph", path, err);
    if (code == LX_OK) code = check_graph(&card, path, bytes, length, err);
    return code == LX_OK ? host_write_atomic(path, bytes, length, err) : code;
}

enum lx_err registry_read_graph(const char *folder, const char *id, struct lx_buffer *bytes,
                                struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct model_card card;
    enum lx_err code = registry_card(folder, id, &card, err);
    if (code != LX_OK) return code;
    if (!has_graph(&card))
        return lx_fail(err, LX_ERR_NOT_READY,
                       "model %s: knows no relations of products: run `lingxi train`", id);
    code = path_of(folder, id, "products.graph", path, err);
    if (code == LX_OK) code = host_read_file(path, bytes, err);
    return code == LX_OK ? check_graph(&card, path, lx_buffer_text(bytes), bytes->length, err)
                         : code;
}

static enum lx_err check_second(const struct model_card *card, const char *path, const void *bytes,
                                size_t length, struct lx_error *err)
{
    uint8_t found[DIGEST_SIZE];
    digest_of(bytes, length, found);
    if (card->has_second && memcmp(found, card->second_hash, sizeof found) == 0) return LX_OK;
    return lx_fail(err, LX_ERR_CORRUPT, "%s: its SHA-256 is not the one on its card", path);
}

enum lx_err registry_save_second(const char *folder, const char *id, const void *bytes,
                                 size_t length, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct model_card card;
    enum lx_err code = registry_card(folder, id, &card, err);
    if (code == LX_OK) code = path_of(folder, id, "second.bin", path, err);
    if (code == LX_OK) code = check_second(&card, path, bytes, length, err);
    return code == LX_OK ? host_write_atomic(path, bytes, length, err) : code;
}

static enum lx_err read_second(const char *folder, const char *id, struct model *model,
                               struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer bytes;
    lx_buffer_init(&bytes, LX_FILE_MAX);
    enum lx_err code = path_of(folder, id, "second.bin", path, err);
    if (code == LX_OK) code = host_read_file(path, &bytes, err);
    if (code == LX_OK)
        code = check_second(&model->card, path, lx_buffer_text(&bytes), bytes.length, err);
    if (code == LX_OK)
        code = second_read(lx_buffer_text(&bytes), bytes.length, &model->second, err);
    lx_buffer_release(&bytes);
    return code;
}

static enum lx_err read_model(const char *folder, const char *id,
                              const struct view_features *features, struct model **ret_model,
                              struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct model_card card;
    struct model *model = NULL;
    struct lx_buffer trees;
    uint8_t wanted[DIGEST_SIZE], found[DIGEST_SIZE];
    lx_buffer_init(&trees, FOREST_BYTES_MAX);
    enum lx_err code = read_card(folder, id, &card, wanted, err);
    if (code == LX_OK) code = check_features(&card, id, features, err);
    if (code == LX_OK) code = path_of(folder, id, "model.json", path, err);
    if (code == LX_OK) code = host_read_file(path, &trees, err);
    if (code == LX_OK) {
        digest_of(lx_buffer_text(&trees), trees.length, found);
        if (memcmp(found, wanted, sizeof found) != 0)
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: its SHA-256 is not the one on its card", path);
    }
    if (code == LX_OK) code = model_of(&card, lx_buffer_text(&trees), trees.length, &model, err);
    if (code == LX_OK && card.has_second) code = read_second(folder, id, model, err);
    lx_buffer_release(&trees);
    if (code == LX_OK)
        *ret_model = model;
    else
        model_close(model);
    return code;
}

enum lx_err model_open(const char *folder, const char *id, const struct view_features *features,
                       struct model **ret_model, struct lx_error *err)
{
    char current[REGISTRY_ID_SIZE];
    enum lx_err code = LX_OK;
    if (id == NULL) {
        code = registry_current(folder, current, err);
        id = current;
    }
    struct model *model = NULL;
    if (code == LX_OK) code = read_model(folder, id, features, &model, err);
    if (code != LX_OK) return code;
    memcpy(model->id, id, sizeof model->id);
    *ret_model = model;
    return LX_OK;
}

void model_close(struct model *model)
{
    if (model == NULL) return;
    second_close(model->second);
    scorer_close(model->scorer);
    forest_close(model->forest);
    lx_free(model);
}

const char *model_id(const struct model *model)
{
    return model->id;
}

const struct model_card *model_card(const struct model *model)
{
    return &model->card;
}

const struct forest *model_forest(const struct model *model)
{
    return model->forest;
}

const struct scorer *model_scorer(const struct model *model)
{
    return model->scorer;
}

const struct second *model_second(const struct model *model)
{
    return model->second;
}

size_t model_scratch_bytes(const struct model *model)
{
    return scorer_scratch_bytes(model->scorer);
}

void model_log_odds(const struct model *model, const float *rows, size_t count, void *scratch,
                    double *ret_log_odds)
{
    enum { BLOCK = 256 };
    float margins[BLOCK];
    size_t columns = model->card.feature_count;
    for (size_t begin = 0; begin < count; begin += BLOCK) {
        size_t size = count - begin < BLOCK ? count - begin : BLOCK;
        scorer_score(model->scorer, rows + begin * columns, size, scratch, margins);
        for (size_t i = 0; i < size; i++)
            ret_log_odds[begin + i] =
                calibration_log_odds(&model->card.calibration, (double)margins[i]);
    }
}

double model_probability(double log_odds)
{
    return log_odds >= 0 ? 1 / (1 + exp(-log_odds)) : exp(log_odds) / (1 + exp(log_odds));
}

int model_score(const struct model *model, double log_odds)
{
    double rate = model->card.true_rate;
    if (!(rate > 0 && rate < 1)) return SCORE_BASE; /* no average pair to compare with */
    double doublings = (log_odds - lx_log(rate / (1 - rate))) / lx_log(2);
    double score = floor(SCORE_BASE + SCORE_DOUBLING * doublings + 0.5);
    return score <= 0 ? 0 : score >= 100 ? 100 : (int)score;
}

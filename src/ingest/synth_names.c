#include "ingest/synth_model.h"

#include <iconv.h>
#include <string.h>

/* One character each. The first are the most common; those in front are taken more often. */
static const char SURNAMES[] = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹"
                               "彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金";
static const char FEMALE[] = "秀英丽敏静芳娜艳娟霞玲桂兰红梅燕萍华玉婷雪琳倩慧颖莉佳欣怡雨欢"
                             "珍凤云洁蓉菊春翠香月琴素瑞爱晶妍茜秋珊莎锦黛青";
static const char MALE[] = "伟强磊军洋勇杰涛明超刚平辉鹏飞鑫波斌宇浩凯健俊帆帅旭宁龙林建国"
                           "志文海山仁贵福生元东亮永胜学祥才发武新清彬富顺信子轩";

enum { CHARACTER_SIZE = 4, LIST_MAX = 96 };

struct list {
    char characters[LIST_MAX][CHARACTER_SIZE];
    uint8_t lengths[LIST_MAX];
    size_t count;
};

struct synth_names {
    struct list surnames, female, male;
};

static enum lx_err convert(iconv_t converter, const char *text, struct list *list,
                           struct lx_error *err)
{
    for (; *text != '\0'; text += 3) {
        LX_ASSERT(list->count < LIST_MAX && strlen(text) >= 3);
        char character[4] = {text[0], text[1], text[2], '\0'};
        char *in = character, *out = list->characters[list->count];
        size_t in_left = 3, out_left = CHARACTER_SIZE;
        if (iconv(converter, &in, &in_left, &out, &out_left) == (size_t)-1)
            return lx_fail(err, LX_ERR_IO, "synth: GB18030 has no \"%s\"", character);
        list->lengths[list->count++] = (uint8_t)(CHARACTER_SIZE - out_left);
    }
    return LX_OK;
}

enum lx_err synth_names_open(struct synth_names **ret_names, struct lx_error *err)
{
    iconv_t converter = iconv_open("GB18030", "UTF-8");
    if (converter == (iconv_t)-1)
        return lx_fail(err, LX_ERR_IO, "synth: this system cannot write GB18030");
    struct synth_names *names = lx_calloc(1, sizeof *names);
    enum lx_err code = names == NULL ? lx_fail(err, LX_ERR_NO_MEMORY, "synth: names") : LX_OK;
    if (code == LX_OK) code = convert(converter, SURNAMES, &names->surnames, err);
    if (code == LX_OK) code = convert(converter, FEMALE, &names->female, err);
    if (code == LX_OK) code = convert(converter, MALE, &names->male, err);
    iconv_close(converter);
    if (code != LX_OK) {
        synth_names_close(names);
        return code;
    }
    *ret_names = names;
    return LX_OK;
}

void synth_names_close(struct synth_names *names)
{
    lx_free(names);
}

static size_t add_character(const struct list *list, size_t index, char *name, size_t length)
{
    memcpy(name + length, list->characters[index], list->lengths[index]);
    return length + list->lengths[index];
}

void synth_name(const struct synth_names *names, struct lx_rng *rng, bool is_female,
                char ret_name[SYNTH_NAME_SIZE], uint8_t *ret_length)
{
    const struct list *given = is_female ? &names->female : &names->male;
    /* The square of a uniform: half of all people share a sixth of the surnames and more. */
    double u = lx_rng_uniform(rng);
    size_t length = add_character(&names->surnames, (size_t)(u * u * (double)names->surnames.count),
                                  ret_name, 0);
    size_t count = lx_rng_chance(rng, 0.75) ? 2 : 1;
    for (size_t i = 0; i < count; i++)
        length = add_character(given, (size_t)lx_rng_below(rng, given->count), ret_name, length);
    *ret_length = (uint8_t)length;
}

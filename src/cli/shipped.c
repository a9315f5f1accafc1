#include "cli/shipped.h"

#include <stdio.h>
#include <string.h>

#include "host/file.h"

#define SHIPPED_MAP(X)                                                                             \
    X(catalogue, "catalogue.ini")                                                                  \
    X(features, "features.ini")                                                                    \
    X(labels, "labels.ini")                                                                        \
    X(rules_contact, "rules/contact.ini")                                                          \
    X(rules_eligibility, "rules/eligibility.ini")                                                  \
    X(rules_emergency, "rules/emergency.ini")                                                      \
    X(rules_suitability, "rules/suitability.ini")                                                  \
    X(actions, "actions.ini")                                                                      \
    X(synth_profile, "synth/profile.ini")                                                          \
    X(map_synthetic, "mappings/synthetic.ini")                                                     \
    X(map_zimnat, "mappings/zimnat.ini")                                                           \
    X(map_santander, "mappings/santander.ini")                                                     \
    X(map_bank_marketing, "mappings/bank_marketing.ini")                                           \
    X(map_coil2000, "mappings/coil2000.ini")                                                       \
    X(map_open_bandit, "mappings/open_bandit.ini")

/* Made by tools/embed.sh. */
#define X(symbol, name)                                                                            \
    extern const char shipped_##symbol[];                                                          \
    extern const unsigned long shipped_##symbol##_length;
SHIPPED_MAP(X)
#undef X

static struct shipped_file file_at(size_t index)
{
    const struct shipped_file files[] = {
#define X(symbol, name) {name, shipped_##symbol, shipped_##symbol##_length},
        SHIPPED_MAP(X)
#undef X
    };
    return index < LX_COUNT_OF(files) ? files[index] : (struct shipped_file){0};
}

bool shipped_at(size_t index, struct shipped_file *ret_file)
{
    *ret_file = file_at(index);
    return ret_file->name != NULL;
}

bool shipped_find(const char *name, struct shipped_file *ret_file)
{
    for (size_t i = 0; shipped_at(i, ret_file); i++)
        if (strcmp(ret_file->name, name) == 0) return true;
    return false;
}

/* "synthetic, zimnat, ..." */
static void list_of(const char *folder, char *text, size_t size)
{
    struct shipped_file file;
    size_t length = 0, folder_length = strlen(folder);
    text[0] = '\0';
    for (size_t i = 0; shipped_at(i, &file); i++) {
        if (strncmp(file.name, folder, folder_length) != 0) continue;
        const char *name = file.name + folder_length + 1;
        int written = snprintf(text + length, size - length, "%s%.*s", length == 0 ? "" : ", ",
                               (int)(strlen(name) - strlen(".ini")), name);
        if (written < 0 || (size_t)written >= size - length) return;
        length += (size_t)written;
    }
}

enum lx_err shipped_or_file(const char *folder, const char *word, struct lx_buffer *buffer,
                            char ret_file[SHIPPED_NAME_SIZE], struct lx_error *err)
{
    struct shipped_file file;
    char name[SHIPPED_NAME_SIZE];
    int length = snprintf(name, sizeof name, "%s/%s.ini", folder, word);
    if (length > 0 && (size_t)length < sizeof name && shipped_find(name, &file)) {
        memcpy(ret_file, name, sizeof name);
        lx_buffer_append(buffer, file.bytes, file.length);
        return lx_buffer_error(buffer) == LX_OK ? LX_OK
                                                : lx_fail(err, LX_ERR_NO_MEMORY, "%s", name);
    }
    if (!host_exists(word)) {
        char list[512];
        list_of(folder, list, sizeof list);
        return lx_fail(err, LX_ERR_NOT_FOUND, "%s: neither a file nor one of the shipped ones (%s)",
                       word, list);
    }
    snprintf(ret_file, SHIPPED_NAME_SIZE, "%s", word);
    return host_read_file(word, buffer, err);
}

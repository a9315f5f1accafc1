/*
 * fuzz_ini: a file is refused with its name and a line, or its entries have names, growing lines,
 * no repeats, and are found again.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ini ini = {0};
    struct lx_error err;
    enum lx_err code = ini_read("f.ini", (const char *)data, size, &ini, &err);
    if (code != LX_OK) {
        require(code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT);
        require(strncmp(err.text, "f.ini:", 6) == 0);
        return 0;
    }
    int last_line = 0;
    for (size_t i = 0; i < ini.count; i++) {
        const struct ini_entry *entry = &ini.entries[i];
        require(entry->name[0] != '\0' && entry->line > last_line);
        require(ini_find(&ini, entry->section, entry->name) == entry);
        last_line = entry->line;
    }
    size_t sections = 0;
    while (ini_section(&ini, sections) != NULL) sections++;
    require(sections <= ini.count && (sections > 0) == (ini.count > 0));
    ini_release(&ini);
    return 0;
}

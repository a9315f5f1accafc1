/* fuzz_body: whatever JSON a client sends, it is read within its bytes, and a failure is told. */
#include <stdlib.h>

#include "api/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_body body;
    struct lx_error err = {0};
    enum lx_err code = api_body_read((const char *)data, size, &body, &err);
    if (code == LX_OK) {
        (void)api_body_text(&body, "placement", 31, NULL);
        int64_t number = api_body_int(&body, "n", 1, 256, 5);
        if (number < 1 || number > 256) abort();
        (void)api_body_bool(&body, "final", false);
        size_t count = api_body_count(&body, "answers", 256);
        for (size_t i = 0; i < count; i++)
            if (api_body_item(&body, "answers", i, "product", 32) == NULL) abort();
        code = api_body_end(&body);
    }
    if (code != LX_OK && err.text[0] == '\0') abort();
    api_body_release(&body);
    return 0;
}

/*
 * replay: the main program of a fuzz target where there is no libFuzzer. Gives the target nothing,
 * every single byte, and every file of tests/fuzz/corpus/NAME; one line of TAP for each file.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Bytes in memory of exactly their size, so that a sanitizer sees a read past the end. */
static void run_bytes(const void *bytes, size_t size)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL) abort();
    if (size > 0) memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int run_file(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    size_t size = fstat(fileno(file), &status) == 0 ? (size_t)status.st_size : 0;
    char *bytes = malloc(size + 1);
    int is_read = bytes != NULL && fread(bytes, 1, size, file) == size;
    fclose(file);
    if (is_read) run_bytes(bytes, size);
    free(bytes);
    return is_read;
}

int main(void)
{
    run_bytes(NULL, 0);
    for (int value = 0; value < 256; value++) run_bytes(&(uint8_t){(uint8_t)value}, 1);
    printf("ok 1 - " FUZZ_NAME ": nothing, and every single byte\n");

    const char *root = getenv("LINGXI_ROOT");
    char folder[PATH_MAX], path[PATH_MAX + 300];
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/" FUZZ_NAME, root == NULL ? "." : root);
    struct dirent **entries;
    int count = scandir(folder, &entries, is_file, alphasort), broken = count <= 0;
    if (broken) printf("not ok 2 - %s: no corpus\n", folder);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        int is_read = run_file(path);
        broken |= !is_read;
        printf("%sok %d - " FUZZ_NAME "/%s\n", is_read ? "" : "not ", i + 2, entries[i]->d_name);
        free(entries[i]);
    }
    if (count > 0) free(entries);
    printf("1..%d\n", (count > 0 ? count : 1) + 1);
    return broken;
}

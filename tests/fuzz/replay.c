/* Runs a fuzz target over the files of a folder: PROGRAM FOLDER. Without arguments the folder is
 * that of the target's seeds, $LBDEMO_SOURCE/tests/fuzz/corpus/NAME of fuzz_NAME. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "fuzz.h"

enum { MAX_SEED = 1 << 20 };

static const char *default_folder(const char *program, char *folder, size_t size)
{
    const char *source = getenv("LBDEMO_SOURCE"), *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;
    snprintf(folder, size, "%s/tests/fuzz/corpus/%s", source ? source : ".",
             strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
    return folder;
}

static int replay(const char *path)
{
    struct lb_error err;
    char *data;
    size_t size;
    if (lb_file_read(path, MAX_SEED, &data, &size, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    /* A block of its own size, so that the sanitizers see a read beyond its end. */
    uint8_t *exact = malloc(size ? size : 1);
    if (exact) {
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    char buf[4096], path[4096 + 256];
    const char *folder = argc > 1 ? argv[1] : default_folder(argv[0], buf, sizeof buf);
    DIR *dir = opendir(folder);
    if (!dir) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return EXIT_FAILURE;
    }
    unsigned done = 0, failed = 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (replay(path) < 0)
            failed++;
        else
            done++;
    }
    closedir(dir);
    printf("%u inputs from %s\n", done, folder);
    return failed || !done ? EXIT_FAILURE : EXIT_SUCCESS;
}

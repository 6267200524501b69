/* Memory where running out of it cannot be handled. */
#include "common/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/error.h"

void lb_out_of_memory(void)
{
    static const char text[] = "out of memory\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(LB_EXIT_FAILURE);
}

void *lb_malloc(size_t size)
{
    return lb_realloc(NULL, size);
}

void *lb_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory)
        lb_out_of_memory();
    return memory;
}

void *lb_realloc_array(void *old, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        lb_out_of_memory();
    return lb_realloc(old, count * size);
}

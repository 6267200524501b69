/* Memory where running out of it cannot be handled. */
#ifndef LB_COMMON_MEMORY_H
#define LB_COMMON_MEMORY_H

#include <stddef.h>

/* Says so on standard error and exits with LB_EXIT_FAILURE, without cleaning up. */
_Noreturn void lb_out_of_memory(void);

/* malloc and realloc that end the program instead of failing. */
void *lb_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *lb_realloc(void *old, size_t size) __attribute__((returns_nonnull));

/* Of `count` items of `size` bytes; an overflow of the product is out of memory, too. */
void *lb_realloc_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

#endif

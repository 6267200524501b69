/* name_index.h - finds the index of a backend (name, boot) in a segment by hash.
 *
 * Borrowed view of a growing table of backends; internal to this folder. */
#ifndef LB_BALANCE_NAME_INDEX_H
#define LB_BALANCE_NAME_INDEX_H

#include "balance/segment.h"

/* One cache line: a name found here is found without a look at its backend. */
#define LB_NAME_SLOT_TEXT 58
struct lb_name_slot {
    uint32_t backend; /* index + 1, 0 free */
    uint8_t name_bytes, boot_bytes;
    char text[LB_NAME_SLOT_TEXT]; /* name and boot id where both fit, else unused */
};

struct lb_name_index {
    struct lb_name_slot *slot;
    size_t size; /* power of two, or 0 */
    size_t used;
};

/* FNV-1a over a string; chains with a former hash. */
uint64_t lb_hash_text(const char *text, uint64_t hash);
#define LB_HASH_START UINT64_C(14695981039346656037)

/* Index in s->backends, or LB_NONE. Names must be bounded as kept. */
uint32_t lb_name_index_find(const struct lb_name_index *x, const struct lb_segment *s,
                            const char *name, const char *boot);

/* Finds or appends to the segment; LB_NONE as lb_segment_add_backend. Long names are cut as kept.
 */
uint32_t lb_name_index_add(struct lb_name_index *x, struct lb_segment *s, const char *name,
                           const char *boot);

/* Enters all backends the segment has. 0, -1 without memory. */
int lb_name_index_build(struct lb_name_index *x, const struct lb_segment *s);

void lb_name_index_clear(struct lb_name_index *x);

/* A bounded copy: at most LB_MAX_NAME bytes; a longer text keeps its beginning, then '~' and a hash
 * of the whole. NULL becomes "". NULL without memory. */
char *lb_keep_text(const char *text);

/* The same into a buffer; returns buffer, or text itself where it is short enough. */
const char *lb_bound_text(const char *text, char buffer[LB_MAX_NAME + 1]);

/* Appends a zeroed backend under a name that is not there. LB_NONE without memory or when full. */
uint32_t lb_segment_append_backend(struct lb_segment *s, const char *name, const char *boot);

#endif

/* What a fuzz target defines. Linked with libFuzzer (--enable-fuzzer) or with replay.c, which runs
 * it once over each file of its seed corpus, so that the seeds are part of every `make check`. */
#ifndef LB_TESTS_FUZZ_H
#define LB_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

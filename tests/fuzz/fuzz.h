/* The one function of a fuzz target, as libFuzzer calls it. */
#ifndef FIRTH_FUZZ_H
#define FIRTH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

/* What the test programs share. A failed check ends the program with its line. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amp.h"

#define CHECK(cond)                                                                              \
    do {                                                                                         \
        if (!(cond)) {                                                                           \
            fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #cond, amp_last_error()); \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

#define CLOSE(got, want, tol)                                                                         \
    do {                                                                                              \
        double g_ = (got), w_ = (want);                                                               \
        if (!(fabs(g_ - w_) <= (tol))) {                                                              \
            fprintf(stderr, "%s:%d: %s is %.17g, not %.17g\n", __FILE__, __LINE__, #got, g_, w_); \
            exit(1);                                                                                  \
        }                                                                                             \
    } while (0)

/* Numbers in [-1, 1) from a counter. */
static inline double noise(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / 8388608.0 - 1;
}

static inline amp_buffer_t tensor(const char *name, double *data, uint32_t batches, uint32_t channels, uint32_t frames) {
    amp_buffer_t b;
    b.name = name;
    b.data = data;
    b.batches = batches;
    b.channels = channels;
    b.frames = frames;
    return b;
}

#ifndef AMP_NATIVE
static inline amp_node_descriptor_t describe(const char *type, const char *params, uint32_t inputs, uint32_t outputs) {
    amp_node_descriptor_t d;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    d.abi_version = 2;
    d.name = "node";
    d.type_name = type;
    d.params_json = params;
    d.sample_rate = 48000;
    d.oversample_ratio = 1;
    d.supports_v2 = 1;
    d.input_count = inputs;
    d.output_count = outputs;
    return d;
}
#endif

#endif

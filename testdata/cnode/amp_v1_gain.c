/* Example of a library that knows the first interface only: it runs forward and
 * gets zero gradients. Built as amp_nodes.c is.
 */
#define AMP_BUILDING
#include "amp.h"

#include <stdlib.h>

int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)desc; (void)sample_rate; (void)state; (void)history; (void)channels;
    if (!inputs || !inputs->audio.data) return AMP_E_INVALID_ARG;
    size_t n = (size_t)batches * inputs->audio.channels * frames;
    double *y = malloc(n * sizeof(double));
    if (!y) return AMP_E_INTERNAL;
    for (size_t i = 0; i < n; i++) y[i] = 0.5 * inputs->audio.data[i];
    *out_buffer = y;
    *out_channels = (int)inputs->audio.channels;
    return AMP_OK;
}

void amp_free(double *data) { free(data); }

/* A node that both interfaces know: "Both" plays its input once by the first,
 * twice by the second. */
#define AMP_BUILDING
#include "amp.h"

#include <stdlib.h>

uint32_t amp_abi_version(void) { return 2; }
void amp_release_state(void *state) { (void)state; }

int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)desc; (void)channels; (void)sample_rate; (void)state; (void)history;
    size_t n = (size_t)batches * inputs->audio.channels * frames;
    double *y = malloc(n * sizeof(double));
    for (size_t i = 0; y && i < n; i++) y[i] = inputs->audio.data[i];
    *out_buffer = y;
    *out_channels = (int)inputs->audio.channels;
    return y ? AMP_OK : AMP_E_INTERNAL;
}

void amp_free(double *data) { free(data); }

int amp_run_node_v2(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out,
                    amp_execution_mode_t mode, amp_node_metrics_t *metrics) {
    (void)d; (void)state; (void)metrics; (void)mode; /* it is its own adjoint */
    out[0].batches = in[0].batches;
    out[0].channels = in[0].channels;
    out[0].frames = in[0].frames;
    if (!out[0].data) return AMP_OK;
    for (size_t i = 0; i < (size_t)in[0].batches * in[0].channels * in[0].frames; i++) out[0].data[i] = 2 * in[0].data[i];
    return AMP_OK;
}

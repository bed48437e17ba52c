/* Nodes that break the contract, at once or, the Late ones, from the second
 * length of blocks on. */
#define AMP_BUILDING
#include "amp.h"

#include <math.h>
#include <string.h>

uint32_t amp_abi_version(void) { return 2; }
void amp_release_state(void *state) { (void)state; }

int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)desc; (void)inputs; (void)batches; (void)channels; (void)frames; (void)sample_rate;
    (void)out_buffer; (void)out_channels; (void)state; (void)history;
    return AMP_E_UNKNOWN_NODE;
}

static double own[4096];

int amp_run_node_v2(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out,
                    amp_execution_mode_t mode, amp_node_metrics_t *metrics) {
    (void)state; (void)metrics;
    uint32_t n = in[0].frames;
    int late = n > 8;
    out[0].batches = 1;
    out[0].channels = 1;
    out[0].frames = n;
    if (strcmp(d->type_name, "Shape") == 0) out[0].frames = n + 1;
    if (!out[0].data) return AMP_OK;
    memcpy(out[0].data, in[0].data, n * sizeof(double));
    if (!late) return AMP_OK;
    if (mode == AMP_BACKWARD) {
        if (strcmp(d->type_name, "BackPast") == 0) out[0].data[n] = 1;
        if (strcmp(d->type_name, "BackShape") == 0) out[0].channels = 2;
        if (strcmp(d->type_name, "BackNaN") == 0) out[0].data[1] = INFINITY;
        if (strcmp(d->type_name, "BackFail") == 0) return AMP_E_INVALID_ARG;
        return AMP_OK;
    }
    if (strcmp(d->type_name, "Before") == 0) out[0].data[-1] = 1;
    if (strcmp(d->type_name, "Array") == 0) out[1].channels = 1;
    if (strcmp(d->type_name, "Own") == 0) out[0].data = own;
    if (strcmp(d->type_name, "Input") == 0) ((double *)(size_t)in[0].data)[n] = 1;
    if (strcmp(d->type_name, "LateShape") == 0) out[0].frames = n + 1;
    if (strcmp(d->type_name, "LateNaN") == 0) out[0].data[3] = NAN;
    if (strcmp(d->type_name, "LatePast") == 0) out[0].data[n] = 1;
    if (strcmp(d->type_name, "PastShort") == 0 && n == 64) out[0].data[n] = 1;
    if (strcmp(d->type_name, "LateFail") == 0) return AMP_E_INTERNAL;
    if (strcmp(d->type_name, "LateShort") == 0) out[0].data[n - 1] = NAN;
    return AMP_OK;
}

/* A gain of 1 that ends badly: in its forward or backward call of a given
 * number, counted in a state ("forward_call", "backward_call") or over all
 * ("total_call"), by the way that its type names. */
#define AMP_BUILDING
#include "amp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct amp_state { double forward, backward; };

uint32_t amp_abi_version(void) { return 2; }
void amp_release_state(void *state) { free(state); }

int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)desc; (void)inputs; (void)batches; (void)channels; (void)frames; (void)sample_rate;
    (void)out_buffer; (void)out_channels; (void)state; (void)history;
    return AMP_E_UNKNOWN_NODE;
}

static double number(const char *json, const char *key) {
    const char *p = strstr(json, key);
    return p ? strtod(strchr(p, ':') + 1, NULL) : 0;
}

static volatile int turns, total;
static int *volatile nowhere;

static void end(const char *how, double *past) {
    fprintf(stderr, "crashes.c: about to go\n");
    if (strcmp(how, "Segv") == 0) *nowhere = 1;
    if (strcmp(how, "Abort") == 0) abort();
    if (strcmp(how, "Exit") == 0) exit(7);
    if (strcmp(how, "Leave") == 0) exit(0);
    if (strcmp(how, "Far") == 0) past[100] = 1;
    if (strcmp(how, "FarOff") == 0) past[3000000] = 1;
    if (strcmp(how, "Flood") == 0)
        for (;;) printf("all work and no play ");
    if (strcmp(how, "Garbage") == 0) /* the engine's own connection */
        if (write(3, "nonsense, and more of it than fits into a head", 46) < 0) abort();
    if (strcmp(how, "Loop") == 0)
        for (;;) turns++;
}

int amp_run_node_v2(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out,
                    amp_execution_mode_t mode, amp_node_metrics_t *metrics) {
    (void)metrics;
    uint32_t n = in[0].frames;
    size_t size = (size_t)in[0].channels * n;
    if (mode == AMP_FORWARD) {
        out[0].batches = 1;
        out[0].channels = in[0].channels;
        out[0].frames = n;
        if (!out[0].data) return AMP_OK;
    }
    if (!*state && !(*state = calloc(1, sizeof **state))) return AMP_E_INTERNAL;
    double *count = mode == AMP_FORWARD ? &(*state)->forward : &(*state)->backward;
    if (++total == number(d->params_json, "total_call")) end(d->type_name, out[0].data + size);
    if (++*count == number(d->params_json, mode == AMP_FORWARD ? "forward_call" : "backward_call")) end(d->type_name, out[0].data + size);
    memcpy(out[0].data, in[0].data, size * sizeof(double));
    if (mode == AMP_BACKWARD)
        for (uint32_t i = 1; i < d->input_count; i++) out[i].data[0] = 0;
    return AMP_OK;
}

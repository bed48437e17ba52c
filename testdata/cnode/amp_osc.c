/* Example of a source whose parameters have names of their own and say what
 * they are ("COsc"):
 *
 *   y[n] = loud sin(2π φ[n]),   φ[n+1] = φ[n] + tune_hz / rate
 *
 * The adjoint runs back in time; a block hands the gradient of φ to the one before:
 *
 *   λ[n] = λ[n+1] + 2π loud cos(2π φ[n]) ȳ[n],   d tune_hz += λ[n+1] / rate
 *
 * Built as amp_nodes.c is.
 */
#define AMP_BUILDING
#include "amp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A forward call, kept for the way back. */
typedef struct call {
    struct call *older;
    uint32_t frames;
    double tune, loud, phase; /* the phase before it, cycles */
} call;

struct amp_state {
    double phase, lambda;
    int walked;
    call *newest;
};

uint32_t amp_abi_version(void) { return 2; }

const char *amp_describe_node_type(const char *type_name) {
    if (strcmp(type_name, "COsc") != 0) return NULL;
    return "{\"inputs\": [], \"params\": ["
           "{\"name\": \"tune_hz\", \"role\": \"pitch\", \"unit\": \"Hz\", \"default\": 440, \"min\": 20, \"max\": 10000, \"scale\": \"log\"},"
           "{\"name\": \"loud\", \"role\": \"level\", \"default\": 1, \"min\": 0, \"max\": 2}]}";
}

void amp_release_state(void *state) {
    struct amp_state *s = state;
    while (s && s->newest) {
        call *c = s->newest;
        s->newest = c->older;
        free(c);
    }
    free(s);
}

static int forward(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out) {
    out[0].batches = out[0].channels = 1;
    if (!out[0].data) return AMP_OK;
    if (!*state && !(*state = calloc(1, sizeof **state))) return AMP_E_INTERNAL;
    struct amp_state *s = *state;
    call *c = calloc(1, sizeof *c);
    if (!c) return AMP_E_INTERNAL;
    *c = (call){s->newest, out[0].frames, in[0].data[0], in[1].data[0], s->phase};
    for (uint32_t n = 0; n < c->frames; n++) {
        out[0].data[n] = c->loud * sin(2 * M_PI * s->phase);
        s->phase += c->tune / d->sample_rate;
    }
    s->newest = c;
    s->walked = 0;
    return AMP_OK;
}

static int backward(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out) {
    struct amp_state *s = *state;
    if (!s || !s->newest || in[0].frames != s->newest->frames) return AMP_E_INVALID_ARG;
    call *c = s->newest;
    double lambda = s->walked ? s->lambda : 0, dtune = 0, dloud = 0;
    for (uint32_t n = c->frames; n-- > 0;) {
        double turn = 2 * M_PI * (c->phase + n * c->tune / d->sample_rate), dy = in[0].data[n];
        dtune += lambda / d->sample_rate;
        dloud += sin(turn) * dy;
        lambda += 2 * M_PI * c->loud * cos(turn) * dy;
    }
    out[0].data[0] = dtune;
    out[1].data[0] = dloud;
    s->phase = c->phase;
    s->lambda = lambda;
    s->walked = 1;
    s->newest = c->older;
    free(c);
    return AMP_OK;
}

int amp_run_node_v2(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out,
                    amp_execution_mode_t mode, amp_node_metrics_t *metrics) {
    (void)metrics;
    if (!d || !state || !in || !out || d->struct_size < sizeof *d) return AMP_E_INVALID_ARG;
    if (strcmp(d->type_name, "COsc") != 0) return AMP_E_UNKNOWN_NODE;
    if (d->input_count != 2 || d->output_count != 1) return AMP_E_INVALID_ARG;
    return mode == AMP_FORWARD ? forward(d, state, in, out) : backward(d, state, in, out);
}

int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)desc; (void)inputs; (void)batches; (void)channels; (void)frames; (void)sample_rate;
    (void)out_buffer; (void)out_channels; (void)state; (void)history;
    return AMP_E_UNKNOWN_NODE;
}

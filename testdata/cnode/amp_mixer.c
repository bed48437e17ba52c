/* Example of a node with several ports, channels, a parameter that an edge may
 * modulate, and a vector ("CMixer"):
 *
 *   out[c]  = level[n] (a[c] + Σ_k taps[k] b[n-k])       a has any channels, b one
 *   mono    = Σ_c out[c]
 *
 * Its state can be cloned. Built as amp_nodes.c is.
 */
#define AMP_BUILDING
#include "amp.h"

#include <stdlib.h>
#include <string.h>

enum { MAXTAPS = 64 };

/* A forward call, kept for the way back. */
typedef struct call {
    struct call *older;
    uint32_t channels, frames, taps;
    int modulated;
    double tap[MAXTAPS], past[MAXTAPS]; /* b[-1], b[-2], ... */
    double *a, *b, *level;
} call;

struct amp_state {
    double past[MAXTAPS];   /* of b before the next call */
    double lambda[MAXTAPS]; /* gradients by them */
    int walked;
    call *newest;
};

uint32_t amp_abi_version(void) { return 2; }

const char *amp_describe_node_type(const char *type_name) {
    if (strcmp(type_name, "CMixer") != 0) return NULL;
    return "{\"inputs\": [\"a\", \"b\"], \"outputs\": [\"out\", \"mono\"], \"params\": ["
           "{\"name\": \"level\", \"default\": 1, \"min\": -10, \"max\": 10, \"mod\": true},"
           "{\"name\": \"taps\", \"vector\": true, \"default\": [0.5, 0.25, 0.125], \"min\": -2, \"max\": 2}]}";
}

static double *copy(const double *from, size_t n) {
    double *to = malloc(n * sizeof(double));
    if (to) memcpy(to, from, n * sizeof(double));
    return to;
}

static void free_call(call *c) {
    if (!c) return;
    free(c->a);
    free(c->b);
    free(c->level);
    free(c);
}

void amp_release_state(void *state) {
    struct amp_state *s = state;
    if (!s) return;
    while (s->newest) {
        call *c = s->newest;
        s->newest = c->older;
        free_call(c);
    }
    free(s);
}

void *amp_clone_state(const void *state) {
    const struct amp_state *s = state;
    struct amp_state *t = malloc(sizeof *t);
    if (!t) return NULL;
    *t = *s;
    call **to = &t->newest;
    for (const call *c = s->newest; c; c = c->older) {
        call *d = malloc(sizeof *d);
        *d = *c;
        d->a = copy(c->a, (size_t)c->channels * c->frames);
        d->b = copy(c->b, c->frames);
        d->level = copy(c->level, c->modulated ? c->frames : 1);
        *to = d;
        to = &d->older;
    }
    *to = NULL;
    return t;
}

/* b[n-k], which may lie before the call. */
static double heard(const call *c, uint32_t n, uint32_t k) { return n >= k ? c->b[n - k] : c->past[k - n - 1]; }

static int forward(amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out) {
    uint32_t channels = in[0].channels, frames = in[0].frames;
    for (int i = 0; i < 2; i++) {
        out[i].batches = 1;
        out[i].channels = i ? 1 : channels;
        out[i].frames = frames;
    }
    if (!out[0].data) return AMP_OK;
    if (in[1].channels != 1 || in[3].channels > MAXTAPS) return AMP_E_SHAPE;
    if (!*state && !(*state = calloc(1, sizeof **state))) return AMP_E_INTERNAL;
    struct amp_state *s = *state;
    call *c = calloc(1, sizeof *c);
    c->channels = channels;
    c->frames = frames;
    c->taps = in[3].channels;
    c->modulated = in[2].frames > 1;
    memcpy(c->tap, in[3].data, c->taps * sizeof(double));
    memcpy(c->past, s->past, sizeof c->past);
    c->a = copy(in[0].data, (size_t)channels * frames);
    c->b = copy(in[1].data, frames);
    c->level = copy(in[2].data, c->modulated ? frames : 1);
    for (uint32_t n = 0; n < frames; n++) {
        double wet = 0, level = c->level[c->modulated ? n : 0];
        for (uint32_t k = 0; k < c->taps; k++) wet += c->tap[k] * heard(c, n, k);
        out[1].data[n] = 0;
        for (uint32_t ch = 0; ch < channels; ch++) {
            double y = level * (c->a[ch * frames + n] + wet);
            out[0].data[ch * frames + n] = y;
            out[1].data[n] += y;
        }
    }
    for (uint32_t k = 0; k < MAXTAPS; k++) s->past[k] = heard(c, frames - 1, k);
    c->older = s->newest;
    s->newest = c;
    s->walked = 0;
    return AMP_OK;
}

static int backward(amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out) {
    struct amp_state *s = *state;
    if (!s || !s->newest) return AMP_E_INVALID_ARG;
    call *c = s->newest;
    uint32_t frames = c->frames;
    if (in[0].frames != frames) return AMP_E_INVALID_ARG;
    if (!s->walked) memset(s->lambda, 0, sizeof s->lambda);
    double before[MAXTAPS] = {0};
    for (uint32_t i = 0; i < 4; i++) memset(out[i].data, 0, (size_t)out[i].channels * out[i].frames * sizeof(double));
    for (uint32_t k = 0; k < MAXTAPS; k++) { /* past[k] after the call was b[frames-1-k] */
        if (frames - 1 >= k) out[1].data[frames - 1 - k] += s->lambda[k];
        else before[k - frames] += s->lambda[k];
    }
    for (uint32_t n = frames; n-- > 0;) {
        double wet = 0, dwet = 0, level = c->level[c->modulated ? n : 0];
        for (uint32_t k = 0; k < c->taps; k++) wet += c->tap[k] * heard(c, n, k);
        for (uint32_t ch = 0; ch < c->channels; ch++) {
            double dy = in[0].data[ch * frames + n] + in[1].data[n];
            out[0].data[ch * frames + n] = level * dy;
            out[2].data[c->modulated ? n : 0] += (c->a[ch * frames + n] + wet) * dy;
            dwet += level * dy;
        }
        for (uint32_t k = 0; k < c->taps; k++) {
            out[3].data[k] += dwet * heard(c, n, k);
            if (n >= k) out[1].data[n - k] += dwet * c->tap[k];
            else before[k - n - 1] += dwet * c->tap[k];
        }
    }
    memcpy(s->lambda, before, sizeof before);
    memcpy(s->past, c->past, sizeof s->past);
    s->walked = 1;
    s->newest = c->older;
    free_call(c);
    return AMP_OK;
}

int amp_run_node_v2(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out,
                    amp_execution_mode_t mode, amp_node_metrics_t *metrics) {
    (void)metrics;
    if (!d || !state || !in || !out || d->struct_size < sizeof *d) return AMP_E_INVALID_ARG;
    if (strcmp(d->type_name, "CMixer") != 0) return AMP_E_UNKNOWN_NODE;
    if (d->input_count != 4 || d->output_count != 2) return AMP_E_INVALID_ARG;
    return mode == AMP_FORWARD ? forward(state, in, out) : backward(state, in, out);
}

int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)desc; (void)inputs; (void)batches; (void)channels; (void)frames; (void)sample_rate;
    (void)out_buffer; (void)out_channels; (void)state; (void)history;
    return AMP_E_UNKNOWN_NODE; /* the first interface has one port */
}

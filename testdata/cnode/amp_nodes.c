/* Example node library: a one-pole low-pass with its adjoint ("COnePole"), and
 * a clipper that answers AMP_E_UNSUPPORTED on the way back ("CClip").
 *
 *   gcc -shared -fPIC -O2 -I../../abi/libamp -o nodes.so amp_nodes.c -lm
 */
#define AMP_BUILDING /* we are the library: take the types of amp.h only */
#include "amp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A forward call, kept for the way back. */
typedef struct call {
    struct call *older;
    uint32_t rows, frames;
    double a, cutoff;
    double *before; /* rows */
    double *x, *y;  /* rows x frames */
} call;

struct amp_state {
    uint32_t rows;
    double *last; /* y[n-1] of every row */
    double *lambda; /* gradient of the state for the call before */
    int walked;
    call *newest;
};

uint32_t amp_abi_version(void) { return 2; }

static const amp_buffer_t *find(const amp_buffer_t *b, uint32_t n, const char *name) {
    for (uint32_t i = 0; i < n; i++)
        if (b[i].name && strcmp(b[i].name, name) == 0) return &b[i];
    return NULL;
}

/* A flat search is enough for {"cutoff_hz": 800}. */
static double number(const char *json, const char *key, double otherwise) {
    const char *p = json ? strstr(json, key) : NULL;
    if (!p || !(p = strchr(p, ':'))) return otherwise;
    return strtod(p + 1, NULL);
}

static void free_call(call *c) {
    free(c->before);
    free(c->x);
    free(c->y);
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
    free(s->last);
    free(s->lambda);
    free(s);
}

static int forward(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out) {
    const amp_buffer_t *x = &in[0], *cutoff = find(in, d->input_count, "cutoff_hz");
    uint32_t rows = x->batches * x->channels, n = x->frames;
    out[0].batches = x->batches;
    out[0].channels = x->channels;
    out[0].frames = n;
    if (!out[0].data) return AMP_OK;
    if (!*state) {
        *state = calloc(1, sizeof **state);
        if (!*state) return AMP_E_INTERNAL;
        (*state)->rows = rows;
        (*state)->last = calloc(rows, sizeof(double));
        (*state)->lambda = calloc(rows, sizeof(double));
    }
    struct amp_state *s = *state;
    if (s->rows != rows) return AMP_E_SHAPE;
    call *c = calloc(1, sizeof *c);
    c->rows = rows;
    c->frames = n;
    c->cutoff = cutoff ? cutoff->data[0] : number(d->params_json, "cutoff_hz", 1000);
    c->a = 1 - exp(-2 * M_PI * c->cutoff / d->sample_rate);
    c->before = malloc(rows * sizeof(double));
    c->x = malloc((size_t)rows * n * sizeof(double));
    c->y = malloc((size_t)rows * n * sizeof(double));
    memcpy(c->before, s->last, rows * sizeof(double));
    memcpy(c->x, x->data, (size_t)rows * n * sizeof(double));
    for (uint32_t r = 0; r < rows; r++) {
        double y = s->last[r];
        for (uint32_t k = 0; k < n; k++) {
            y += c->a * (x->data[r * n + k] - y);
            out[0].data[r * n + k] = c->y[r * n + k] = y;
        }
        s->last[r] = y;
    }
    c->older = s->newest;
    s->newest = c;
    s->walked = 0;
    return AMP_OK;
}

static int backward(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out) {
    struct amp_state *s = *state;
    if (!s || !s->newest) return AMP_E_INVALID_ARG;
    call *c = s->newest;
    uint32_t n = c->frames;
    if (in[0].frames != n) return AMP_E_INVALID_ARG;
    if (!s->walked) memset(s->lambda, 0, c->rows * sizeof(double));
    double slope = 2 * M_PI / d->sample_rate * (1 - c->a), dcutoff = 0;
    for (uint32_t r = 0; r < c->rows; r++) {
        double carry = s->lambda[r];
        for (uint32_t k = n; k-- > 0;) {
            double lambda = in[0].data[r * n + k] + carry;
            double past = k ? c->y[r * n + k - 1] : c->before[r];
            out[0].data[r * n + k] = c->a * lambda;
            dcutoff += slope * (c->x[r * n + k] - past) * lambda;
            carry = (1 - c->a) * lambda;
        }
        s->lambda[r] = carry;
        s->last[r] = c->before[r];
    }
    for (uint32_t i = 1; i < d->input_count; i++)
        if (out[i].name && strcmp(out[i].name, "cutoff_hz") == 0) out[i].data[0] = dcutoff;
    s->walked = 1;
    s->newest = c->older;
    free_call(c);
    return AMP_OK;
}

static int clip(const amp_node_descriptor_t *d, const amp_buffer_t *in, amp_buffer_t *out, amp_execution_mode_t mode) {
    if (mode == AMP_BACKWARD) {
        for (uint32_t i = 0; i < d->input_count; i++)
            memset(out[i].data, 0, (size_t)out[i].batches * out[i].channels * out[i].frames * sizeof(double));
        return AMP_E_UNSUPPORTED;
    }
    out[0].batches = in[0].batches;
    out[0].channels = in[0].channels;
    out[0].frames = in[0].frames;
    if (out[0].data)
        for (size_t i = 0; i < (size_t)in[0].batches * in[0].channels * in[0].frames; i++)
            out[0].data[i] = fmax(-1, fmin(1, in[0].data[i]));
    return AMP_OK;
}

int amp_run_node_v2(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out,
                    amp_execution_mode_t mode, amp_node_metrics_t *metrics) {
    if (!d || !state || !in || !out || d->struct_size < sizeof *d) return AMP_E_INVALID_ARG;
    if (metrics) memset(metrics, 0, sizeof *metrics);
    if (strcmp(d->type_name, "CClip") == 0) return clip(d, in, out, mode);
    if (strcmp(d->type_name, "COnePole") != 0) return AMP_E_UNKNOWN_NODE;
    return mode == AMP_FORWARD ? forward(d, state, in, out) : backward(d, state, in, out);
}

/* The first interface, which every library keeps: "CGain". */
int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)sample_rate; (void)state; (void)history; (void)channels;
    if (!desc || !inputs || !inputs->audio.data) return AMP_E_INVALID_ARG;
    if (desc->type_len != 5 || memcmp(desc->type_name, "CGain", 5) != 0) return AMP_E_UNKNOWN_NODE;
    char json[256] = "";
    if (desc->params_json && desc->params_len < sizeof json) memcpy(json, desc->params_json, desc->params_len);
    double gain = number(json, "gain", 1);
    size_t n = (size_t)batches * inputs->audio.channels * frames;
    double *y = malloc(n * sizeof(double));
    if (!y) return AMP_E_INTERNAL;
    for (size_t i = 0; i < n; i++) y[i] = gain * inputs->audio.data[i];
    *out_buffer = y;
    *out_channels = (int)inputs->audio.channels;
    return AMP_OK;
}

/* What graph files need not say of the parameters. The text belongs to us. */
const char *amp_describe_node_type(const char *type_name) {
    if (strcmp(type_name, "COnePole") != 0) return NULL;
    return "{\"params\": [{\"name\": \"cutoff_hz\", \"unit\": \"Hz\", \"doc\": \"Corner frequency.\","
           " \"default\": 1000, \"min\": 10, \"max\": 20000, \"scale\": \"log\"}]}";
}

void amp_free(double *data) { free(data); }

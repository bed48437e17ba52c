/* Nodes that measure themselves, and nodes that refuse:
 *
 *   Late    plays its input 5 frames late, and says so
 *   Drift   says another delay from its second block on
 *   Warm    halves its input and dissipates 3 joules a block
 *   Cold    says that its heat is below zero
 *   Refuse  passes its input on; block "forward_call" and block "backward_call",
 *           counted in a state, are AMP_E_UNSUPPORTED
 */
#define AMP_BUILDING
#include "amp.h"

#include <stdlib.h>
#include <string.h>

enum { DELAY = 5, MOST = 4096 };

struct amp_state {
    double last[DELAY]; /* what is still to be played */
    double grad[DELAY]; /* of that, for the call before */
    double before[MOST][DELAY];
    int calls, back, walked;
    float heat;
};

uint32_t amp_abi_version(void) { return 2; }
void amp_release_state(void *state) { free(state); }

int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history) {
    (void)desc; (void)inputs; (void)batches; (void)channels; (void)frames; (void)sample_rate;
    (void)out_buffer; (void)out_channels; (void)state; (void)history;
    return AMP_E_UNKNOWN_NODE;
}

static int number(const char *json, const char *key) {
    const char *p = strstr(json, key);
    return p ? atoi(strchr(p, ':') + 1) : 0;
}

static void late(struct amp_state *s, const double *x, double *y, int n) {
    memcpy(s->before[s->calls - 1], s->last, sizeof s->last);
    for (int i = 0; i < n; i++) {
        y[i] = s->last[0];
        memmove(s->last, s->last + 1, sizeof s->last - sizeof s->last[0]);
        s->last[DELAY - 1] = x[i];
    }
}

/* y[n] = x[n-5]: the gradient of what was still to be played goes on in front. */
static void late_back(struct amp_state *s, const double *dy, double *dx, int n) {
    if (!s->walked) memset(s->grad, 0, sizeof s->grad);
    memcpy(s->last, s->before[s->calls - 1], sizeof s->last);
    for (int i = n - 1; i >= 0; i--) {
        dx[i] = s->grad[DELAY - 1];
        memmove(s->grad + 1, s->grad, sizeof s->grad - sizeof s->grad[0]);
        s->grad[0] = dy[i];
    }
}

int amp_run_node_v2(const amp_node_descriptor_t *d, amp_state_t **state, const amp_buffer_t *in, amp_buffer_t *out,
                    amp_execution_mode_t mode, amp_node_metrics_t *metrics) {
    int n = (int)in[0].frames, forward = mode == AMP_FORWARD;
    if (in[0].channels != 1) return AMP_E_SHAPE;
    if (forward) {
        out[0].batches = out[0].channels = 1;
        out[0].frames = in[0].frames;
        if (!out[0].data) return AMP_OK;
    }
    if (!*state && !(*state = calloc(1, sizeof **state))) return AMP_E_INTERNAL;
    struct amp_state *s = *state;
    if (forward) {
        s->calls++;
        s->walked = 0;
    } else {
        s->back++;
    }
    for (uint32_t i = 1; !forward && i < d->input_count; i++) out[i].data[0] = 0;
    double scale = strcmp(d->type_name, "Warm") == 0 ? 0.5 : 1;
    if (strcmp(d->type_name, "Refuse") == 0) {
        int at = number(d->params_json, forward ? "forward_call" : "backward_call");
        if (at && at == (forward ? s->calls : s->back)) return AMP_E_UNSUPPORTED;
    }
    if (strcmp(d->type_name, "Late") == 0) {
        if (forward) late(s, in[0].data, out[0].data, n);
        else late_back(s, in[0].data, out[0].data, n);
        if (metrics) metrics->measured_delay_frames = DELAY;
    } else {
        for (int i = 0; i < n; i++) out[0].data[i] = scale * in[0].data[i];
    }
    if (strcmp(d->type_name, "Drift") == 0) metrics->measured_delay_frames = s->calls > 1;
    if (strcmp(d->type_name, "Warm") == 0) {
        int silent = 1;
        for (int i = 0; i < n; i++) silent &= in[0].data[i] == 0;
        if (forward && !silent) s->heat += 3;
        metrics->accumulated_heat = s->heat;
    }
    if (strcmp(d->type_name, "Cold") == 0 && s->calls > 1) metrics->accumulated_heat = -1;
    if (!forward) {
        s->calls--;
        s->walked = 1;
    }
    return AMP_OK;
}

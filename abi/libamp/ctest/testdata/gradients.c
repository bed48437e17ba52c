/* Gradients of amp_run_node_v2 against central differences: inputs, held and
 * modulated parameters, one and two batches and channels. */
#include "check.h"

enum { B = 2, C = 2, N = 96, MAXP = 3 };

/* One node with its parameters; modulated ones have N frames. */
typedef struct {
    const char *type;
    int count;
    const char *names[MAXP];
    double at[MAXP], step[MAXP];
    int modulated[MAXP];
} node;

static double run(const node *k, double *x, double *p[MAXP], const double *w, double *dx, double *dp[MAXP]) {
    static double y[B * C * N];
    amp_state_t *state = NULL;
    amp_node_descriptor_t d = describe(k->type, NULL, 1 + (uint32_t)k->count, 1);
    amp_buffer_t in[1 + MAXP], out[1], gy[1], gx[1 + MAXP];
    in[0] = tensor("in", x, B, C, N);
    gx[0] = tensor("in", dx, B, C, N);
    for (int i = 0; i < k->count; i++) {
        uint32_t frames = k->modulated[i] ? N : 1;
        in[1 + i] = tensor(k->names[i], p[i], 1, 1, frames);
        gx[1 + i] = tensor(k->names[i], dp[i], 1, 1, frames);
    }
    out[0] = tensor("out", y, B, C, N);
    CHECK(amp_run_node_v2(&d, &state, in, out, AMP_FORWARD, NULL) == AMP_OK);
    double loss = 0;
    for (int i = 0; i < B * C * N; i++) loss += w[i] * y[i];
    if (dx) {
        gy[0] = tensor("out", (double *)w, B, C, N);
        CHECK(amp_run_node_v2(&d, &state, gy, gx, AMP_BACKWARD, NULL) == AMP_OK);
    }
    amp_release_state(state);
    return loss;
}

static void check(const node *k) {
    static double x[B * C * N], w[B * C * N], dx[B * C * N], dir[B * C * N], pv[MAXP][N], dpv[MAXP][N];
    double *p[MAXP], *dp[MAXP];
    unsigned seed = 7;
    for (int i = 0; i < B * C * N; i++) {
        x[i] = noise(&seed);
        w[i] = noise(&seed);
        dir[i] = noise(&seed);
        dx[i] = NAN; /* overwritten, not added to */
    }
    for (int i = 0; i < k->count; i++) {
        p[i] = pv[i];
        dp[i] = dpv[i];
        for (int n = 0; n < N; n++) {
            pv[i][n] = k->at[i] * (1 + 0.1 * noise(&seed));
            dpv[i][n] = NAN;
        }
    }
    run(k, x, p, w, dx, dp);
    double want = 0, h = 1e-5, up, down;
    for (int i = 0; i < B * C * N; i++) want += dx[i] * dir[i];
    for (int i = 0; i < B * C * N; i++) x[i] += h * dir[i];
    up = run(k, x, p, w, NULL, dp);
    for (int i = 0; i < B * C * N; i++) x[i] -= 2 * h * dir[i];
    down = run(k, x, p, w, NULL, dp);
    for (int i = 0; i < B * C * N; i++) x[i] += h * dir[i];
    CLOSE((up - down) / (2 * h), want, 1e-7 * (1 + fabs(want)));
    for (int q = 0; q < k->count; q++)
        for (int n = 0; n < (k->modulated[q] ? N : 1); n += 19) {
            double keep = pv[q][n];
            pv[q][n] = keep + k->step[q];
            up = run(k, x, p, w, NULL, dp);
            pv[q][n] = keep - k->step[q];
            down = run(k, x, p, w, NULL, dp);
            pv[q][n] = keep;
            want = (up - down) / (2 * k->step[q]);
            CLOSE(dpv[q][n], want, 1e-6 * fabs(want) + 1e-9);
        }
}

int main(void) {
    node held = {"OnePoleNode", 1, {"cutoff_hz"}, {1200}, {0.05}, {0}};
    node moving = {"OnePoleNode", 1, {"cutoff_hz"}, {1200}, {0.05}, {1}};
    node peak = {"PeakingEQNode", 3, {"freq_hz", "q", "gain_db"}, {1500, 0.9, 5}, {0.05, 1e-4, 1e-3}, {0, 0, 0}};
    node sweep = {"PeakingEQNode", 3, {"freq_hz", "q", "gain_db"}, {1500, 0.9, 5}, {0.05, 1e-4, 1e-3}, {1, 0, 1}};
    check(&held);
    check(&moving);
    check(&peak);
    check(&sweep);
    return 0;
}

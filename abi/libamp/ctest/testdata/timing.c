/* declared_delay and oversample_ratio of the descriptor are honoured. */
#include "check.h"

enum { N = 512 };

static void render(uint32_t delay, uint32_t ratio, double *x, double *y, uint32_t *measured) {
    amp_state_t *state = NULL;
    amp_node_metrics_t m;
    amp_node_descriptor_t d = describe("TanhNode", "{\"drive\": 4}", 1, 1);
    d.declared_delay = delay;
    d.oversample_ratio = ratio;
    amp_buffer_t in = tensor("in", x, 1, 1, N), out = tensor("out", y, 1, 1, N);
    CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, &m) == AMP_OK);
    *measured = m.measured_delay_frames;
    amp_release_state(state);
}

/* The amplitude of a frequency. */
static double level(const double *y, int from, int count, double hz) {
    double re = 0, im = 0;
    for (int n = from; n < from + count; n++) {
        double phase = 2 * 3.14159265358979323846 * hz * n / 48000;
        re += y[n] * cos(phase);
        im += y[n] * sin(phase);
    }
    return 2 * sqrt(re * re + im * im) / count;
}

int main(void) {
    static double x[N], now[N], late[N], smooth[N];
    uint32_t measured, none;
    for (int n = 0; n < N; n++) x[n] = sin(2 * 3.14159265358979323846 * 9000 * n / 48000);
    render(0, 1, x, now, &none);
    CHECK(none == 0);
    render(37, 1, x, late, &measured);
    for (int n = 0; n < N; n++) CLOSE(late[n], n < 37 ? 0 : now[n - 37], 1e-12);
    /* The third harmonic of 9 kHz, 27 kHz, folds to 21 kHz; four times the
     * rate leaves it where the filter takes it away. */
    render(0, 4, x, smooth, &measured);
    CHECK(measured > 0);
    CHECK(level(now, 256, 240, 21000) > 0.1);
    CHECK(level(smooth, 256, 240, 21000) < 0.01 * level(now, 256, 240, 21000));
    CLOSE(level(smooth, 256, 240, 9000), level(now, 256, 240, 9000), 0.05);
    return 0;
}

/* Heat grows by | |x|^2 - |y|^2 | dt, and backward takes that of its call off. */
#include "check.h"

enum { N = 480 };

int main(void) {
    static double x[N], y[N], dx[N];
    amp_state_t *state = NULL;
    amp_node_metrics_t m;
    amp_node_descriptor_t d = describe("GainNode", "{\"gain\": 0.5, \"record\": -1}", 1, 1);
    amp_buffer_t in = tensor("in", x, 1, 1, N), out = tensor("out", y, 1, 1, N), gx = tensor("in", dx, 1, 1, N);
    for (int n = 0; n < N; n++) x[n] = 2;
    double each = N * (4.0 - 1.0) / 48000; /* joules of a call */
    for (int k = 1; k <= 3; k++) {
        CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, &m) == AMP_OK);
        CLOSE(m.accumulated_heat, k * each, 1e-7);
        CHECK(m.measured_delay_frames == 0);
        for (int i = 0; i < 6; i++) CHECK(m.reserved[i] == 0);
    }
    for (int k = 2; k >= 0; k--) {
        CHECK(amp_run_node_v2(&d, &state, &out, &gx, AMP_BACKWARD, &m) == AMP_OK);
        CLOSE(m.accumulated_heat, k * each, 1e-7);
    }
    amp_release_state(state);

    /* thermo.heat of the node is what the heat starts from. */
    state = NULL;
    d.params_json = "{\"gain\": 0.5, \"thermo.heat\": 10}";
    CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, &m) == AMP_OK);
    CLOSE(m.accumulated_heat, 10 + each, 1e-5);
    amp_release_state(state);
    return 0;
}

/* AMP's own amp_run_node_v2, with twelve arguments. */
#include "check.h"

int main(void) {
    double x[8], gain[8];
    for (int n = 0; n < 8; n++) {
        x[n] = n;
        gain[n] = 3;
    }
    amp_legacy_descriptor_t d = {"g", 1, "GainNode", 8, "{}", 2};
    amp_param_view_t view = {"gain", 1, 1, 8, gain};
    amp_node_inputs_t in;
    memset(&in, 0, sizeof in);
    in.audio.has_audio = 1;
    in.audio.batches = in.audio.channels = 1;
    in.audio.frames = 8;
    in.audio.data = x;
    in.params.count = 1;
    in.params.items = &view;
    double *y = NULL;
    int channels = 0;
    void *state = NULL;
    amp_legacy_metrics_t m;
    CHECK(amp_run_node_v2(&d, &in, 1, 1, 8, 48000, &y, &channels, &state, NULL, 0, &m) == 0);
    CHECK(channels == 1 && y);
    for (int n = 0; n < 8; n++) CLOSE(y[n], 3 * n, 1e-12);
    CHECK(m.measured_delay_frames == 0 && m.accumulated_heat >= 0);
    amp_free(y);
    y = NULL;
    CHECK(amp_run_node_v2(&d, &in, 1, 1, 8, 48000, &y, &channels, &state, NULL, 1, &m) == -4);
    CHECK(amp_run_node_v2(&d, &in, 1, 1, 8, 48000, &y, &channels, &state, NULL, 9, NULL) == -4);
    CHECK(amp_run_node_v2(NULL, &in, 1, 1, 8, 48000, &y, &channels, &state, NULL, 0, &m) == -1);
    CHECK(amp_run_node(&d, &in, 1, 1, 8, 48000, &y, &channels, &state, NULL) == 0);
    CLOSE(y[7], 21, 1e-12);
    amp_free(y);
    amp_release_state(state);
    amp_release_state(state);
    return 0;
}

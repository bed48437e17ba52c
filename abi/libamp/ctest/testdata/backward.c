/* Gradients of a whole graph, by held parameters and by tensors, over several
 * blocks walked back from the newest. */
#include "check.h"

enum { N = 64, BLOCKS = 3 };

static const char *graph_json =
    "{\"nodes\": [{\"name\": \"osc\", \"type\": \"SineOscillatorNode\", \"params\": {\"frequency\": 700}},"
    " {\"name\": \"lp\", \"type\": \"OnePoleNode\", \"params\": {\"cutoff_hz\": 900}},"
    " {\"name\": \"out\", \"type\": \"GainNode\", \"params\": {\"gain\": 0.7}}],"
    " \"edges\": [{\"source\": \"osc\", \"target\": \"lp\"}, {\"source\": \"lp\", \"target\": \"out\", \"delay_frames\": 5}]}";

static double w[BLOCKS][N];

static double run(double cutoff, double gain, double *dcutoff, double *dgain) {
    amp_runtime_t *r = amp_graph_runtime_create_json(graph_json);
    CHECK(r);
    CHECK(amp_graph_runtime_configure(r, 1, N) == AMP_OK);
    CHECK(amp_graph_runtime_set_record(r, -1) == AMP_OK);
    CHECK(amp_graph_runtime_set_param(r, "lp", "cutoff_hz", &cutoff, 1, 1, 1) == AMP_OK);
    CHECK(amp_graph_runtime_set_param(r, "out", "gain", &gain, 1, 1, 1) == AMP_OK);
    double loss = 0, *y, g = 0;
    uint32_t b, c, f;
    for (int k = 0; k < BLOCKS; k++) {
        CHECK(amp_graph_runtime_execute(r, NULL, 0, 0, 48000, &y, &b, &c, &f) == AMP_OK);
        CHECK(b == 1 && c == 1 && f == N);
        for (int n = 0; n < N; n++) loss += w[k][n] * y[n];
    }
    if (dcutoff) {
        *dcutoff = *dgain = 0;
        CHECK(amp_graph_runtime_execute_backward(r, w[0], 1, 1, N - 1) == AMP_E_SHAPE);
        for (int k = BLOCKS - 1; k >= 0; k--) {
            CHECK(amp_graph_runtime_execute_backward(r, w[k], 1, 1, N) == AMP_OK);
            CHECK(amp_graph_runtime_gradient(r, "lp", "cutoff_hz", &g, 1) == 1);
            *dcutoff += g;
            CHECK(amp_graph_runtime_gradient(r, "out", "gain", &g, 1) == 1);
            *dgain += g;
            CHECK(amp_graph_runtime_gradient(r, "out", "gain", NULL, 0) == 1);
        }
        CHECK(amp_graph_runtime_gradient(r, "out", "nothing", &g, 1) == AMP_E_INVALID_ARG);
        CHECK(amp_graph_runtime_execute_backward(r, w[0], 1, 1, N) == AMP_E_INVALID_ARG);
    }
    amp_graph_runtime_destroy(r);
    return loss;
}

int main(void) {
    unsigned seed = 5;
    double dcutoff, dgain;
    for (int k = 0; k < BLOCKS; k++)
        for (int n = 0; n < N; n++) w[k][n] = noise(&seed);
    run(900, 0.7, &dcutoff, &dgain);
    double by_cutoff = (run(900.01, 0.7, NULL, NULL) - run(899.99, 0.7, NULL, NULL)) / 0.02;
    double by_gain = (run(900, 0.7001, NULL, NULL) - run(900, 0.6999, NULL, NULL)) / 0.0002;
    CLOSE(dcutoff, by_cutoff, 1e-7 * fabs(by_cutoff) + 1e-10);
    CLOSE(dgain, by_gain, 1e-7 * fabs(by_gain) + 1e-10);
    CHECK(dcutoff != 0 && dgain != 0);
    return 0;
}

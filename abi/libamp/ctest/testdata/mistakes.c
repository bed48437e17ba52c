/* Mistakes of a host after a good call: each is refused with a sentence, and
 * the state goes on as if it had not happened. A twin that never sees the
 * mistakes has the same bits. */
#include "check.h"
#include "blobs.h"

enum { N = 32 };

static double x[N], y[N], twin_y[N], cutoff = 900, rows[N];
static amp_state_t *state, *twin;
static const char *params = "{\"cutoff_hz\": 700, \"record\": 2}";

static amp_node_descriptor_t good(void) { return describe("OnePoleNode", params, 2, 1); }

/* Both states render the next block, and agree. */
static void go_on(void) {
    static unsigned seed = 7;
    amp_node_descriptor_t d = good();
    amp_buffer_t in[2] = {tensor("in", x, 1, 1, N), tensor("cutoff_hz", &cutoff, 1, 1, 1)};
    amp_buffer_t out = tensor("out", y, 1, 1, N), twin_out = tensor("out", twin_y, 1, 1, N);
    for (int n = 0; n < N; n++) x[n] = noise(&seed);
    cutoff += 10;
    CHECK(amp_run_node_v2(&d, &state, in, &out, AMP_FORWARD, NULL) == AMP_OK);
    CHECK(strlen(amp_last_error()) == 0);
    CHECK(amp_run_node_v2(&d, &twin, in, &twin_out, AMP_FORWARD, NULL) == AMP_OK);
    CHECK(memcmp(y, twin_y, sizeof y) == 0 && isfinite(y[N - 1]) && y[N - 1] != 0);
}

static void fails(int code, amp_node_descriptor_t d, amp_buffer_t first, amp_buffer_t second, const char *says) {
    amp_buffer_t in[2], out = tensor("out", rows, 1, 1, N);
    amp_state_t *before = state;
    in[0] = first;
    in[1] = second;
    CHECK(amp_run_node_v2(&d, &state, in, &out, AMP_FORWARD, NULL) == code);
    if (!strstr(amp_last_error(), says)) {
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", amp_last_error(), says);
        exit(1);
    }
    CHECK(state == before);
    go_on();
}

static void refused(amp_node_descriptor_t d, amp_buffer_t first, amp_buffer_t second, const char *says) {
    fails(AMP_E_INVALID_ARG, d, first, second, says);
}

static void values(void) {
    amp_buffer_t in = tensor("in", x, 1, 1, N), corner = tensor("cutoff_hz", &cutoff, 1, 1, 1);
    const double bad[3] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        double held = bad[i];
        refused(good(), in, tensor("cutoff_hz", &held, 1, 1, 1), "cutoff_hz of OnePoleNode is");
    }
    refused(good(), in, tensor("cutof_hz", &cutoff, 1, 1, 1), "did you mean \"cutoff_hz\"");
    refused(good(), tensor("out", x, 1, 1, N), corner, "no audio port and no parameter \"out\"");
    fails(AMP_E_SHAPE, good(), in, tensor("thermo.heat", &cutoff, 1, 1, 1), "release the state"); /* another set of parameters */
}

static void nodes(void) {
    amp_buffer_t in = tensor("in", x, 1, 1, N), corner = tensor("cutoff_hz", &cutoff, 1, 1, 1);
    amp_node_descriptor_t d = good();
    d.type_name = "GainNode";
    refused(d, in, corner, "\"OnePoleNode\", the call names \"GainNode\"");
    d = good();
    d.sample_rate = 44100;
    refused(d, in, corner, "48000 Hz, the call at 44100 Hz");
    d = good();
    d.params_json = "{\"cutoff_hz\": 701, \"record\": 2}";
    refused(d, in, corner, "params_json of OnePoleNode differs");
    d.params_json = NULL;
    refused(d, in, corner, "params_json of OnePoleNode differs");
    d = good();
    d.declared_delay = 3;
    refused(d, in, corner, "declared_delay");
    d = good();
    d.oversample_ratio = 2;
    refused(d, in, corner, "oversample_ratio");
    d = good();
    d.supports_v2 = 0;
    refused(d, in, corner, "supports_v2");
}

/* A frame of a modulated parameter that is no number. */
static void per_frame(void) {
    double gain[N], z[N];
    amp_state_t *s = NULL;
    amp_node_descriptor_t d = describe("GainNode", NULL, 2, 1);
    amp_buffer_t in[2] = {tensor("in", x, 1, 1, N), tensor("gain", gain, 1, 1, N)}, out = tensor("out", z, 1, 1, N);
    for (int n = 0; n < N; n++) gain[n] = 2;
    CHECK(amp_run_node_v2(&d, &s, in, &out, AMP_FORWARD, NULL) == AMP_OK);
    gain[N / 2] = NAN;
    CHECK(amp_run_node_v2(&d, &s, in, &out, AMP_FORWARD, NULL) == AMP_E_INVALID_ARG);
    CHECK(strstr(amp_last_error(), "value 16 of 32"));
    amp_release_state(s);
}

/* Buffers of ports stand in the order of the ports. */
static void ports(void) {
    double z[N];
    amp_state_t *s = NULL;
    amp_node_descriptor_t d = describe("DryWetNode", NULL, 2, 1);
    amp_buffer_t in[2] = {tensor("wet", x, 1, 1, N), tensor("dry", x, 1, 1, N)}, out = tensor("out", z, 1, 1, N);
    CHECK(amp_run_node_v2(&d, &s, in, &out, AMP_FORWARD, NULL) == AMP_E_INVALID_ARG);
    CHECK(strstr(amp_last_error(), "in the order dry, wet"));
    in[0].name = "dry";
    in[1].name = "wet";
    CHECK(amp_run_node_v2(&d, &s, in, &out, AMP_FORWARD, NULL) == AMP_OK);
    amp_release_state(s);
}

/* Heat that is passed is where it begins, and again when it changes. */
static void heat(void) {
    double z[N], joules = 3, half = 0.5;
    amp_state_t *s = NULL;
    amp_node_metrics_t m;
    amp_node_descriptor_t d = describe("GainNode", NULL, 3, 1);
    amp_buffer_t in[3] = {tensor("in", x, 1, 1, N), tensor("gain", &half, 1, 1, 1), tensor("thermo.heat", &joules, 1, 1, 1)};
    amp_buffer_t out = tensor("out", z, 1, 1, N);
    for (int n = 0; n < N; n++) x[n] = 2;
    double each = N * 3.0 / 48000;
    for (int k = 1; k <= 2; k++) {
        CHECK(amp_run_node_v2(&d, &s, in, &out, AMP_FORWARD, &m) == AMP_OK);
        CLOSE(m.accumulated_heat, 3 + k * each, 1e-6);
    }
    joules = 7;
    CHECK(amp_run_node_v2(&d, &s, in, &out, AMP_FORWARD, &m) == AMP_OK);
    CLOSE(m.accumulated_heat, 7 + each, 1e-6);
    joules = NAN;
    CHECK(amp_run_node_v2(&d, &s, in, &out, AMP_FORWARD, &m) == AMP_E_INVALID_ARG);
    amp_release_state(s);
}

/* The same of graphs. */
static void graphs(void) {
    amp_runtime_t *r = amp_graph_runtime_create_json(
        "{\"nodes\": [{\"name\": \"osc\", \"type\": \"SineOscillatorNode\", \"params\": {\"frequency\": 700}},"
        " {\"name\": \"lp\", \"type\": \"OnePoleNode\"}], \"edges\": [{\"source\": \"osc\", \"target\": \"lp\"}]}");
    double *z, bad[3] = {NAN, INFINITY, -INFINITY};
    uint32_t shape[3];
    CHECK(r);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++) {
            CHECK(amp_graph_runtime_set_param(r, "lp", "cutoff_hz", &bad[i], 1, 1, 1) == AMP_E_INVALID_ARG);
            CHECK(strstr(amp_last_error(), "lp.cutoff_hz: value 0 is"));
            CHECK(amp_graph_runtime_set_param(r, "lp", "thermo.heat", &bad[i], 1, 1, 1) == AMP_E_INVALID_ARG);
        }
        CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &z, &shape[0], &shape[1], &shape[2]) == AMP_OK);
        for (int n = 0; n < N; n++) CHECK(isfinite(z[n]));
    }
    amp_graph_runtime_destroy(r);

    blob d = {0};
    double gain[1] = {0.5};
    u32(&d, 2);
    node_record(&d, "src", "ConstantNode", NULL, NULL, NULL, 0, "{\"value\": 2}");
    node_record(&d, "gain", "GainNode", "src", "gain", gain, 1, "{}");
    r = amp_graph_runtime_create(d.data, d.size, NULL, 0);
    CHECK(r);
    CHECK(amp_graph_runtime_set_param(r, "gain", "gain", &bad[0], 1, 1, 1) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_set_param(r, "gain", "gian", gain, 1, 1, 1) == AMP_E_INVALID_ARG);
    CHECK(strstr(amp_last_error(), "did you mean \"gain\""));
    CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &z, &shape[0], &shape[1], &shape[2]) == AMP_OK);
    CLOSE(z[N - 1], 1, 1e-12);
    amp_graph_runtime_destroy(r);
    memcpy(d.data + d.size - 2 - 8, &bad[0], 8); /* the blob's own value, before "{}" */
    CHECK(amp_graph_runtime_create(d.data, d.size, NULL, 0) == NULL);
    CHECK(strstr(amp_last_error(), "gain.gain: value 0 is NaN"));
    free(d.data);
}

int main(void) {
    go_on();
    values();
    nodes();
    amp_release_state(state);
    amp_release_state(twin);
    per_frame();
    ports();
    heat();
    graphs();
    return 0;
}

/* Wrong arguments give a code and a sentence, never a crash. */
#include "check.h"

enum { N = 32 };

static double x[2 * N], y[2 * N];

#define FAILS(call, code)                                \
    do {                                                 \
        CHECK((call) == (code));                         \
        CHECK(strlen(amp_last_error()) > 0);             \
    } while (0)

/* What asks for more memory than there is gets a sentence, and the program
 * goes on. */
static void sizes(void) {
    amp_state_t *state = NULL;
    amp_node_descriptor_t d = describe("SineOscillatorNode", NULL, 0, 1);
    amp_buffer_t out = tensor("out", NULL, 1, 0, 0xffffffffu);
    CHECK(amp_run_node_v2(&d, &state, NULL, &out, AMP_FORWARD, NULL) == AMP_OK); /* a shape costs nothing */
    CHECK(out.frames == 0xffffffffu && out.channels == 1);
    amp_release_state(state);
    state = NULL;
    d = describe("FDNNode", NULL, 1, 1);
    d.sample_rate = 1e12;
    out = tensor("out", y, 1, 1, N);
    amp_buffer_t in = tensor("in", x, 1, 1, N);
    FAILS(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, NULL), AMP_E_INVALID_ARG);
    CHECK(strstr(amp_last_error(), "not a sample rate"));
    d.sample_rate = 48000;
    d.declared_delay = 0xffffffffu;
    FAILS(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, NULL), AMP_E_INVALID_ARG);

    double *z = NULL;
    uint32_t shape[3];
    amp_runtime_t *r = amp_graph_runtime_create_json(
        "{\"nodes\": [{\"name\": \"a\", \"type\": \"SineOscillatorNode\"}, {\"name\": \"b\", \"type\": \"GainNode\"}],"
        " \"edges\": [{\"source\": \"a\", \"target\": \"b\", \"delay_frames\": 2147483647}]}");
    CHECK(r);
    CHECK(amp_graph_runtime_configure(r, 0xffffffffu, 64) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_configure(r, 1, 0xffffffffu) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_configure(r, 65536, 65536) == AMP_OK); /* nothing is reserved yet */
    FAILS(amp_graph_runtime_execute(r, NULL, 0, 0, 48000, &z, &shape[0], &shape[1], &shape[2]), AMP_E_INVALID_ARG);
    CHECK(strstr(amp_last_error(), "of memory"));
    FAILS(amp_graph_runtime_execute(r, NULL, 0, 0x7fffffff, 48000, &z, &shape[0], &shape[1], &shape[2]), AMP_E_INVALID_ARG);
    FAILS(amp_graph_runtime_execute(r, NULL, 0, 64, 1e12, &z, &shape[0], &shape[1], &shape[2]), AMP_E_INVALID_ARG);
    CHECK(z == NULL);
    amp_graph_runtime_destroy(r);
}

int main(void) {
    sizes();
    amp_state_t *state = NULL, *other = NULL;
    amp_node_descriptor_t d = describe("GainNode", "{\"gain\": 2}", 1, 1), bad;
    amp_buffer_t in = tensor("in", x, 1, 1, N), out = tensor("out", y, 1, 1, N), wrong;
    amp_node_metrics_t m;
    CHECK(amp_abi_version() == 2);

    FAILS(amp_run_node_v2(NULL, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    FAILS(amp_run_node_v2(&d, NULL, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    FAILS(amp_run_node_v2(&d, &state, NULL, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    FAILS(amp_run_node_v2(&d, &state, &in, NULL, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    FAILS(amp_run_node_v2(&d, &state, &in, &out, (amp_execution_mode_t)2, &m), AMP_E_INVALID_ARG);
    FAILS(amp_run_node_v2(&d, &state, &in, &out, (amp_execution_mode_t)77, NULL), AMP_E_INVALID_ARG);
    FAILS(amp_run_node_v2(&d, &state, &in, &out, AMP_BACKWARD, &m), AMP_E_INVALID_ARG); /* nothing to walk back */
    amp_release_state(state);
    state = NULL;

    bad = d;
    bad.type_name = "NoSuchNode";
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_UNKNOWN_NODE);
    CHECK(strstr(amp_last_error(), "NoSuchNode"));
    CHECK(state == NULL);
    bad.type_name = NULL;
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_UNKNOWN_NODE);
    bad = d;
    bad.struct_size = 8;
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    bad = d;
    bad.abi_version = 3;
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    bad = d;
    bad.sample_rate = 0;
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    bad = d;
    bad.oversample_ratio = 3;
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    bad = d;
    bad.params_json = "{\"gian\": 2}";
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    bad.params_json = "{";
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    bad = d;
    bad.input_count = 0xffffffffu;
    FAILS(amp_run_node_v2(&bad, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    CHECK(state == NULL);

    /* Zero frames, no data, sizes that overflow, wrong sizes. */
    wrong = tensor("in", x, 1, 1, 0);
    FAILS(amp_run_node_v2(&d, &state, &wrong, &out, AMP_FORWARD, &m), AMP_E_SHAPE);
    wrong = tensor("in", NULL, 1, 1, N);
    FAILS(amp_run_node_v2(&d, &state, &wrong, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    wrong = tensor("in", x, 0xffffffffu, 0xffffffffu, 0xffffffffu);
    FAILS(amp_run_node_v2(&d, &state, &wrong, &out, AMP_FORWARD, &m), AMP_E_SHAPE);
    wrong = tensor("out", y, 1, 2, N);
    FAILS(amp_run_node_v2(&d, &state, &in, &wrong, AMP_FORWARD, &m), AMP_E_SHAPE);
    wrong = tensor("out", y, 1, 1, N - 1);
    FAILS(amp_run_node_v2(&d, &state, &in, &wrong, AMP_FORWARD, &m), AMP_E_SHAPE);

    /* Without data the output gets its shape. */
    wrong = tensor(NULL, NULL, 0, 0, 0);
    CHECK(amp_run_node_v2(&d, &state, &in, &wrong, AMP_FORWARD, &m) == AMP_OK);
    CHECK(wrong.batches == 1 && wrong.channels == 1 && wrong.frames == N);
    CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, &m) == AMP_OK);
    CHECK(strlen(amp_last_error()) == 0);

    /* An unknown mode between two calls is no call: the way back is that of the
     * call before. */
    FAILS(amp_run_node_v2(&d, &state, &in, &out, (amp_execution_mode_t)2, &m), AMP_E_INVALID_ARG);
    FAILS(amp_run_node_v2(&d, &state, &out, &in, (amp_execution_mode_t)-1, &m), AMP_E_INVALID_ARG);
    for (int n = 0; n < N; n++) y[n] = n;
    CHECK(amp_run_node_v2(&d, &state, &out, &in, AMP_BACKWARD, &m) == AMP_OK);
    for (int n = 0; n < N; n++) CLOSE(x[n], 2 * n, 0);
    CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, &m) == AMP_OK);

    /* Gradients of another length, or with fewer buffers. */
    wrong = tensor("out", y, 1, 1, N - 1);
    FAILS(amp_run_node_v2(&d, &state, &wrong, &in, AMP_BACKWARD, &m), AMP_E_INVALID_ARG);
    bad = d;
    bad.input_count = 2;
    amp_buffer_t two[2] = {in, in};
    FAILS(amp_run_node_v2(&bad, &state, &out, two, AMP_BACKWARD, &m), AMP_E_INVALID_ARG);

    /* Another shape than that of the calls before. */
    wrong = tensor("in", x, 1, 2, N);
    amp_buffer_t wide = tensor("out", y, 1, 2, N);
    FAILS(amp_run_node_v2(&d, &state, &wrong, &wide, AMP_FORWARD, &m), AMP_E_SHAPE);

    /* Without an adjoint: a code, and zeros. */
    bad = d;
    bad.supports_v2 = 0;
    for (int n = 0; n < N; n++) x[n] = y[n] = 1;
    CHECK(amp_run_node_v2(&bad, &other, &in, &out, AMP_FORWARD, &m) == AMP_OK);
    CLOSE(y[0], 2, 0);
    FAILS(amp_run_node_v2(&bad, &other, &out, &in, AMP_BACKWARD, &m), AMP_E_UNSUPPORTED);
    for (int n = 0; n < N; n++) CLOSE(x[n], 0, 0);

    /* Released states are known to be; releasing twice and NULL do nothing. */
    amp_release_state(state);
    amp_release_state(state);
    amp_release_state(NULL);
    FAILS(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, &m), AMP_E_INVALID_ARG);
    amp_release_state(other);

    /* Texts. */
    char *text = amp_list_nodes();
    CHECK(text && strstr(text, "\"OnePoleNode\""));
    amp_free_text(text);
    text = amp_describe_node_type("OnePoleNode");
    CHECK(text && text[0] == '{' && strstr(text, "cutoff_hz") && strstr(text, "\"role\": \"corner\""));
    amp_free_text(text);
    CHECK(amp_describe_node_type("NoSuchNode") == NULL);
    CHECK(amp_describe_node_type(NULL) == NULL);
    amp_free_text(NULL);
    amp_free(NULL);

    /* Graphs. */
    CHECK(amp_graph_runtime_create(NULL, 0, NULL, 0) == NULL);
    CHECK(amp_graph_runtime_create((const uint8_t *)"junk", 4, NULL, 0) == NULL);
    CHECK(amp_graph_runtime_create_json(NULL) == NULL);
    CHECK(amp_graph_runtime_create_json("{}") == NULL && strlen(amp_last_error()) > 0);
    CHECK(amp_graph_runtime_configure(NULL, 1, 1) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_set_param(NULL, "a", "b", x, 1, 1, 1) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_describe_node(NULL, "a", NULL) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_execute(NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_execute_backward(NULL, NULL, 1, 1, 1) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_gradient(NULL, NULL, NULL, NULL, 0) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_last_error(NULL, NULL) == AMP_E_INVALID_ARG);
    amp_graph_runtime_destroy(NULL);
    amp_graph_runtime_clear_params(NULL);
    amp_graph_runtime_set_dsp_sample_rate(NULL, 1);
    amp_graph_runtime_buffer_free(NULL);
    return 0;
}

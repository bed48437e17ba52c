/* A graph with an input, block by block: sound and parameters in, several
 * outputs out, and the way back by all of them. */
#include "check.h"

enum { N = 48, BLOCKS = 3, ALL = N * BLOCKS };

static const char *graph_json =
    "{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\"},"
    " {\"name\": \"lp\", \"type\": \"OnePoleNode\", \"params\": {\"cutoff_hz\": 900}},"
    " {\"name\": \"vca\", \"type\": \"GainNode\", \"params\": {\"gain\": 0.7}}],"
    " \"edges\": [{\"source\": \"in\", \"target\": \"lp\"}, {\"source\": \"lp\", \"target\": \"vca\", \"delay_frames\": 5}]}";

static double x[2 * ALL], gains[ALL], w[2 * ALL], v[2 * ALL];

/* Rows of a block out of whole rows. */
static void cut(const double *whole, int channels, int block, double *to) {
    for (int c = 0; c < channels; c++) memcpy(to + c * N, whole + c * ALL + block * N, N * sizeof(double));
}

/* The loss is a weighted sum of the output and of what the filter says. */
static double run(double cutoff, double *dcutoff, double *dx, double *dgains) {
    double in[2 * N], out[2 * N], mid[2 * N], gain[N], loss = 0;
    amp_runtime_t *r = amp_graph_runtime_create_json(graph_json);
    CHECK(r);
    CHECK(amp_graph_runtime_set_record(r, -1) == AMP_OK);
    amp_buffer_t ins[3] = {tensor("in", in, 1, 2, N), tensor("vca.gain", gain, 1, 1, N), tensor("lp.cutoff_hz", &cutoff, 1, 1, 1)};
    amp_buffer_t outs[2] = {tensor(NULL, NULL, 0, 0, 0), tensor("lp", NULL, 0, 0, 0)};
    CHECK(amp_graph_runtime_process(r, ins, 3, outs, 2) == AMP_OK); /* asks for the shapes */
    for (int i = 0; i < 2; i++) CHECK(outs[i].batches == 1 && outs[i].channels == 2 && outs[i].frames == N);
    outs[0].data = out;
    outs[1].data = mid;
    for (int k = 0; k < BLOCKS; k++) {
        cut(x, 2, k, in);
        cut(gains, 1, k, gain);
        CHECK(amp_graph_runtime_process(r, ins, 3, outs, 2) == AMP_OK);
        for (int c = 0; c < 2; c++)
            for (int n = 0; n < N; n++) loss += w[c * ALL + k * N + n] * out[c * N + n] + v[c * ALL + k * N + n] * mid[c * N + n];
    }
    if (dx) {
        double dout[2 * N], dmid[2 * N], din[2 * N], dgain[N], dc;
        amp_buffer_t grads[2] = {tensor("vca.out", dout, 1, 2, N), tensor("lp", dmid, 1, 2, N)};
        amp_buffer_t to[3] = {tensor("in", din, 1, 2, N), tensor("vca.gain", dgain, 1, 1, N), tensor("lp.cutoff_hz", &dc, 1, 1, 1)};
        *dcutoff = 0;
        for (int k = BLOCKS - 1; k >= 0; k--) {
            cut(w, 2, k, dout);
            cut(v, 2, k, dmid);
            CHECK(amp_graph_runtime_process_backward(r, grads, 2, to, 3) == AMP_OK);
            *dcutoff += dc;
            for (int n = 0; n < N; n++) {
                dgains[k * N + n] = dgain[n];
                for (int c = 0; c < 2; c++) dx[c * ALL + k * N + n] = din[c * N + n];
            }
        }
        CHECK(amp_graph_runtime_process_backward(r, grads, 2, to, 3) == AMP_E_INVALID_ARG); /* nothing is left */
    }
    amp_graph_runtime_destroy(r);
    return loss;
}

static void gradients(void) {
    static double dx[2 * ALL], dgains[ALL];
    double dcutoff;
    run(900, &dcutoff, dx, dgains);
    double h = 1e-2, by = (run(900 + h, NULL, NULL, NULL) - run(900 - h, NULL, NULL, NULL)) / (2 * h);
    CHECK(dcutoff != 0);
    CLOSE(dcutoff, by, 1e-7 * fabs(by) + 1e-9);
    for (int at = 7; at < ALL; at += 31) {
        double *points[3] = {&gains[at], &x[at], &x[ALL + at]}, got[3] = {dgains[at], dx[at], dx[ALL + at]};
        for (int i = 0; i < 3; i++) {
            double was = *points[i];
            h = 1e-3; /* the loss is linear in each */
            *points[i] = was + h;
            double up = run(900, NULL, NULL, NULL);
            *points[i] = was - h;
            by = (up - run(900, NULL, NULL, NULL)) / (2 * h);
            *points[i] = was;
            CHECK(got[i] != 0 || (i > 0 && at > ALL - 6));
            CLOSE(got[i], by, 1e-9);
        }
    }
}

/* One sound for two batches, and a parameter for each. */
static void batches(void) {
    double in[N], out[2 * N], dout[2 * N], din[N], gain[2] = {2, 3}, dgain[2];
    amp_runtime_t *r = amp_graph_runtime_create_json(
        "{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\"}, {\"name\": \"g\", \"type\": \"GainNode\"}], \"edges\": [{\"source\": \"in\", \"target\": \"g\"}]}");
    CHECK(r && amp_graph_runtime_configure(r, 2, N) == AMP_OK && amp_graph_runtime_set_record(r, 1) == AMP_OK);
    amp_buffer_t ins[2] = {tensor(NULL, in, 1, 1, N), tensor("g.gain", gain, 2, 1, 1)}, outs = tensor(NULL, out, 2, 1, N);
    for (int n = 0; n < N; n++) in[n] = n;
    CHECK(amp_graph_runtime_process(r, ins, 2, &outs, 1) == AMP_OK);
    for (int n = 0; n < N; n++) {
        CLOSE(out[n], 2 * n, 0);
        CLOSE(out[N + n], 3 * n, 0);
        dout[n] = 1;
        dout[N + n] = 10;
    }
    amp_buffer_t grads = tensor(NULL, dout, 2, 1, N), to[2] = {tensor(NULL, din, 1, 1, N), tensor("g.gain", dgain, 2, 1, 1)};
    CHECK(amp_graph_runtime_process_backward(r, &grads, 1, to, 2) == AMP_OK);
    for (int n = 0; n < N; n++) CLOSE(din[n], 2 + 30, 0);
    CLOSE(dgain[0], N * (N - 1) / 2, 0);
    CLOSE(dgain[1], 10 * N * (N - 1) / 2, 0);
    amp_graph_runtime_destroy(r);
}

static amp_runtime_t *r;

static void refused(int code, amp_buffer_t *ins, uint32_t count, amp_buffer_t out, const char *says) {
    CHECK(amp_graph_runtime_process(r, ins, count, &out, 1) == code);
    if (!strstr(amp_last_error(), says)) {
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", amp_last_error(), says);
        exit(1);
    }
}

static void mistakes(void) {
    double in[2 * N] = {0}, out[2 * N], bad = NAN, *z = NULL;
    uint32_t shape[3];
    r = amp_graph_runtime_create_json(graph_json);
    CHECK(r);
    amp_buffer_t sound = tensor("in", in, 1, 1, N), ins[2] = {sound, sound}, to = tensor(NULL, out, 1, 1, N);
    /* Without its input the graph does not play silence. */
    CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &z, &shape[0], &shape[1], &shape[2]) == AMP_E_INVALID_ARG);
    CHECK(strstr(amp_last_error(), "input node \"in\""));
    refused(AMP_E_INVALID_ARG, NULL, 0, to, "brings no sound for it");
    ins[0].name = "inn";
    refused(AMP_E_INVALID_ARG, ins, 1, to, "did you mean \"in\"");
    ins[0].name = "lp";
    refused(AMP_E_INVALID_ARG, ins, 1, to, "is no input node");
    ins[0] = sound;
    ins[0].data = NULL;
    refused(AMP_E_INVALID_ARG, ins, 1, to, "has no data");
    ins[0] = tensor("in", in, 3, 1, N);
    refused(AMP_E_SHAPE, ins, 1, to, "batches are 1 or 1");
    ins[0] = sound;
    ins[1] = tensor("lp.cutof_hz", &bad, 1, 1, 1);
    bad = 100;
    refused(AMP_E_INVALID_ARG, ins, 2, to, "lp.cutof_hz");
    ins[1] = tensor("lp.cutoff_hz", &bad, 1, 1, 1);
    bad = NAN;
    refused(AMP_E_INVALID_ARG, ins, 2, to, "finite numbers");
    to.name = "vca.outt";
    refused(AMP_E_INVALID_ARG, ins, 1, to, "did you mean \"out\"");
    to = tensor(NULL, out, 1, 2, N);
    refused(AMP_E_SHAPE, ins, 1, to, "needs (1, 1, 48)");
    to = tensor(NULL, out, 1, 1, N);
    CHECK(amp_graph_runtime_process(r, ins, 1, &to, 1) == AMP_OK);
    /* What cannot change while it runs. */
    ins[1] = tensor("vca.gain", in, 1, 1, N);
    refused(AMP_E_SHAPE, ins, 2, to, "configure the runtime");
    ins[0] = tensor("in", in, 1, 2, N);
    to = tensor(NULL, out, 1, 2, N);
    refused(AMP_E_SHAPE, ins, 1, to, "configure the runtime");
    CHECK(amp_graph_runtime_configure(r, 1, N) == AMP_OK);
    CHECK(amp_graph_runtime_process(r, ins, 2, &to, 1) == AMP_OK);
    refused(AMP_E_SHAPE, ins, 1, to, "vca.gain came frame by frame before");
    CHECK(amp_graph_runtime_process_backward(r, &to, 1, NULL, 0) == AMP_E_INVALID_ARG); /* nothing is kept */
    CHECK(amp_graph_runtime_process(r, NULL, 1, &to, 1) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_process(NULL, ins, 1, &to, 1) == AMP_E_INVALID_ARG);
    CHECK(amp_graph_runtime_report(NULL) == NULL);
    CHECK(amp_graph_runtime_create_file("no/such/file.json") == NULL && strstr(amp_last_error(), "no/such/file.json"));
    amp_graph_runtime_destroy(r);
}

/* Channels that a node says, and gradients that come twice. */
static void channels(void) {
    double in[3 * N] = {0}, out[2 * N];
    r = amp_graph_runtime_create_json(
        "{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\", \"config\": {\"channels\": 2}}, {\"name\": \"g\", \"type\": \"GainNode\"}],"
        " \"edges\": [{\"source\": \"in\", \"target\": \"g\"}]}");
    CHECK(r && amp_graph_runtime_set_record(r, 1) == AMP_OK);
    amp_buffer_t ins = tensor("in", in, 1, 3, N), to = tensor(NULL, out, 1, 2, N), twice[2];
    refused(AMP_E_SHAPE, &ins, 1, to, "has 3 channels; the node has 2");
    ins.channels = 1; /* serves both */
    for (int n = 0; n < N; n++) in[n] = n;
    CHECK(amp_graph_runtime_process(r, &ins, 1, &to, 1) == AMP_OK);
    for (int n = 0; n < N; n++) CHECK(out[n] == n && out[N + n] == n);
    twice[0] = twice[1] = to;
    twice[1].name = "g.out";
    CHECK(amp_graph_runtime_process_backward(r, twice, 2, &ins, 1) == AMP_E_INVALID_ARG);
    CHECK(strstr(amp_last_error(), "given two gradients"));
    CHECK(amp_graph_runtime_process_backward(r, twice, 1, &ins, 1) == AMP_OK); /* the block is still there */
    for (int n = 0; n < N; n++) CLOSE(in[n], 2 * n, 0);
    amp_graph_runtime_destroy(r);
}

/* What a host asks before it plays, and whom gradients do not reach. */
static void report(void) {
    r = amp_graph_runtime_create_json(
        "{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\"}, {\"name\": \"g\", \"type\": \"GainNode\"},"
        " {\"name\": \"drive\", \"type\": \"TanhNode\", \"oversample_ratio\": 2, \"supports_v2\": false}],"
        " \"edges\": [{\"source\": \"in\", \"target\": \"g\"}, {\"source\": \"g\", \"target\": \"drive\"}]}");
    CHECK(r);
    char *text = amp_graph_runtime_report(r);
    CHECK(text);
    CHECK(strstr(text, "\"latency_frames\":64") && strstr(text, "\"inputs\":[{\"name\":\"in\",\"channels\":1}]"));
    CHECK(strstr(text, "\"outputs\":[{\"name\":\"drive.out\",\"channels\":1}]") && strstr(text, "\"unsupported\":[\"drive\"]"));
    CHECK(strstr(text, "{\"param\":\"g.gain\",\"behind\":\"drive\"}"));
    amp_free_text(text);
    amp_graph_runtime_destroy(r);
}

/* A node library, in this process: a low-pass with its adjoint, and a clipper
 * without one. */
static void library(const char *path) {
    char json[2048];
    double in[N], out[N], dout[N], din[N], dc;
    snprintf(json, sizeof json,
             "{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\"}, {\"name\": \"lp\", \"type\": \"COnePole\", \"library\": \"%s\", \"supports_v2\": true,"
             " \"params\": {\"cutoff_hz\": 900}}, {\"name\": \"clip\", \"type\": \"CClip\", \"library\": \"%s\", \"supports_v2\": true}],"
             " \"edges\": [{\"source\": \"in\", \"target\": \"lp\"}, {\"source\": \"lp\", \"target\": \"clip\"}]}", path, path);
    r = amp_graph_runtime_create_json(json);
    CHECK(r && amp_graph_runtime_set_record(r, 1) == AMP_OK);
    amp_buffer_t ins = tensor("in", in, 1, 1, N), outs = tensor("lp", out, 1, 1, N);
    amp_buffer_t grad = tensor("lp", dout, 1, 1, N), to[2] = {tensor("in", din, 1, 1, N), tensor("lp.cutoff_hz", &dc, 1, 1, 1)};
    for (int n = 0; n < N; n++) in[n] = dout[n] = n == 0;
    CHECK(amp_graph_runtime_process(r, &ins, 1, &outs, 1) == AMP_OK);
    double a = 1 - exp(-2 * 3.14159265358979323846 * 900 / 48000);
    for (int n = 0; n < N; n++) CLOSE(out[n], a * pow(1 - a, n), 1e-12);
    CHECK(amp_graph_runtime_process_backward(r, &grad, 1, to, 2) == AMP_OK);
    CLOSE(din[0], a, 1e-12);
    CLOSE(dc, 2 * 3.14159265358979323846 / 48000 * (1 - a), 1e-12); /* by the first frame alone */
    char *text = amp_graph_runtime_report(r);
    CHECK(text && strstr(text, "\"unsupported\":[\"clip\"]") && strstr(text, "{\"param\":\"lp.cutoff_hz\",\"behind\":\"clip\"}"));
    amp_free_text(text);
    amp_graph_runtime_destroy(r);
}

/* A library that breaks the contract in a later block is an error of the call,
 * which names it. */
static void broken_library(const char *path) {
    char json[1024];
    double in[N] = {0}, out[N];
    snprintf(json, sizeof json, "{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\"}, {\"name\": \"odd\", \"type\": \"LateFail\", \"library\": \"%s\"}],"
             " \"edges\": [{\"source\": \"in\", \"target\": \"odd\"}]}", path);
    r = amp_graph_runtime_create_json(json);
    CHECK(r);
    amp_buffer_t ins = tensor("in", in, 1, 1, N), outs = tensor(NULL, out, 1, 1, N);
    amp_error_info_t info;
    for (int k = 0; k < 2; k++) {
        CHECK(amp_graph_runtime_process(r, &ins, 1, &outs, 1) == AMP_E_INTERNAL);
        CHECK(strstr(amp_last_error(), "liar.so: node odd: the forward call fails with code -6"));
        CHECK(amp_graph_runtime_last_error(r, &info) == AMP_OK && info.code == AMP_E_INTERNAL && strcmp(info.node, "odd") == 0);
    }
    amp_graph_runtime_destroy(r);
}

int main(int argc, char **argv) {
    unsigned seed = 11;
    for (int i = 0; i < 2 * ALL; i++) {
        x[i] = noise(&seed);
        w[i] = noise(&seed);
        v[i] = noise(&seed);
        gains[i % ALL] = 1 + 0.5 * noise(&seed);
    }
    gradients();
    batches();
    mistakes();
    channels();
    report();
    if (argc > 1) library(argv[1]);
    if (argc > 2) broken_library(argv[2]);
    return 0;
}

/* Parameters of AMP's graph runtime: defaults, override, -2 on a wrong shape,
 * clear; declared delays. The blobs are built here. */
#include "check.h"
#include "blobs.h"

enum { N = 8 };

static void execute(amp_runtime_t *r, double want) {
    double *y = NULL;
    uint32_t batches = 0, channels = 0, frames = 0;
    CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000.0, &y, &batches, &channels, &frames) == 0);
    CHECK(batches == 1 && channels == 1 && frames == N);
    for (int n = 0; n < N; n++) CLOSE(y[n], want, 1e-12);
    amp_graph_runtime_buffer_free(y);
}

int main(void) {
    double one[N], three[N], two[2 * N];
    for (int n = 0; n < N; n++) {
        one[n] = 2;
        three[n] = 3;
        two[n] = two[N + n] = 1;
    }
    blob d = {0};
    u32(&d, 2);
    node_record(&d, "src", "ConstantNode", NULL, NULL, NULL, 0, "{\"value\": 5, \"channels\": 1}");
    node_record(&d, "gain", "GainNode", "src", "gain", one, N, "{\"declared_delay\": 80, \"oversample_ratio\": 4}");
    blob p = {0};
    plan_head(&p, 2, 2);
    plan_node(&p, 2, "src", 0, 0);
    plan_node(&p, 2, "gain", 0, 0);

    /* Without the delay of the node, which libamp_native does not honour. */
    blob plain = {0};
    u32(&plain, 2);
    node_record(&plain, "src", "ConstantNode", NULL, NULL, NULL, 0, "{\"value\": 5, \"channels\": 1}");
    node_record(&plain, "gain", "GainNode", "src", "gain", one, N, "{}");
    amp_runtime_t *r = amp_graph_runtime_create(plain.data, plain.size, p.data, p.size);
    CHECK(r);
    CHECK(amp_graph_runtime_configure(r, 1, N) == 0);
    amp_graph_runtime_set_dsp_sample_rate(r, 48000);
    execute(r, 10); /* the default */
    CHECK(amp_graph_runtime_set_param(r, "gain", "gain", three, 1, 1, N) == 0);
    execute(r, 15); /* the override */
    CHECK(amp_graph_runtime_set_param(r, "gain", "gain", two, 1, 2, N) == -2);
    CHECK(amp_graph_runtime_set_param(r, "gain", "gain", two, 2, 1, N) == -2);
    CHECK(amp_graph_runtime_set_param(r, "gain", "gain", two, 1, 1, N - 1) == -2);
    amp_error_info_t info;
    CHECK(amp_graph_runtime_last_error(r, &info) == 0);
    CHECK(info.code == -2 && strstr(info.detail, "shape mismatch") && strcmp(info.node, "gain") == 0);
    execute(r, 15);
    CHECK(amp_graph_runtime_set_param(r, "nobody", "gain", two, 1, 1, N) == -1);
    amp_graph_runtime_clear_params(r);
    execute(r, 10); /* the default again */
    amp_graph_runtime_destroy(r);

    r = amp_graph_runtime_create(d.data, d.size, p.data, p.size);
    CHECK(r && amp_graph_runtime_configure(r, 1, N) == 0);
    amp_node_summary_t s;
    CHECK(amp_graph_runtime_describe_node(r, "gain", &s) == 0);
    CHECK(s.declared_delay_frames == 80 && s.oversample_ratio == 4 && s.supports_v2);
    CHECK(amp_graph_runtime_describe_node(r, "nobody", &s) != 0);
    double *y = NULL;
    uint32_t shape[3];
#ifdef AMP_NATIVE
    execute(r, 10);
    (void)y;
    (void)shape;
#else
    CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &y, &shape[0], &shape[1], &shape[2]) == 0);
    CLOSE(y[0], 0, 0.2); /* the filters and the delay have yet to pass */
#endif
    amp_graph_runtime_destroy(r);

    /* Blobs that are cut give NULL or an error, never a crash. */
    for (size_t n = 0; n < d.size; n += 3) {
        r = amp_graph_runtime_create(d.data, n, p.data, p.size);
        CHECK(r == NULL);
    }
    for (size_t n = 1; n < p.size; n++) {
        r = amp_graph_runtime_create(d.data, d.size, p.data, n);
        CHECK(r == NULL);
    }

#ifndef AMP_NATIVE
    /* What reads a node that declares 3 frames hears it 3 frames late. */
    blob late = {0};
    u32(&late, 3);
    node_record(&late, "src", "ConstantNode", NULL, NULL, NULL, 0, "{\"value\": 5, \"channels\": 1}");
    node_record(&late, "gain", "GainNode", "src", "gain", one, N, "{\"declared_delay\": 3}");
    node_record(&late, "last", "MixNode", "gain", NULL, NULL, 0, "{}");
    r = amp_graph_runtime_create(late.data, late.size, NULL, 0);
    CHECK(r && amp_graph_runtime_configure(r, 1, N) == 0);
    CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &y, &shape[0], &shape[1], &shape[2]) == 0);
    for (int n = 0; n < N; n++) CLOSE(y[n], n < 3 ? 0 : 10, 1e-12);
    execute(r, 10);
    amp_graph_runtime_destroy(r);
    free(late.data);

    /* Version 3 carries edges with delays and gates. */
    blob three_edges = {0}, bare = {0};
    u32(&bare, 2);
    node_record(&bare, "src", "ConstantNode", NULL, NULL, NULL, 0, "{\"value\": 5, \"channels\": 1}");
    node_record(&bare, "gain", "GainNode", NULL, "gain", one, N, "{}");
    plan_head(&three_edges, 3, 2);
    plan_node(&three_edges, 3, "src", 0, 1);
    plan_node(&three_edges, 3, "gain", 0, 1);
    u32(&three_edges, 1);
    plan_edge(&three_edges, "src.out", "gain.in", 2, 1, 7);
    r = amp_graph_runtime_create(bare.data, bare.size, three_edges.data, three_edges.size);
    CHECK(r && amp_graph_runtime_configure(r, 1, N) == 0);
    CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &y, &shape[0], &shape[1], &shape[2]) == 0);
    for (int n = 0; n < N; n++) CLOSE(y[n], n < 2 ? 0 : 10, 1e-12);
    amp_graph_runtime_destroy(r);
    free(three_edges.data);
    free(bare.data);
#endif
    free(d.data);
    free(plain.data);
    free(p.data);
    return 0;
}

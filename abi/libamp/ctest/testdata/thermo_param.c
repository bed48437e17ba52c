/* Heat through the graph runtime: an override sets it, rendering adds to it. */
#include "check.h"
#include "blobs.h"

enum { N = 48 };

int main(void) {
    double gain[1] = {0.5}, heat[1] = {12.5}, wide[2] = {1, 2}, zero[1] = {0};
    blob d = {0}, p = {0};
    u32(&d, 2);
    node_record(&d, "src", "ConstantNode", NULL, NULL, NULL, 0, "{\"value\": 2, \"channels\": 1}");
    node_record(&d, "gain", "GainNode", "src", "thermo.heat", zero, 1, "{\"declared_delay\": 0}");
    plan_head(&p, 1, 2);
    plan_node(&p, 1, "src", 0, 0);
    plan_node(&p, 1, "gain", 0, 0);
    amp_runtime_t *r = amp_graph_runtime_create(d.data, d.size, p.data, p.size);
    CHECK(r && amp_graph_runtime_configure(r, 1, N) == 0);
    (void)gain;
    amp_node_summary_t s;
    CHECK(amp_graph_runtime_set_param(r, "gain", "thermo.heat", heat, 1, 1, 1) == 0);
    CHECK(amp_graph_runtime_set_param(r, "gain", "thermo.heat", wide, 1, 2, 1) == -2);
    CHECK(amp_graph_runtime_describe_node(r, "gain", &s) == 0);
    CLOSE(s.total_heat, 12.5, 1e-9);
    double *y = NULL;
    uint32_t shape[3];
    double half[N];
    for (int n = 0; n < N; n++) half[n] = 0.5;
    CHECK(amp_graph_runtime_set_param(r, "gain", "gain", half, 1, 1, N) == 0);
    double each = N * (4.0 - 1.0) / 48000;
    for (int k = 1; k <= 3; k++) {
        CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &y, &shape[0], &shape[1], &shape[2]) == 0);
        CLOSE(y[N - 1], 1, 1e-12);
        CHECK(amp_graph_runtime_describe_node(r, "gain", &s) == 0);
        CHECK(s.has_metrics);
        CLOSE(s.total_heat, 12.5 + k * each, 1e-9);
        CLOSE(s.metrics.accumulated_heat, 12.5 + k * each, 1e-5);
    }
    /* Set in mid-run, it goes on from there, and the sound as before. */
    heat[0] = 1;
    CHECK(amp_graph_runtime_set_param(r, "gain", "thermo.heat", heat, 1, 1, 1) == 0);
    CHECK(amp_graph_runtime_describe_node(r, "gain", &s) == 0);
    CLOSE(s.total_heat, 1, 1e-12);
    for (int k = 1; k <= 2; k++) {
        CHECK(amp_graph_runtime_execute(r, NULL, 0, N, 48000, &y, &shape[0], &shape[1], &shape[2]) == 0);
        CLOSE(y[N - 1], 1, 1e-12);
        CHECK(amp_graph_runtime_describe_node(r, "gain", &s) == 0);
        CLOSE(s.total_heat, 1 + k * each, 1e-9);
    }
    amp_graph_runtime_destroy(r);
    free(d.data);
    free(p.data);
    return 0;
}

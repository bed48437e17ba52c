/* What programs built for the AMP runtime link against beside nodes and graphs:
 * the builder of blobs, histories, plans, streamers, sessions, kernels. */
#include "native.h"

#include "check.h"

enum { N = 16, BLOCKS = 5 };

static native_blob_t build(void) {
    native_blob_t blob;
    native_builder_t w;
    const char *inputs[] = {"src"}, *sinks[] = {"out"};
    double gain[N];
    for (int n = 0; n < N; n++) gain[n] = n;
    native_blob_param_t p = {"gain", 1, 1, N, gain, N};
    amp_descriptor_buffer_init(&blob);
    CHECK(amp_descriptor_builder_init(&w, &blob) == 0);
    CHECK(amp_descriptor_builder_append_node(&w, "src", "ConstantNode", NULL, 0, "{\"value\": 2}", NULL, 0) == 0);
    CHECK(amp_descriptor_builder_append_node(&w, "out", "GainNode", inputs, 1, NULL, &p, 1) == 0);
    CHECK(amp_descriptor_builder_append_node(&w, NULL, "GainNode", NULL, 0, NULL, NULL, 0) == -1);
    CHECK(amp_descriptor_builder_append_node(&w, "x", "GainNode", NULL, 1, NULL, NULL, 0) == -1);
    CHECK(amp_descriptor_builder_append_node(&w, "off", "ConstantNode", NULL, 0, "{\"supports_v2\": false}", NULL, 0) == 0);
    CHECK(amp_descriptor_builder_append_node(&w, "sink", "MixNode", sinks, 1, NULL, NULL, 0) == 0);
    CHECK(amp_descriptor_builder_finalize(&w) == 0);
    CHECK(amp_descriptor_builder_append_node(&w, "late", "GainNode", NULL, 0, NULL, NULL, 0) == -1);
    return blob;
}

static void sleep_a_bit(void) {
    for (volatile int i = 0; i < 1000000; i++) {
    }
}

int main(void) {
    native_blob_t blob = build();
    uint32_t shape[3], frames, channels, count;
    uint64_t produced, consumed, sequence;
    double y[N * BLOCKS], *out;

    amp_runtime_t *r = amp_graph_runtime_create(blob.data, blob.size, NULL, 0);
    CHECK(r && amp_graph_runtime_configure(r, 1, N) == 0);
    CHECK(amp_graph_runtime_set_scheduler_mode(r, 0) == 0 && amp_graph_runtime_set_scheduler_mode(r, 7) == -1);
    CHECK(amp_graph_runtime_execute_into(r, NULL, 0, N, 48000, y, N, &shape[0], &shape[1], &shape[2]) == 0);
    for (int n = 0; n < N; n++) CLOSE(y[n], 2 * n, 1e-12);
    CHECK(amp_graph_runtime_execute_into(r, NULL, 0, N, 48000, y, N - 1, NULL, NULL, NULL) == -1);
    /* AMP's nodes report no heat, and those without the second call no metrics */
    amp_node_summary_t about;
    CHECK(amp_graph_runtime_describe_node(r, "src", &about) == 0);
    CHECK(about.supports_v2 == 1 && about.has_metrics == 1 && about.total_heat == 0 && about.metrics.accumulated_heat == 0);
    CHECK(amp_graph_runtime_describe_node(r, "off", &about) == 0);
    CHECK(about.supports_v2 == 0 && about.has_metrics == 0 && about.oversample_ratio == 1 && about.declared_delay_frames == 0);
    native_node_entry_t nodes[2];
    native_snapshot_t snap;
    CHECK(amp_graph_runtime_debug_snapshot(r, NULL, nodes, 2, &snap) == 0);
    CHECK(snap.node_count == 4 && snap.sink_index == 3 && strcmp(nodes[1].name, "out") == 0 && snap.sample_rate == 48000);

    /* one event of a curve "g" with two values */
    uint8_t history[4 + 4 + 4 + 1 + 8 + 4 + 16] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'g'};
    double values[2] = {3, 4}, when = 0;
    memcpy(history + 13, &when, 8);
    history[21] = 2;
    memcpy(history + 25, values, 16);
    amp_control_history_t *h = amp_graph_history_load(history, sizeof history, N);
    CHECK(h && h->curve_count == 1 && h->curves[0].count == 2 && h->curves[0].values[1] == 4 && strcmp(h->curves[0].name, "g") == 0);
    CHECK(amp_graph_history_load(history, sizeof history - 1, N) == NULL && strlen(amp_last_error()) > 0);
    CHECK(amp_graph_runtime_execute_with_history(r, h, N, 48000, &out, NULL, NULL, NULL) == 0 && out[3] == 6);
    amp_graph_history_destroy(h);

    /* a ring of two blocks; what it has no room for is dumped */
    void *s = amp_graph_streamer_create(r, NULL, 0, N * BLOCKS, 48000, 2 * N, N);
    CHECK(s && amp_graph_streamer_start(s) == 0);
    native_verdict_t v = {0};
    native_progress_t p;
    native_contract_t c = {N * BLOCKS, 0, 0, 0, 0, 0, 0, 0};
    for (int i = 0; i < 20000 && !v.producer_met; i++) {
        CHECK(amp_graph_streamer_evaluate_completion(s, &c, &p, &v) == 0);
        sleep_a_bit();
    }
    CHECK(v.producer_met && !v.satisfied && p.ring_size == 2 * N); /* the hint is the goal of the consumer */
    amp_graph_streamer_stop(s);
    CHECK(amp_graph_streamer_status(s, &produced, &consumed) == 0 && produced >= N * BLOCKS && consumed == 0);
    uint64_t expect = 0;
    CHECK(amp_graph_streamer_pop_dump(s, y, N, &frames, &channels, &sequence) == 1 && frames == 2 * N); /* more room is needed */
    for (;;) { /* stopping moved the ring in front of the dumps */
        CHECK(amp_graph_streamer_dump_count(s, &count) == 0);
        if (!count) break;
        CHECK(amp_graph_streamer_pop_dump(s, y, N * BLOCKS, &frames, &channels, &sequence) == 0);
        CHECK(channels == 1 && sequence == expect);
        for (uint32_t n = 0; n < frames; n++) CLOSE(y[n], 2 * ((sequence + n) % N), 1e-12);
        expect += frames;
    }
    CHECK(amp_graph_streamer_read(s, y, N, &frames, &channels, &sequence) == 0 && frames == 0);
    CHECK(expect == produced);
    amp_graph_streamer_destroy(s);
    amp_graph_streamer_destroy(s);
    amp_graph_runtime_destroy(r);

    void *session = amp_kpn_session_create_from_blobs(blob.data, blob.size, NULL, 0, N, 48000, 8 * N, N);
    CHECK(session && amp_kpn_session_start(session) == 0);
    for (int got = 0, i = 0; got < 10 * N; i++) {
        CHECK(i < 20000 && amp_kpn_session_read(session, y, N, &frames, &channels, &sequence) == 0);
        CHECK(!frames || sequence == (uint64_t)got);
        got += (int)frames;
        if (!frames) sleep_a_bit();
    }
    amp_kpn_session_destroy(session);
    CHECK(amp_kpn_session_create_from_blobs(NULL, 0, NULL, 0, N, 48000, N, N) == NULL);

    uint8_t plan[] = {'A', 'M', 'P', 'L', 2, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'o', 'u', 't'};
    native_plan_t *q = amp_load_compiled_plan(blob.data, blob.size, plan, sizeof plan);
    CHECK(q && q->version == 2 && q->node_count == 1 && q->nodes[0].function_id == 5 && strcmp(q->nodes[0].name, "out") == 0);
    amp_release_compiled_plan(q);
    CHECK(amp_load_compiled_plan(blob.data, blob.size, plan, sizeof plan - 1) == NULL);

    double x[3] = {1, 1, 1}, z[1] = {0}, o[3];
    lfo_slew(x, o, 1, 3, 0.5, 0.5, z);
    CHECK(o[0] == 0.5 && o[1] == 0.75 && o[2] == 0.875 && z[0] == 0.875);
    double t[3] = {0, 0.5, 0.99}, dt[3] = {0.1, 0.1, 0.1};
    polyblep_arr(t, dt, o, 3);
    CHECK(o[0] == -1 && o[1] == 0 && o[2] > 0);

    /* what is not served says so */
    native_tap_t tap;
    memset(&tap, 0, sizeof tap);
    CHECK(amp_tap_cache_stage(&tap, y, N, 1, 1, N) == 0 && amp_tap_cache_state(&tap) == 1);
    CHECK(amp_wait_node_completion(NULL, NULL, 1, 1, 1, 48000, 0, NULL, &out, NULL, NULL) == AMP_E_UNSUPPORTED);
    CHECK(strstr(amp_last_error(), "wait") != NULL);
    CHECK(amp_kpn_overlay_create(NULL, NULL) == NULL);
    amp_descriptor_buffer_destroy(&blob);
    return 0;
}

/* native.h - what libamp_native has beside amp.h: functions that programs built
 * for the AMP runtime link against. Those programs have AMP's own header; this
 * one is for the shims and their tests. The proposal lists what is served.
 */
#ifndef AMPFIT_NATIVE_H
#define AMPFIT_NATIVE_H

#include "amp.h"

typedef struct { uint8_t *data; size_t size, capacity; } native_blob_t;
typedef struct {
    const char *name;
    uint32_t batches, channels, frames;
    const double *values;
    size_t value_count;
} native_blob_param_t;
typedef struct { native_blob_t *blob; size_t count_at; uint32_t nodes; int finished; } native_builder_t;

typedef struct { char *name; uint32_t name_len, offset, span; } native_plan_param_t;
typedef struct {
    char *name;
    uint32_t name_len, function_id, audio_offset, audio_span, param_count;
    native_plan_param_t *params;
} native_plan_node_t;
typedef struct { uint32_t version, node_count; native_plan_node_t *nodes; } native_plan_t;

typedef struct {
    const char *name, *buffer_class;
    uint32_t batches, channels, frames;
    size_t frame_stride;
    double *data;
    void *mailbox;
    int read_flag;
    size_t cache_len;
    double *cache;
    uint32_t cache_batches, cache_channels, cache_frames;
    int cache_state; /* 0 empty, 1 staged, 2 accepted, 3 read */
} native_tap_t;

typedef struct { double early_bias, late_bias, saturation_bias; } native_scheduler_t;

typedef struct {
    uint64_t target_produced, target_consumed;
    uint32_t maximum_inflight, maximum_dumps, idle_timeout_ms, total_timeout_ms;
    int require_ring_drain, require_dump_drain;
} native_contract_t;
typedef struct {
    uint64_t produced, consumed;
    uint32_t ring_size, ring_capacity, dump_depth;
    uint64_t elapsed_ms, since_produced_ms, since_consumed_ms, since_dump_ms;
    int running;
} native_progress_t;
typedef struct {
    int satisfied, producer_met, consumer_met, ring_drained, dump_drained;
    int timed_out, idle_timeout, total_timeout, inflight_exceeded, dumps_exceeded;
} native_verdict_t;

typedef struct {
    char name[32];
    uint32_t ring_capacity, ring_size, reader_count, head, tail;
    uint64_t produced;
} native_tap_entry_t;
typedef struct {
    char name[64];
    uint32_t ring_capacity, ring_size, reader_count, declared_delay, oversample;
    uint8_t supports_v2, prefill_only;
    float last_heat;
    double last_processing, last_total, total_heat;
    uint64_t counters[10];
    double sums[4];
    uint32_t last_frames, last_batches, last_channels, min_frames, preferred_frames, max_frames;
    double priority;
    uint32_t channel_expand;
    uint8_t fifo_simultaneous, fifo_release;
    uint32_t fifo_primary, tap_count;
    native_tap_entry_t taps[8];
} native_node_entry_t;
typedef struct {
    uint32_t version, node_count, sink_index;
    double sample_rate;
    uint32_t scheduler_mode;
    uint64_t produced, consumed;
    uint32_t ring_capacity, ring_size, dump_depth;
    uint64_t loops;
    int64_t error_code;
    char error_stage[32], error_node[64], error_detail[128];
} native_snapshot_t;

#ifndef AMP_BUILDING

void amp_descriptor_buffer_init(native_blob_t *blob);
void amp_descriptor_buffer_destroy(native_blob_t *blob);
int amp_descriptor_builder_init(native_builder_t *builder, native_blob_t *blob);
int amp_descriptor_builder_append_node(native_builder_t *builder, const char *name, const char *type, const char *const *inputs,
                                       uint32_t input_count, const char *json, const native_blob_param_t *params, uint32_t param_count);
int amp_descriptor_builder_finalize(native_builder_t *builder);

void lfo_slew(const double *x, double *out, int b, int f, double r, double alpha, double *z);
void dc_block(const double *x, double *out, int b, int c, int f, double a, double *state);
void polyblep_arr(const double *t, const double *dt, double *out, int n);

int amp_graph_runtime_set_scheduler_mode(amp_runtime_t *runtime, int mode);
int amp_graph_runtime_execute_into(amp_runtime_t *runtime, const uint8_t *control, size_t control_len, int frames_hint, double sample_rate,
                                   double *out, size_t out_len, uint32_t *batches, uint32_t *channels, uint32_t *frames);
amp_control_history_t *amp_graph_history_load(const uint8_t *blob, size_t len, int frames_hint);
void amp_graph_history_destroy(amp_control_history_t *history);
int amp_graph_runtime_execute_with_history(amp_runtime_t *runtime, amp_control_history_t *history, int frames_hint, double sample_rate,
                                           double **out, uint32_t *batches, uint32_t *channels, uint32_t *frames);
native_plan_t *amp_load_compiled_plan(const uint8_t *descriptor, size_t descriptor_len, const uint8_t *plan, size_t plan_len);
void amp_release_compiled_plan(native_plan_t *plan);

void *amp_graph_streamer_create(amp_runtime_t *runtime, const uint8_t *control, size_t control_len, int frames_hint, double sample_rate,
                                uint32_t ring_frames, uint32_t block_frames);
int amp_graph_streamer_start(void *streamer);
void amp_graph_streamer_stop(void *streamer);
void amp_graph_streamer_destroy(void *streamer);
int amp_graph_streamer_available(void *streamer, uint64_t *frames);
int amp_graph_streamer_read(void *streamer, double *to, size_t max_frames, uint32_t *frames, uint32_t *channels, uint64_t *sequence);
int amp_graph_streamer_dump_count(void *streamer, uint32_t *count);
int amp_graph_streamer_pop_dump(void *streamer, double *to, size_t max_frames, uint32_t *frames, uint32_t *channels, uint64_t *sequence);
int amp_graph_streamer_status(void *streamer, uint64_t *produced, uint64_t *consumed);
int amp_graph_streamer_evaluate_completion(void *streamer, const native_contract_t *contract, native_progress_t *progress,
                                           native_verdict_t *verdict);
int amp_graph_runtime_debug_snapshot(amp_runtime_t *runtime, void *streamer, native_node_entry_t *nodes, uint32_t capacity,
                                     native_snapshot_t *snapshot);
void *amp_kpn_session_create_from_blobs(const uint8_t *descriptor, size_t descriptor_len, const uint8_t *plan, size_t plan_len,
                                        int frames_hint, double sample_rate, uint32_t ring_frames, uint32_t block_frames);
int amp_kpn_session_start(void *session);
void amp_kpn_session_stop(void *session);
void amp_kpn_session_destroy(void *session);
int amp_kpn_session_read(void *session, double *to, size_t max_frames, uint32_t *frames, uint32_t *channels, uint64_t *sequence);

int amp_wait_node_completion(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                             double sample_rate, int mode, void **state, double **out, int *out_channels, amp_legacy_metrics_t *metrics);
int amp_tap_cache_stage(native_tap_t *tap, double *buffer, size_t len, uint32_t batches, uint32_t channels, uint32_t frames);
int amp_tap_cache_state(native_tap_t *tap);
void *amp_kpn_overlay_create(void *streamer, const void *config);

#endif /* AMP_BUILDING */
#endif /* AMPFIT_NATIVE_H */

/* amp.h - the C interface of ampfit, version 2.
 *
 * A node or a graph is rendered with forward calls and differentiated with
 * backward calls. Tensors are (batch, channel, frame), frames contiguous,
 * double. All functions may be called from any thread; one state or runtime
 * belongs to one thread at a time.
 *
 * docs/abi_extension_proposal.md says what each call means.
 */
#ifndef AMP_H
#define AMP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { AMP_FORWARD = 0, AMP_BACKWARD = 1 } amp_execution_mode_t;

enum {
    AMP_OK = 0,
    AMP_E_INVALID_ARG = -1,
    AMP_E_SHAPE = -2,
    AMP_E_UNKNOWN_NODE = -3,
    AMP_E_UNSUPPORTED = -4,
    AMP_E_PENDING = -5,
    AMP_E_INTERNAL = -6
};

typedef struct {
    uint32_t measured_delay_frames;
    float accumulated_heat; /* joules since the state was made */
    float reserved[6];
} amp_node_metrics_t;

/* A tensor (batches, channels, frames), contiguous. The caller allocates. */
typedef struct {
    const char *name; /* of a parameter, or of a port; may be NULL for ports */
    double *data;     /* NULL in the outputs of a forward call: only the shape is wanted */
    uint32_t batches, channels, frames;
} amp_buffer_t;

typedef struct {
    uint32_t struct_size, abi_version;          /* sizeof(amp_node_descriptor_t), 2 */
    const char *name, *type_name, *params_json; /* NUL-terminated UTF-8; params_json may be NULL */
    double sample_rate;                         /* Hz */
    uint32_t declared_delay, oversample_ratio, supports_v2;
    uint32_t input_count, output_count; /* lengths of the arrays of a forward call */
} amp_node_descriptor_t;

typedef struct amp_state amp_state_t;

/* The structures of the first interface, as AMP has them. */
typedef struct {
    const char *name; size_t name_len;
    const char *type_name; size_t type_len;
    const char *params_json; size_t params_len;
} amp_legacy_descriptor_t;
typedef struct { uint32_t has_audio, batches, channels, frames; const double *data; } amp_audio_view_t;
typedef struct { const char *name; uint32_t batches, channels, frames; const double *data; } amp_param_view_t;
typedef struct { uint32_t count; amp_param_view_t *items; } amp_param_set_t;
typedef struct { void *items; uint32_t count; } amp_tap_set_t;
typedef struct { amp_audio_view_t audio; amp_param_set_t params; amp_tap_set_t taps, tap_status; } amp_node_inputs_t;
typedef struct { char *name; uint32_t name_len; double *values; uint32_t count; double timestamp; } amp_control_curve_t;
typedef struct { uint32_t frames_hint, curve_count; amp_control_curve_t *curves; } amp_control_history_t;
typedef struct {
    uint32_t measured_delay_frames; float accumulated_heat;
    double processing_seconds, logging_seconds, total_seconds, thread_cpu_seconds;
    double reserved[6];
} amp_legacy_metrics_t;
typedef struct {
    uint32_t declared_delay_frames, oversample_ratio;
    int supports_v2, has_metrics;
    amp_legacy_metrics_t metrics;
    double total_heat;
} amp_node_summary_t;
typedef struct { int code; const char *stage, *node, *detail; } amp_error_info_t;

typedef struct amp_runtime amp_runtime_t;

/* Progress of a fit: step, loss, fraction of the work done. Returning non-zero
 * stops the fit; the best so far is kept. */
typedef int (*amp_progress_t)(void *user, uint32_t step, double loss, double fraction);

#ifndef AMP_BUILDING

/* The version of this interface: 2. */
uint32_t amp_abi_version(void);
/* What failed last on this thread; "" when nothing did. Valid until the next call. */
const char *amp_last_error(void);
/* Frees memory that a call allocated for its caller. */
void amp_free(double *data);
void amp_free_text(char *text);
/* Releases a state; NULL and states released before are ignored. */
void amp_release_state(void *state);
/* The names of all node types, and the description of one, as JSON; free with amp_free_text.
 * "role" of a parameter says what it is, whatever its name: "pitch", "corner", "delay", ... */
char *amp_list_nodes(void);
char *amp_describe_node_type(const char *type_name);

#ifdef AMP_NATIVE
int amp_run_node_v2(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                    double sample_rate, double **out_buffer, int *out_channels, void **state,
                    const amp_control_history_t *history, int mode, amp_legacy_metrics_t *metrics);
#else
/* Runs a node forward or backward: inputs are the audio ports in order, then
 * parameters by name; backward they are the gradients of the outputs, and outputs
 * become those of the inputs. metrics may be NULL. */
int amp_run_node_v2(const amp_node_descriptor_t *desc, amp_state_t **state, const amp_buffer_t *inputs,
                    amp_buffer_t *outputs, amp_execution_mode_t mode, amp_node_metrics_t *metrics);
#endif

/* AMP's first call: the node allocates the output, the caller frees it by amp_free. */
int amp_run_node(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels, int frames,
                 double sample_rate, double **out_buffer, int *out_channels, void **state,
                 const amp_control_history_t *history);

/* Graphs. create returns NULL on failure; amp_last_error says why. */
amp_runtime_t *amp_graph_runtime_create(const uint8_t *descriptor, size_t descriptor_len, const uint8_t *plan, size_t plan_len);
amp_runtime_t *amp_graph_runtime_create_json(const char *graph_json);
/* The same of a file, beside which libraries and sounds are looked for. Node
 * libraries run within this process. */
amp_runtime_t *amp_graph_runtime_create_file(const char *path);
void amp_graph_runtime_destroy(amp_runtime_t *runtime);
int amp_graph_runtime_configure(amp_runtime_t *runtime, uint32_t batches, uint32_t frames);
void amp_graph_runtime_set_dsp_sample_rate(amp_runtime_t *runtime, double sample_rate);
int amp_graph_runtime_set_param(amp_runtime_t *runtime, const char *node, const char *param, const double *data,
                                uint32_t batches, uint32_t channels, uint32_t frames);
void amp_graph_runtime_clear_params(amp_runtime_t *runtime);
int amp_graph_runtime_describe_node(amp_runtime_t *runtime, const char *node, amp_node_summary_t *summary);
/* Renders one block: inputs are sound for input nodes, by the node's name or
 * NULL for all of them, and parameters by "node.param", with one frame (held from
 * then on) or the block's. outputs, memory of the caller, are filled from "node"
 * or "node.port", NULL for the graph's output; when none has data they only get
 * their shapes. Every input node needs its sound in every block. */
int amp_graph_runtime_process(amp_runtime_t *runtime, const amp_buffer_t *inputs, uint32_t input_count, amp_buffer_t *outputs,
                              uint32_t output_count);
/* Walks the newest kept block back, from the gradients of outputs to those of
 * inputs and parameters, by the names that process takes. */
int amp_graph_runtime_process_backward(amp_runtime_t *runtime, const amp_buffer_t *output_gradients, uint32_t output_count,
                                       amp_buffer_t *input_gradients, uint32_t input_count);
/* The graph as JSON, to be freed by amp_free_text: {"sample_rate", "latency_frames",
 * "inputs": [{"name", "channels"}], "outputs", "unsupported": nodes without adjoint,
 * "cut_off": [{"param", "behind"}], "warnings"}. NULL when it cannot be planned. */
char *amp_graph_runtime_report(amp_runtime_t *runtime);
/* Renders one block of a graph without input nodes. The buffer is valid until the next call on the runtime. */
int amp_graph_runtime_execute(amp_runtime_t *runtime, const uint8_t *control, size_t control_len, int frames_hint,
                              double sample_rate, double **out_buffer, uint32_t *out_batches, uint32_t *out_channels,
                              uint32_t *out_frames);
int amp_graph_runtime_last_error(amp_runtime_t *runtime, amp_error_info_t *info);
void amp_graph_runtime_buffer_free(double *buffer);
/* Keeps so many executed blocks for the way back (0 none, -1 all); starts afresh. */
int amp_graph_runtime_set_record(amp_runtime_t *runtime, int blocks);
/* Walks the newest kept block back from the gradient of its output. */
int amp_graph_runtime_execute_backward(amp_runtime_t *runtime, const double *gradient, uint32_t batches, uint32_t channels,
                                       uint32_t frames);
/* Reads the gradient by a parameter in the block that was walked back: count
 * values at most into out; returns how many there are, or a negative code. */
int64_t amp_graph_runtime_gradient(amp_runtime_t *runtime, const char *node, const char *param, double *out, size_t count);

/* Sounds for sampler nodes, staged under the node's name for the whole process
 * before the node renders first. stage copies frames x channels samples, frame
 * by frame; session may be NULL. peek shows them, until the next stage or
 * unregister of that name, and how many frames were played; advance moves on.
 * All return 0, -1 for bad arguments, -2 for a name that nothing is staged under. */
int amp_kpn_session_stage_sampler_buffer(void *session, const double *samples, size_t frames, uint32_t channels, const char *node);
int amp_sampler_unregister(const char *node);
int amp_sampler_peek(const char *node, const double **samples, size_t *frames, uint32_t *channels, size_t *read_position);
int amp_sampler_advance(const char *node, size_t frames);

/* Learns the parameters of a graph so that it sounds like the target (channels
 * rows of frames). input is NULL for a graph without InputNode. options is NULL
 * or a JSON object: {"loss": "esr", "optimizer": "auto", "steps": 100, "lr": 0.02,
 * "seed": 0, "learn": ["node.param"], "freeze": [], "keep_latency": false}. The
 * graph's own latency (oversampling filters, look-ahead) is taken off before the
 * comparison; with keep_latency it stays, for targets that
 * amp_graph_runtime_execute rendered.
 * result receives {"graph": …, "loss": {"initial", "final"}, …} as JSON, to be
 * freed by amp_free_text. A stopped fit returns AMP_OK with its best. */
int amp_fit(const char *graph_json, const double *target, const double *input, uint32_t channels, uint32_t input_channels,
            uint32_t frames, double sample_rate, const char *options, amp_progress_t progress, void *user, char **result);

#endif /* AMP_BUILDING */

#ifdef __cplusplus
}
#endif
#endif /* AMP_H */

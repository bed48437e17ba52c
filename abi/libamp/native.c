//go:build cgo && native

/* Functions of AMP's library that need nothing of the engine: the builder of
 * descriptor blobs, the cache of taps, and honest refusals of what is not served
 * here. */
#include "native.h"

#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif

void amp_set_last_error(const char *text, size_t n);

static void refuse(const char *text) { amp_set_last_error(text, strlen(text)); }

static const char no_mailbox[] = "there are no mailboxes here: nodes return what they rendered";

/* ---- descriptor blobs, little-endian ---- */

static int put(native_blob_t *b, const void *data, size_t n) {
    if (b->capacity - b->size < n) {
        size_t capacity = b->capacity ? b->capacity : 1024;
        while (capacity - b->size < n) {
            if (capacity > (size_t)-1 / 2) return -1;
            capacity *= 2;
        }
        uint8_t *grown = realloc(b->data, capacity);
        if (!grown) return -1;
        b->data = grown;
        b->capacity = capacity;
    }
    if (n) memcpy(b->data + b->size, data, n);
    b->size += n;
    return 0;
}

static void little(uint8_t *to, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(v >> (8 * i));
}

static int put_number(native_blob_t *b, uint64_t v, int bytes) {
    uint8_t raw[8];
    little(raw, v, bytes);
    return put(b, raw, (size_t)bytes);
}

EXPORT void amp_descriptor_buffer_init(native_blob_t *b) {
    if (b) memset(b, 0, sizeof *b);
}

EXPORT void amp_descriptor_buffer_destroy(native_blob_t *b) {
    if (!b) return;
    free(b->data);
    memset(b, 0, sizeof *b);
}

EXPORT int amp_descriptor_builder_init(native_builder_t *w, native_blob_t *b) {
    if (!w || !b) return -1;
    b->size = 0;
    w->blob = b;
    w->count_at = 0;
    w->nodes = 0;
    w->finished = 0;
    return put_number(b, 0, 4);
}

EXPORT int amp_descriptor_builder_append_node(native_builder_t *w, const char *name, const char *type, const char *const *inputs,
                                              uint32_t input_count, const char *json, const native_blob_param_t *params,
                                              uint32_t param_count) {
    if (!w || !w->blob || w->finished || !name || !type || (input_count && !inputs) || (param_count && !params)) return -1;
    native_blob_t *b = w->blob;
    size_t before = b->size;
    int bad = 0;
    if (!json) json = "{}";
    /* type id, lengths and counts; modulations and shapes have none */
    const uint64_t head[8] = {0, strlen(name), strlen(type), input_count, 0, param_count, 0, strlen(json)};
    for (int i = 0; i < 8; i++) bad |= put_number(b, head[i], 4);
    bad |= put(b, name, strlen(name));
    bad |= put(b, type, strlen(type));
    for (uint32_t i = 0; i < input_count && !bad; i++) {
        if (!inputs[i]) {
            bad = 1;
            break;
        }
        bad |= put_number(b, strlen(inputs[i]), 4);
        bad |= put(b, inputs[i], strlen(inputs[i]));
    }
    for (uint32_t i = 0; i < param_count && !bad; i++) {
        const native_blob_param_t *p = &params[i];
        if (!p->name || (p->value_count && !p->values)) {
            bad = 1;
            break;
        }
        bad |= put_number(b, strlen(p->name), 4);
        bad |= put_number(b, p->batches, 4) | put_number(b, p->channels, 4) | put_number(b, p->frames, 4);
        bad |= put_number(b, 8 * (uint64_t)p->value_count, 8);
        bad |= put(b, p->name, strlen(p->name));
        for (size_t k = 0; k < p->value_count && !bad; k++) {
            uint64_t bits;
            memcpy(&bits, &p->values[k], 8);
            bad |= put_number(b, bits, 8);
        }
    }
    bad |= put(b, json, strlen(json));
    if (bad) {
        b->size = before;
        return -1;
    }
    w->nodes++;
    return 0;
}

EXPORT int amp_descriptor_builder_finalize(native_builder_t *w) {
    if (!w || !w->blob || w->blob->size < w->count_at + 4) return -1;
    little(w->blob->data + w->count_at, w->nodes, 4);
    w->finished = 1;
    return 0;
}

/* ---- logging: none is kept, only whether it was asked for ---- */

static int logging;

EXPORT int amp_native_logging_enabled(void) { return logging; }
EXPORT void amp_native_logging_set(int enabled) { logging = enabled != 0; }
EXPORT void amp_log_generated(const char *fn, void *stamp, size_t a, size_t b) { (void)fn; (void)stamp; (void)a; (void)b; }
EXPORT void amp_log_native_call_external(const char *fn, size_t a, size_t b) { (void)fn; (void)a; (void)b; }
EXPORT size_t amp_last_alloc_count_get(void) { return 0; }

/* ---- taps: their cache belongs to the caller ---- */

EXPORT int amp_tap_cache_stage(native_tap_t *t, double *buffer, size_t len, uint32_t batches, uint32_t channels, uint32_t frames) {
    if (!t || !buffer || !len) return -1;
    t->cache = buffer;
    t->cache_len = len;
    t->cache_batches = batches;
    t->cache_channels = channels;
    t->cache_frames = frames;
    t->cache_state = 1;
    return 0;
}

EXPORT void amp_tap_cache_mark_accepted(native_tap_t *t) { if (t) t->cache_state = 2; }
EXPORT void amp_tap_cache_mark_read(native_tap_t *t) { if (t) t->cache_state = 3; }
EXPORT double *amp_tap_cache_get_buffer(native_tap_t *t) { return t ? t->cache : NULL; }
EXPORT int amp_tap_cache_state(native_tap_t *t) { return t ? t->cache_state : -1; }
EXPORT int amp_tap_cache_fill_from_chain(native_tap_t *t) { (void)t; refuse(no_mailbox); return AMP_E_UNSUPPORTED; }
EXPORT int amp_tap_cache_block_until_ready(void *state, native_tap_t *t, const char *name, uint64_t timeout_ms) {
    (void)state; (void)t; (void)name; (void)timeout_ms;
    refuse(no_mailbox); /* at once: nothing would ever come */
    return AMP_E_UNSUPPORTED;
}

/* ---- nodes are never pending ---- */

EXPORT int amp_wait_node_completion(const amp_legacy_descriptor_t *desc, const amp_node_inputs_t *inputs, int batches, int channels,
                                    int frames, double sample_rate, int mode, void **state, double **out, int *out_channels,
                                    amp_legacy_metrics_t *metrics) {
    (void)desc; (void)inputs; (void)batches; (void)channels; (void)frames; (void)sample_rate; (void)mode; (void)state;
    if (out) *out = NULL;
    if (out_channels) *out_channels = 0;
    if (metrics) memset(metrics, 0, sizeof *metrics);
    refuse("no node answers AMP_E_PENDING here, so there is nothing to wait for");
    return AMP_E_UNSUPPORTED;
}

/* ---- mailboxes ---- */

EXPORT void *amp_mailbox_create_spectral_node(const double *re, const double *im, int slot, int frame, int size) {
    (void)re; (void)im; (void)slot; (void)frame; (void)size;
    refuse(no_mailbox);
    return NULL;
}
EXPORT void *amp_mailbox_create_pcm_node(double value, int frame) { (void)value; (void)frame; refuse(no_mailbox); return NULL; }
EXPORT void amp_mailbox_append_node_to_tap(native_tap_t *t, void *node) { (void)t; (void)node; }
EXPORT void amp_mailbox_attach_spectral_node(void *state, const char *tap, void *node) { (void)state; (void)tap; (void)node; }
EXPORT void amp_mailbox_append_pcm_node(void *state, void *node) { (void)state; (void)node; }
EXPORT void amp_mailbox_set_tap_cursor(void *state, const char *tap, void *node) { (void)state; (void)tap; (void)node; }
EXPORT void *amp_mailbox_get_tap_cursor(void *state, const char *tap) { (void)state; (void)tap; return NULL; }
EXPORT void amp_mailbox_release_state(void *state) { (void)state; }
EXPORT void amp_mailbox_global_reset(void) {}
EXPORT size_t amp_mailbox_spectral_chain_length(void *state, const char *tap) { (void)state; (void)tap; return 0; }
EXPORT size_t amp_mailbox_pcm_chain_length(void *state) { (void)state; return 0; }
EXPORT void amp_mailbox_log_stats(void *state) { (void)state; }
EXPORT void *amp_mailbox_get_spectral_head(void *state, const char *tap) { (void)state; (void)tap; return NULL; }
EXPORT void *amp_mailbox_get_pcm_head(void *state) { (void)state; return NULL; }
EXPORT int amp_mailbox_advance_pcm_cursor(void *state, const char *tap, size_t n) { (void)state; (void)tap; (void)n; return 0; }
EXPORT int amp_mailbox_consume_pcm_head(void *state, size_t n) { (void)state; (void)n; return 0; }
EXPORT int amp_mailbox_consume_spectral_head(void *state, const char *tap, size_t n) { (void)state; (void)tap; (void)n; return 0; }
EXPORT double amp_mailbox_node_real(void *node) { (void)node; return 0; }
EXPORT double amp_mailbox_node_imag(void *node) { (void)node; return 0; }
EXPORT int amp_mailbox_node_window_size(void *node) { (void)node; return 0; }
EXPORT int amp_mailbox_node_frame_index(void *node) { (void)node; return 0; }
EXPORT int amp_mailbox_node_is_pcm(void *node) { (void)node; return 0; }
EXPORT double amp_mailbox_node_pcm_sample(void *node) { (void)node; return 0; }
EXPORT void *amp_mailbox_node_next(void *node) { (void)node; return NULL; }
EXPORT int amp_mailbox_node_is_spectral(void *node) { (void)node; return 0; }
EXPORT double amp_mailbox_node_spectral_value(void *node) { (void)node; return 0; }
EXPORT void amp_fftdiv_notify_worker(void *state) { (void)state; }

/* ---- the terminal overlay ---- */

EXPORT void *amp_kpn_overlay_create(void *streamer, const void *config) {
    (void)streamer; (void)config;
    refuse("there is no terminal overlay here; amp_graph_runtime_debug_snapshot has its numbers");
    return NULL;
}
EXPORT int amp_kpn_overlay_start(void *overlay) { (void)overlay; return AMP_E_UNSUPPORTED; }
EXPORT void amp_kpn_overlay_stop(void *overlay) { (void)overlay; }
EXPORT void amp_kpn_overlay_destroy(void *overlay) { (void)overlay; }

/* ---- streams of spectra ---- */

static const char no_stream[] = "there are no FFT streams here; amp_fft_backend_transform is served";

EXPORT void *amp_fft_backend_stream_create(int n, int window, int hop, int kind) {
    (void)n; (void)window; (void)hop; (void)kind;
    refuse(no_stream);
    return NULL;
}
EXPORT void *amp_fft_backend_stream_create_inverse(int n, int window, int hop, int kind) {
    (void)n; (void)window; (void)hop; (void)kind;
    refuse(no_stream);
    return NULL;
}
EXPORT void amp_fft_backend_stream_destroy(void *h) { (void)h; }
EXPORT size_t amp_fft_backend_stream_push(void *h, const double *pcm, size_t samples, int n, double *re, double *im, size_t frames, int flush) {
    (void)h; (void)pcm; (void)samples; (void)n; (void)re; (void)im; (void)frames; (void)flush;
    return 0;
}
EXPORT size_t amp_fft_backend_stream_push_spectrum(void *h, const double *re, const double *im, size_t frames, int n, double *pcm, size_t samples, int flush) {
    (void)h; (void)re; (void)im; (void)frames; (void)n; (void)pcm; (void)samples; (void)flush;
    return 0;
}
EXPORT size_t amp_fft_backend_stream_pending_pcm(void *h) { (void)h; return 0; }
EXPORT int amp_fft_backend_has_hook(void) { return 0; }
EXPORT int amp_fft_backend_transform_many_ex(const double *in_re, const double *in_im, double *out_re, double *out_im, int n, int batch,
                                             int inverse, int window, int hop, int apply, int analysis, int synthesis) {
    (void)in_re; (void)in_im; (void)out_re; (void)out_im; (void)n; (void)batch; (void)inverse;
    (void)window; (void)hop; (void)apply; (void)analysis; (void)synthesis;
    refuse(no_stream);
    return 0; /* AMP's word for failure here */
}

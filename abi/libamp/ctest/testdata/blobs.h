/* Descriptor and plan blobs: little-endian, no padding. */
#ifndef BLOBS_H
#define BLOBS_H

typedef struct { uint8_t *data; size_t size; } blob;

static void bytes(blob *b, const void *p, size_t n) {
    b->data = realloc(b->data, b->size + n + 1);
    memcpy(b->data + b->size, p, n);
    b->size += n;
}

static void u32(blob *b, uint32_t v) {
    uint8_t le[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    bytes(b, le, 4);
}

static void f64(blob *b, double x) {
    uint64_t v;
    memcpy(&v, &x, 8);
    u32(b, (uint32_t)v);
    u32(b, (uint32_t)(v >> 32));
}

/* A node with one audio input and one parameter at most. */
static inline void node_record(blob *b, const char *name, const char *type, const char *input, const char *param, const double *values,
                        uint32_t frames, const char *json) {
    u32(b, 0);
    u32(b, (uint32_t)strlen(name));
    u32(b, (uint32_t)strlen(type));
    u32(b, input ? 1 : 0);
    u32(b, 0);
    u32(b, param ? 1 : 0);
    u32(b, 0);
    u32(b, (uint32_t)strlen(json));
    bytes(b, name, strlen(name));
    bytes(b, type, strlen(type));
    if (input) {
        u32(b, (uint32_t)strlen(input));
        bytes(b, input, strlen(input));
    }
    if (param) {
        u32(b, (uint32_t)strlen(param));
        u32(b, 1);
        u32(b, 1);
        u32(b, frames);
        u32(b, 8 * frames);
        u32(b, 0);
        bytes(b, param, strlen(param));
        for (uint32_t n = 0; n < frames; n++) f64(b, values[n]);
    }
    bytes(b, json, strlen(json));
}

static inline void plan_head(blob *b, uint32_t version, uint32_t nodes) {
    bytes(b, "AMPL", 4);
    u32(b, version);
    u32(b, nodes);
}

static inline void plan_node(blob *b, uint32_t version, const char *name, uint32_t delay, uint32_t oversample) {
    u32(b, 0);
    u32(b, (uint32_t)strlen(name));
    u32(b, 0);
    u32(b, 1);
    u32(b, 0);
    if (version > 1) {
        u32(b, delay);
        u32(b, oversample);
    }
    bytes(b, name, strlen(name));
}

/* An audio edge of version 3 with one gate. */
static inline void plan_edge(blob *b, const char *source, const char *target, uint32_t delay, float scale, uint32_t gate) {
    uint32_t bits;
    memcpy(&bits, &scale, 4);
    u32(b, (uint32_t)strlen(source));
    u32(b, (uint32_t)strlen(target));
    u32(b, 0);
    u32(b, delay);
    u32(b, bits);
    u32(b, 0xffffffffu);
    u32(b, 1);
    u32(b, gate);
    bytes(b, source, strlen(source));
    bytes(b, target, strlen(target));
}

#endif

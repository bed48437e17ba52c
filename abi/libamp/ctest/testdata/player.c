/* An example of a host: plays a WAV file through a graph, block by block, as a
 * plug-in's process call does.
 *
 *   make lib && cc -Ibuild player.c -Lbuild -lamp -lm -o player
 *   LD_LIBRARY_PATH=build ./player TARGET.fit/graph.json in.wav out.wav
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amp.h"

enum { MOST = 256 }; /* frames of a block, as a sound card asks for them */

static int fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, amp_last_error());
    return 1;
}

static uint32_t le(const unsigned char *p, int bytes) {
    uint32_t v = 0;
    while (bytes--) v = v << 8 | p[bytes];
    return v;
}

static void put(unsigned char *p, uint32_t v, int bytes) {
    for (int i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> 8 * i);
}

/* Reads up to the samples of a WAV file of float32; they follow. */
static int head(FILE *f, uint32_t *rate, uint32_t *channels, uint32_t *frames) {
    unsigned char b[16];
    if (fread(b, 1, 12, f) != 12 || memcmp(b, "RIFF", 4) || memcmp(b + 8, "WAVE", 4)) return 0;
    for (*channels = 0; fread(b, 1, 8, f) == 8;) {
        uint32_t size = le(b + 4, 4);
        if (memcmp(b, "data", 4) == 0) {
            if (*channels) *frames = size / (4 * *channels);
            return *channels > 0;
        }
        if (memcmp(b, "fmt ", 4) == 0 && size >= 16) {
            if (fread(b, 1, 16, f) != 16 || le(b + 14, 2) != 32) return 0;
            *channels = le(b + 2, 2);
            *rate = le(b + 4, 4);
            size -= 16;
        }
        if (fseek(f, (long)(size + (size & 1)), SEEK_CUR)) return 0;
    }
    return 0;
}

static void write_head(FILE *f, uint32_t rate, uint32_t channels, uint32_t frames) {
    unsigned char b[44] = "RIFF....WAVEfmt ";
    put(b + 4, 36 + 4 * channels * frames, 4);
    put(b + 16, 16, 4);
    put(b + 20, 3, 2); /* floating point */
    put(b + 22, channels, 2);
    put(b + 24, rate, 4);
    put(b + 28, 4 * channels * rate, 4);
    put(b + 32, 4 * channels, 2);
    put(b + 34, 32, 2);
    memcpy(b + 36, "data", 4);
    put(b + 40, 4 * channels * frames, 4);
    fwrite(b, 1, 44, f);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: player GRAPH.json IN.wav OUT.wav\n");
        return 2;
    }
    FILE *from = fopen(argv[2], "rb"), *to = fopen(argv[3], "wb");
    uint32_t rate = 0, channels = 0, frames = 0;
    if (!from || !to || !head(from, &rate, &channels, &frames)) {
        fprintf(stderr, "%s or %s: not a WAV file of 32 bits floating point, or it cannot be opened\n", argv[2], argv[3]);
        return 2;
    }

    /* Once: load the graph, say the rate, and ask what it gives. */
    amp_runtime_t *graph = amp_graph_runtime_create_file(argv[1]);
    if (!graph) return fail(argv[1]);
    amp_graph_runtime_set_dsp_sample_rate(graph, rate);
    double *x = malloc(sizeof(double) * MOST * channels);
    float *samples = malloc(sizeof(float) * MOST * 256); /* no output has more channels */
    amp_buffer_t in = {NULL, x, 1, channels, MOST}, out = {NULL, NULL, 0, 0, 0};
    if (!x || !samples || amp_graph_runtime_process(graph, &in, 1, &out, 1) != AMP_OK || out.channels > 256) return fail(argv[1]);
    double *y = malloc(sizeof(double) * MOST * out.channels);
    if (!y) return 1;
    write_head(to, rate, out.channels, frames);

    /* For every block: rows in, rows out. */
    for (uint32_t done = 0; done < frames;) {
        uint32_t n = frames - done < MOST ? frames - done : MOST;
        if (fread(samples, sizeof(float) * channels, n, from) != n) return fail(argv[2]);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t c = 0; c < channels; c++) x[c * n + i] = samples[i * channels + c];
        in.frames = out.frames = n;
        out.data = y;
        if (amp_graph_runtime_process(graph, &in, 1, &out, 1) != AMP_OK) return fail(argv[1]);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t c = 0; c < out.channels; c++) samples[i * out.channels + c] = (float)y[c * n + i];
        fwrite(samples, sizeof(float) * out.channels, n, to);
        done += n;
    }
    amp_graph_runtime_destroy(graph);
    free(x);
    free(y);
    free(samples);
    fclose(from);
    return fclose(to) == 0 ? 0 : 1;
}

/* Sounds staged under the name of a sampler node: played once, frame by frame,
 * from where the host moves to. */
#include "check.h"

enum { N = 4 };

/* Renders a block of the sampler "s" by AMP's first call. */
static void play(void **state, double *to) {
    amp_legacy_descriptor_t d = {"s", 1, "SamplerNode", 11, "{}", 2};
    double *y = NULL;
    int channels = 0;
    int rc = amp_run_node(&d, NULL, 1, 1, N, 48000, &y, &channels, state, NULL);
    if (rc) printf("%s\n", amp_last_error());
    CHECK(rc == 0 && channels == 2);
    memcpy(to, y, 2 * N * sizeof(double));
    amp_free(y);
}

int main(void) {
    double sound[20], y[2 * N];
    for (int i = 0; i < 20; i++) sound[i] = i % 2 ? -(i / 2 + 1) : i / 2 + 1; /* left 1..10, right its negative */
    const double *seen;
    size_t frames, at;
    uint32_t channels;
    CHECK(amp_sampler_peek("s", &seen, &frames, &channels, &at) == -2 && strlen(amp_last_error()) > 0);
    CHECK(amp_sampler_unregister("s") == -2 && amp_sampler_advance("s", 1) == -2);
    CHECK(amp_kpn_session_stage_sampler_buffer(NULL, NULL, 10, 2, "s") == -1);
    CHECK(amp_kpn_session_stage_sampler_buffer(NULL, sound, 0, 2, "s") == -1);
    CHECK(amp_kpn_session_stage_sampler_buffer(NULL, sound, 10, 2, NULL) == -1);
    CHECK(amp_kpn_session_stage_sampler_buffer(NULL, sound, 10, 2, "s") == 0);
    sound[0] = 99; /* it was copied */
    CHECK(amp_sampler_peek("s", &seen, &frames, &channels, &at) == 0);
    CHECK(frames == 10 && channels == 2 && at == 0 && seen[0] == 1 && seen[3] == -2);
    CHECK(amp_sampler_peek("s", NULL, &frames, &channels, &at) == -1);

    void *state = NULL;
    play(&state, y);
    for (int n = 0; n < N; n++) CHECK(y[2 * n] == n + 1 && y[2 * n + 1] == -(n + 1));
    CHECK(amp_sampler_peek("s", &seen, &frames, &channels, &at) == 0 && at == N);
    CHECK(amp_sampler_advance("s", 2) == 0); /* skips frames 5 and 6 */
    play(&state, y);
    for (int n = 0; n < N; n++) CHECK(y[2 * n] == n + 7);
    play(&state, y);
    for (int n = 0; n < 2 * N; n++) CHECK(y[n] == 0); /* past its end */
    CHECK(amp_sampler_advance("s", 1000) == 0);
    CHECK(amp_sampler_peek("s", &seen, &frames, &channels, &at) == 0 && at == 10);
    CHECK(amp_kpn_session_stage_sampler_buffer(NULL, sound, 10, 2, "s") == 0); /* begins again */
    play(&state, y);
    CHECK(y[0] == 99 && y[2] == 2);
    CHECK(amp_sampler_unregister("s") == 0 && amp_sampler_unregister("s") == -2);
    amp_release_state(state);
    return 0;
}

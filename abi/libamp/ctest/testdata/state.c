/* The state goes on from call to call, and the way back takes the calls from
 * the newest to the oldest: as many as "record" says. */
#include "check.h"

enum { N = 64, CALLS = 4, ALL = N * CALLS };

static double x[ALL], w[ALL], whole[ALL], dwhole[ALL], dcutoff;

/* The run in one call is what every other way must give. */
static void reference(void) {
    amp_state_t *state = NULL;
    double cutoff = 900;
    amp_node_descriptor_t d = describe("OnePoleNode", NULL, 2, 1);
    amp_buffer_t in[2] = {tensor("in", x, 1, 1, ALL), tensor("cutoff_hz", &cutoff, 1, 1, 1)};
    amp_buffer_t gx[2] = {tensor("in", dwhole, 1, 1, ALL), tensor("cutoff_hz", &dcutoff, 1, 1, 1)};
    amp_buffer_t out = tensor("out", whole, 1, 1, ALL), gy = tensor("out", w, 1, 1, ALL);
    CHECK(amp_run_node_v2(&d, &state, in, &out, AMP_FORWARD, NULL) == AMP_OK);
    CHECK(amp_run_node_v2(&d, &state, &gy, gx, AMP_BACKWARD, NULL) == AMP_OK);
    amp_release_state(state);
}

static void pieces(const char *params, int kept) {
    double y[N], dx[N], dc, sum = 0, cutoff = 900;
    amp_state_t *state = NULL;
    amp_node_descriptor_t d = describe("OnePoleNode", params, 2, 1);
    amp_buffer_t in[2] = {tensor("in", NULL, 1, 1, N), tensor("cutoff_hz", &cutoff, 1, 1, 1)};
    amp_buffer_t gx[2] = {tensor("in", dx, 1, 1, N), tensor("cutoff_hz", &dc, 1, 1, 1)};
    amp_buffer_t out = tensor("out", y, 1, 1, N), gy = tensor("out", NULL, 1, 1, N);
    for (int k = 0; k < CALLS; k++) {
        in[0].data = x + k * N;
        CHECK(amp_run_node_v2(&d, &state, in, &out, AMP_FORWARD, NULL) == AMP_OK);
        CHECK(memcmp(y, whole + k * N, sizeof y) == 0);
    }
    for (int k = CALLS - 1; k >= CALLS - kept; k--) {
        gy.data = w + k * N;
        CHECK(amp_run_node_v2(&d, &state, &gy, gx, AMP_BACKWARD, NULL) == AMP_OK);
        for (int n = 0; n < N; n++) CLOSE(dx[n], dwhole[k * N + n], 1e-13);
        sum += dc;
    }
    if (kept == CALLS) CLOSE(sum, dcutoff, 1e-12);
    CHECK(amp_run_node_v2(&d, &state, &gy, gx, AMP_BACKWARD, NULL) == AMP_E_INVALID_ARG);
    CHECK(strlen(amp_last_error()) > 0);
    /* Walking back restored the state: forward again gives the same bits. */
    for (int k = CALLS - kept; k < CALLS; k++) {
        in[0].data = x + k * N;
        CHECK(amp_run_node_v2(&d, &state, in, &out, AMP_FORWARD, NULL) == AMP_OK);
        CHECK(memcmp(y, whole + k * N, sizeof y) == 0);
    }
    /* The first backward after a forward starts from a zero gradient of the
     * state: the same as that of the newest call before. */
    if (kept > 0) {
        gy.data = w + (CALLS - 1) * N;
        CHECK(amp_run_node_v2(&d, &state, &gy, gx, AMP_BACKWARD, NULL) == AMP_OK);
        for (int n = 0; n < N; n++) CLOSE(dx[n], dwhole[(CALLS - 1) * N + n], 1e-13);
    }
    amp_release_state(state);
}

int main(void) {
    unsigned seed = 3;
    for (int i = 0; i < ALL; i++) {
        x[i] = noise(&seed);
        w[i] = noise(&seed);
    }
    reference();
    pieces(NULL, 1);
    pieces("{\"record\": 1}", 1);
    pieces("{\"record\": 2}", 2);
    pieces("{\"record\": -1}", CALLS);
    pieces("{\"record\": 0}", 0);
    return 0;
}

/* Two threads with a state each run at the same time, and have an error each. */
#include <pthread.h>

#include "check.h"

enum { N = 64, CALLS = 2000 };

static void *work(void *arg) {
    double gain = *(double *)arg, x[N], y[N];
    char params[64];
    amp_state_t *state = NULL;
    CHECK(strlen(amp_last_error()) == 0); /* a thread begins without one */
    snprintf(params, sizeof params, "{\"gain\": %g, \"record\": 2}", gain);
    amp_node_descriptor_t d = describe("GainNode", params, 1, 1);
    amp_buffer_t in = tensor("in", x, 1, 1, N), out = tensor("out", y, 1, 1, N);
    for (int k = 0; k < CALLS; k++) {
        for (int n = 0; n < N; n++) x[n] = k + n;
        CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, NULL) == AMP_OK);
        for (int n = 0; n < N; n++) CLOSE(y[n], gain * (k + n), 1e-9);
        if (k % 100 == 0) {
            char name[32];
            snprintf(name, sizeof name, "Missing%g", gain);
            CHECK(amp_describe_node_type(name) == NULL);
            CHECK(strstr(amp_last_error(), name));
        }
    }
    amp_release_state(state);
    return NULL;
}

int main(void) {
    double gains[2] = {2, 3};
    pthread_t t[2];
    CHECK(amp_describe_node_type("MissingInMain") == NULL);
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&t[i], NULL, work, &gains[i]) == 0);
    for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
    CHECK(strstr(amp_last_error(), "MissingInMain")); /* whatever happened elsewhere */
    return 0;
}

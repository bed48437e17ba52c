/* A million calls, render-only and with one call kept, need no more memory than
 * the first thousands. Prints the microseconds of a call. */
#include <time.h>

#include "check.h"

enum { N = 16 };

/* Resident kilobytes, 0 where /proc does not tell. */
static long resident(void) {
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return 0;
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "VmRSS:", 6) == 0) kb = strtol(line + 6, NULL, 10);
    fclose(f);
    return kb;
}

static void calls(const char *params, int count) {
    double x[N] = {1}, y[N];
    amp_state_t *state = NULL;
    amp_node_descriptor_t d = describe("OnePoleNode", params, 1, 1);
    amp_buffer_t in = tensor("in", x, 1, 1, N), out = tensor("out", y, 1, 1, N);
    long before = 0;
    clock_t start = clock();
    for (int k = 0; k < count; k++) {
        CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, NULL) == AMP_OK);
        if (k == count / 5) before = resident();
    }
    long after = resident();
    printf("%s: %.2f us per call, %ld kB, then %ld kB\n", params, 1e6 * (double)(clock() - start) / CLOCKS_PER_SEC / count, before, after);
    CHECK(after < before + 8192);
    amp_release_state(state);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 1000000;
    calls("{\"record\": 0}", count);
    calls("{\"record\": 1}", count);
    return 0;
}

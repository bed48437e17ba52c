/* A fit recovers a gain and a cutoff, tells its progress, and stops when asked. */
#include "check.h"

enum { N = 4096 };

static int steps;
static int count(void *user, uint32_t step, double loss, double fraction) {
    (void)step;
    CHECK(loss >= 0 && fraction >= 0 && fraction <= 1);
    steps++;
    return user && steps >= *(int *)user;
}

static double number(const char *text, const char *key) {
    const char *p = strstr(text, key);
    CHECK(p);
    p = strchr(p, ':');
    return strtod(p + 1 + strspn(p + 1, " [\n"), NULL);
}

int main(void) {
    static double x[N], y[N];
    unsigned seed = 11;
    amp_state_t *state = NULL;
    amp_node_descriptor_t d = describe("OnePoleNode", "{\"cutoff_hz\": 2000}", 1, 1);
    amp_buffer_t in = tensor("in", x, 1, 1, N), out = tensor("out", y, 1, 1, N);
    for (int n = 0; n < N; n++) x[n] = noise(&seed);
    CHECK(amp_run_node_v2(&d, &state, &in, &out, AMP_FORWARD, NULL) == AMP_OK);
    amp_release_state(state);
    const char *graph = "{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\"},"
                        "{\"name\": \"lp\", \"type\": \"OnePoleNode\", \"params\": {\"cutoff_hz\": {\"value\": 500, \"learn\": true}}}],"
                        "\"edges\": [{\"source\": \"in\", \"target\": \"lp\"}]}";
    char *result = NULL;
    int code = amp_fit(graph, y, x, 1, 1, N, 48000, "{\"steps\": 60}", count, NULL, &result);
    CHECK(code == AMP_OK);
    CHECK(result && steps > 0);
    CHECK(strstr(result, "\"values\""));
    CLOSE(number(strstr(result, "\"values\""), "\"cutoff_hz\""), 2000, 1);
    CHECK(number(result, "\"final\"") < 1e-6);
    CHECK(strstr(result, "\"stopped\":false"));
    amp_free_text(result);

    int limit = 2;
    steps = 0;
    CHECK(amp_fit(graph, y, x, 1, 1, N, 48000, NULL, count, &limit, &result) == AMP_OK);
    CHECK(result && strstr(result, "\"stopped\":true"));
    CHECK(steps < 10);
    amp_free_text(result);

    CHECK(amp_fit(NULL, y, x, 1, 1, N, 48000, NULL, NULL, NULL, &result) == AMP_E_INVALID_ARG);
    CHECK(amp_fit(graph, y, NULL, 1, 0, N, 48000, NULL, NULL, NULL, &result) != AMP_OK && result == NULL);
    CHECK(strlen(amp_last_error()) > 0);
    CHECK(amp_fit("{", y, x, 1, 1, N, 48000, NULL, NULL, NULL, &result) == AMP_E_INVALID_ARG);
    CHECK(amp_fit(graph, y, x, 1, 1, N, 48000, "{\"optimizer\": \"nothing\"}", NULL, NULL, &result) == AMP_E_INVALID_ARG);
    return 0;
}

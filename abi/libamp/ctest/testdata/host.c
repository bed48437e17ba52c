/* An example of a host: renders a filter, differentiates it, and fits it.
 *
 *   make lib && cc -Ibuild host.c -Lbuild -lamp -lm && LD_LIBRARY_PATH=build ./a.out
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "amp.h"

enum { FRAMES = 2048 };

static int progress(void *user, uint32_t step, double loss, double fraction) {
    (void)user;
    (void)fraction;
    if (step % 10 == 0) printf("step %u: loss %g\n", (unsigned)step, loss);
    return 0; /* non-zero would stop the fit */
}

int main(void) {
    static double x[FRAMES], y[FRAMES], dy[FRAMES], dx[FRAMES];
    double cutoff = 1500, dcutoff;
    for (int n = 0; n < FRAMES; n++) x[n] = n % 64 == 0;

    /* Render. The state is made by the first call. */
    amp_node_descriptor_t node;
    memset(&node, 0, sizeof node);
    node.struct_size = sizeof node;
    node.abi_version = 2;
    node.name = "lp";
    node.type_name = "OnePoleNode";
    node.sample_rate = 48000;
    node.oversample_ratio = 1;
    node.supports_v2 = 1;
    node.input_count = 2;
    node.output_count = 1;
    amp_buffer_t in[2] = {{"in", x, 1, 1, FRAMES}, {"cutoff_hz", &cutoff, 1, 1, 1}};
    amp_buffer_t out[1] = {{"out", y, 1, 1, FRAMES}};
    amp_state_t *state = NULL;
    if (amp_run_node_v2(&node, &state, in, out, AMP_FORWARD, NULL) != AMP_OK) {
        fprintf(stderr, "%s\n", amp_last_error());
        return 1;
    }

    /* Differentiate the energy of the output by the input and the cutoff. */
    for (int n = 0; n < FRAMES; n++) dy[n] = 2 * y[n];
    amp_buffer_t gout[1] = {{"out", dy, 1, 1, FRAMES}};
    amp_buffer_t gin[2] = {{"in", dx, 1, 1, FRAMES}, {"cutoff_hz", &dcutoff, 1, 1, 1}};
    if (amp_run_node_v2(&node, &state, gout, gin, AMP_BACKWARD, NULL) != AMP_OK) {
        fprintf(stderr, "%s\n", amp_last_error());
        return 1;
    }
    printf("the energy grows by %g per Hz\n", dcutoff);
    amp_release_state(state);

    /* Fit a filter that starts elsewhere to what was rendered. */
    char *result = NULL;
    if (amp_fit("{\"nodes\": [{\"name\": \"in\", \"type\": \"InputNode\"},"
                " {\"name\": \"lp\", \"type\": \"OnePoleNode\", \"params\": {\"cutoff_hz\": {\"value\": 300, \"learn\": true}}}],"
                " \"edges\": [{\"source\": \"in\", \"target\": \"lp\"}]}",
                y, x, 1, 1, FRAMES, 48000, NULL, progress, NULL, &result) != AMP_OK) {
        fprintf(stderr, "%s\n", amp_last_error());
        return 1;
    }
    printf("%s\n", result);
    amp_free_text(result);
    return dcutoff > 0 ? 0 : 1;
}

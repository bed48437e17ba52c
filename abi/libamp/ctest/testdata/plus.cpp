// A C++ program from amp.h alone.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "amp.h"

struct Release {
    void operator()(amp_runtime_t *r) const { amp_graph_runtime_destroy(r); }
};

int main() {
    std::unique_ptr<amp_runtime_t, Release> r(amp_graph_runtime_create_json(R"({
        "nodes": [{"name": "g", "type": "ConstantNode", "params": {"value": 0.25}}],
        "edges": [], "output": "g"})"));
    if (!r || amp_graph_runtime_configure(r.get(), 1, 8) != AMP_OK) {
        std::fprintf(stderr, "%s\n", amp_last_error());
        return 1;
    }
    double *y = nullptr;
    std::uint32_t batches = 0, channels = 0, frames = 0;
    if (amp_graph_runtime_execute(r.get(), nullptr, 0, 0, 48000, &y, &batches, &channels, &frames) != AMP_OK || frames != 8 || y[7] != 0.25) {
        std::fprintf(stderr, "%s\n", amp_last_error());
        return 1;
    }

    std::vector<double> x(16, 1.0), out(16), dx(16);
    amp_node_descriptor_t d{};
    d.struct_size = sizeof d;
    d.abi_version = 2;
    d.name = "tanh";
    d.type_name = "TanhNode";
    d.params_json = R"({"drive": 2})";
    d.sample_rate = 48000;
    d.oversample_ratio = 1;
    d.supports_v2 = 1;
    d.input_count = d.output_count = 1;
    amp_buffer_t in{"in", x.data(), 1, 1, 16}, o{"out", out.data(), 1, 1, 16}, g{"in", dx.data(), 1, 1, 16};
    amp_state_t *state = nullptr;
    if (amp_run_node_v2(&d, &state, &in, &o, AMP_FORWARD, nullptr) != AMP_OK || amp_run_node_v2(&d, &state, &o, &g, AMP_BACKWARD, nullptr) != AMP_OK) {
        std::fprintf(stderr, "%s\n", amp_last_error());
        return 1;
    }
    amp_release_state(state);
    return out[3] > 0 && dx[3] > 0 ? 0 : 1;
}

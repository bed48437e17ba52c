/* Libraries that are opened after the program has started, as plug-in hosts
 * and other languages open them: each argument is one. They are negotiated with
 * by dlsym, used in this thread and in another, and closed. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amp.h"

#define CHECK(cond)                                                     \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            exit(1);                                                    \
        }                                                               \
    } while (0)

enum { N = 32 };

typedef struct {
    const char *(*last_error)(void);
    char *(*describe)(const char *);
    void (*free_text)(char *);
    amp_runtime_t *(*create)(const char *);
    void (*destroy)(amp_runtime_t *);
    int (*execute)(amp_runtime_t *, const uint8_t *, size_t, int, double, double **, uint32_t *, uint32_t *, uint32_t *);
} calls;

/* A function of a library; C has no cast from data to functions. */
static void *find(void *library, const char *name, void *to) {
    void *at = dlsym(library, name);
    memcpy(to, &at, sizeof at);
    return at;
}

static void use(calls *c) {
    CHECK(c->describe("NoSuchNode") == NULL);
    CHECK(strstr(c->last_error(), "NoSuchNode"));
    char *text = c->describe("GainNode");
    CHECK(text && strstr(text, "gain"));
    c->free_text(text);
    amp_runtime_t *r = c->create("{\"nodes\": [{\"name\": \"one\", \"type\": \"ConstantNode\", \"params\": {\"value\": 0.25}}]}");
    CHECK(r);
    double *y = NULL;
    uint32_t shape[3];
    CHECK(c->execute(r, NULL, 0, N, 48000, &y, &shape[0], &shape[1], &shape[2]) == AMP_OK);
    CHECK(shape[2] == N);
    for (int n = 0; n < N; n++) CHECK(y[n] == 0.25);
    CHECK(strlen(c->last_error()) == 0);
    c->destroy(r);
}

static void *work(void *arg) {
    calls *c = arg;
    CHECK(strlen(c->last_error()) == 0); /* the other thread's error is not ours */
    use(c);
    CHECK(c->describe("AnotherMissingNode") == NULL);
    CHECK(strstr(c->last_error(), "AnotherMissingNode"));
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc > 1);
    for (int i = 1; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        calls c;
        uint32_t (*version)(void);
        CHECK(find(library, "amp_abi_version", &version) && version() == 2);
        CHECK(dlsym(library, "amp_run_node") && dlsym(library, "amp_run_node_v2"));
        CHECK(find(library, "amp_last_error", &c.last_error));
        CHECK(find(library, "amp_describe_node_type", &c.describe) && find(library, "amp_free_text", &c.free_text));
        CHECK(find(library, "amp_graph_runtime_create_json", &c.create) && find(library, "amp_graph_runtime_destroy", &c.destroy));
        CHECK(find(library, "amp_graph_runtime_execute", &c.execute));
        use(&c);
        CHECK(c.describe("MissingHere") == NULL);
        for (int k = 0; k < 8; k++) {
            pthread_t t;
            CHECK(pthread_create(&t, NULL, work, &c) == 0);
            CHECK(pthread_join(t, NULL) == 0);
        }
        CHECK(strstr(c.last_error(), "MissingHere"));
        CHECK(dlclose(library) == 0);
    }
    return 0;
}

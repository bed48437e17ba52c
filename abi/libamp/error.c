/* The last error of each thread. The text lies on the heap, and the thread
 * keeps a pointer to it by a key made at run time: a library that is opened by
 * dlopen gets only a few hundred bytes of thread-local storage, if any. A
 * thread's text is freed when the thread ends.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#define EXPORT __declspec(dllexport)
#define HIDDEN
#else
#include <pthread.h>
#define EXPORT
#define HIDDEN __attribute__((visibility("hidden")))
#endif

enum { LIMIT = 2048 };

#ifdef _WIN32
static DWORD key = FLS_OUT_OF_INDEXES;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static void NTAPI forget(void *text) { free(text); }

static BOOL CALLBACK make_key(INIT_ONCE *o, void *argument, void **context) {
    (void)o, (void)argument, (void)context;
    key = FlsAlloc(forget);
    return TRUE;
}

static char *load(void) {
    InitOnceExecuteOnce(&once, make_key, NULL, NULL);
    return key == FLS_OUT_OF_INDEXES ? NULL : FlsGetValue(key);
}

static int store(char *text) { return key != FLS_OUT_OF_INDEXES && FlsSetValue(key, text); }
#else
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int made;

static void make_key(void) { made = pthread_key_create(&key, free) == 0; }

static char *load(void) {
    pthread_once(&once, make_key);
    return made ? pthread_getspecific(key) : NULL;
}

static int store(char *text) { return made && pthread_setspecific(key, text) == 0; }
#endif

EXPORT const char *amp_last_error(void) {
    const char *text = load();
    return text ? text : "";
}

HIDDEN void amp_set_last_error(const char *text, size_t n) {
    char *own = load();
    if (!own) {
        if (n == 0) return; /* threads without an error need no memory */
        own = malloc(LIMIT);
        if (!own) return;
        if (!store(own)) {
            free(own);
            return;
        }
    }
    if (n >= LIMIT) n = LIMIT - 1;
    if (n) memcpy(own, text, n);
    own[n] = 0;
}

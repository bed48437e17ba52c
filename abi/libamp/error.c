/* The last error of each thread. */
#include <stddef.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#define HIDDEN
#else
#define EXPORT
#define HIDDEN __attribute__((visibility("hidden")))
#endif

static _Thread_local char last_error[2048];

EXPORT const char *amp_last_error(void) { return last_error; }

HIDDEN void amp_set_last_error(const char *text, size_t n) {
    if (n >= sizeof last_error) n = sizeof last_error - 1;
    if (n) memcpy(last_error, text, n);
    last_error[n] = 0;
}

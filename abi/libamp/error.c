#include <stddef.h>
/* The last error of each thread. */
#include <string.h>

static _Thread_local char last_error[2048];

const char *amp_last_error(void) { return last_error; }

__attribute__((visibility("hidden"))) void amp_set_last_error(const char *text, size_t n) {
    if (n >= sizeof last_error) n = sizeof last_error - 1;
    memcpy(last_error, text, n);
    last_error[n] = 0;
}

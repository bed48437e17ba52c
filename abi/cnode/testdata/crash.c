/* A library that does not survive being loaded. */
#include <stdlib.h>
__attribute__((constructor)) static void start(void) { abort(); }
int amp_run_node(void);
int amp_run_node(void) { return 0; }

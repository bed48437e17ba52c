/* Descriptions that are none. */
#include <string.h>
int amp_run_node(void);
int amp_run_node(void) { return -3; }
const char *amp_describe_node_type(const char *type);
const char *amp_describe_node_type(const char *type) {
    if (strcmp(type, "NoOutput") == 0) return "{\"outputs\": []}";
    if (strcmp(type, "NoRange") == 0) return "{\"params\": [{\"name\": \"p\", \"min\": 1, \"max\": 1}]}";
    if (strcmp(type, "NoName") == 0) return "{\"params\": [{\"min\": 1, \"max\": 2}]}";
    return "{\"params\":";
}

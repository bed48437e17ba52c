/* Descriptions, most of which are none. */
#include <string.h>
int amp_run_node(void);
int amp_run_node(void) { return -3; }
const char *amp_describe_node_type(const char *type);
const char *amp_describe_node_type(const char *type) {
    if (strcmp(type, "NoOutput") == 0) return "{\"outputs\": []}";
    if (strcmp(type, "NoRange") == 0) return "{\"params\": [{\"name\": \"p\", \"min\": 1, \"max\": 1}]}";
    if (strcmp(type, "NoName") == 0) return "{\"params\": [{\"min\": 1, \"max\": 2}]}";
    if (strcmp(type, "NoRole") == 0) return "{\"params\": [{\"name\": \"p\", \"role\": \"pich\"}]}";
    if (strcmp(type, "OddRole") == 0) return "{\"params\": [{\"name\": \"p\", \"role\": \"xyz\"}]}";
    if (strcmp(type, "NoWave") == 0) return "{\"wave\": \"triangel\"}";
    if (strcmp(type, "Moves") == 0) return "{\"wave\": \"triangle\", \"params\": [{\"name\": \"how_often\", \"role\": \"rate\"}, {\"name\": \"p\"}]}";
    return "{\"params\":";
}

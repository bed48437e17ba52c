/* A library that forgets the first interface. */
int amp_abi_version(void);
int amp_run_node_v2(void);
void amp_release_state(void *state);
int amp_abi_version(void) { return 2; }
int amp_run_node_v2(void) { return 0; }
void amp_release_state(void *state) { (void)state; }

/* A library without any node. */
int nothing(void);
int nothing(void) { return 0; }

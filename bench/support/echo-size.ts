/** Bytes of a message that is echoed. */
export const ECHO_BYTES = 100;

import * as host from './host-targets.js';
import * as http2 from './http2-targets.js';
import * as http3 from './http3-targets.js';
import * as quic from './quic-targets.js';
import type { FuzzTarget } from './target.js';

/** All codecs that read what others wrote. */
export const targets: readonly FuzzTarget[] = [quic, http3, http2, host].flatMap((module) => Object.values(module));

import * as host from './host-targets.js';
import * as http3 from './http3-targets.js';
import * as quic from './quic-targets.js';
import type { FuzzTarget } from './target.js';

/** All codecs that read what others wrote. */
export const targets: readonly FuzzTarget[] = [quic, http3, host].flatMap((module) => Object.values(module));

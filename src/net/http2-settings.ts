import type { ServerHttp2Session } from 'node:http2';
import type { PeerLimits } from '../http2/peer-limits.js';

/** What a stream may be ahead of what is read, and all streams of a session, bytes. */
const STREAM_WINDOW = 1024 * 1024;
export const SESSION_WINDOW = 2 * 1024 * 1024;
/** What a client may send and open. */
export const OWN_LIMITS: PeerLimits = {
  data: SESSION_WINDOW,
  streamDataUni: STREAM_WINDOW,
  streamDataBidi: STREAM_WINDOW,
  streamsUni: 100,
  streamsBidi: 100,
};
/** Requests of a connection at once. */
const MOST_STREAMS = 100;
/** SETTINGS_WT_INITIAL_MAX_… (draft-ietf-webtrans-http2 section 3.4). */
const Setting = { DATA: 0x2b61, STREAM_UNI: 0x2b62, STREAM_BIDI: 0x2b63, STREAMS_UNI: 0x2b64, STREAMS_BIDI: 0x2b65 };
/** Of `node:http2`. */
export const HTTP2_OPTIONS = {
  settings: {
    enableConnectProtocol: true,
    initialWindowSize: SESSION_WINDOW,
    maxConcurrentStreams: MOST_STREAMS,
    customSettings: {
      [Setting.DATA]: OWN_LIMITS.data,
      [Setting.STREAM_UNI]: OWN_LIMITS.streamDataUni,
      [Setting.STREAM_BIDI]: OWN_LIMITS.streamDataBidi,
      [Setting.STREAMS_UNI]: OWN_LIMITS.streamsUni,
      [Setting.STREAMS_BIDI]: OWN_LIMITS.streamsBidi,
    },
  },
  remoteCustomSettings: Object.values(Setting),
};

/** What a client of HTTP/2 said in its SETTINGS. */
export function peerLimits({ remoteSettings: { customSettings = {} } }: ServerHttp2Session): PeerLimits {
  return {
    data: customSettings[Setting.DATA] ?? 0,
    streamDataUni: customSettings[Setting.STREAM_UNI] ?? 0,
    streamDataBidi: customSettings[Setting.STREAM_BIDI] ?? 0,
    streamsUni: customSettings[Setting.STREAMS_UNI] ?? 0,
    streamsBidi: customSettings[Setting.STREAMS_BIDI] ?? 0,
  };
}

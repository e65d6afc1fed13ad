/** What one side lets the other send: its SETTINGS (draft-ietf-webtrans-http2 section 3.4), bytes and streams. */
export interface PeerLimits {
  data: number;
  streamDataUni: number;
  streamDataBidi: number;
  streamsUni: number;
  streamsBidi: number;
}

/** A peer that says nothing in SETTINGS allows nothing; its capsules do. */
export const NO_LIMITS: PeerLimits = { data: 0, streamDataUni: 0, streamDataBidi: 0, streamsUni: 0, streamsBidi: 0 };

/**
 * What an endpoint has to know of a packet before its connection does: the invariants of RFC 8999 and the form of an
 * Initial (RFC 9000 section 17.2.2). One object is filled again and again; slices point into the packet.
 */
export const QUIC_VERSION_1 = 0x00000001;
/** RFC 9000 section 14.1: a server drops Initials in UDP payloads shorter than this. */
export const MIN_INITIAL_SIZE = 1200;
const MAX_CID_LENGTH = 20;

/** RFC 9000 section 17.2: the form bit. */
export const hasLongHeader = (packet: Uint8Array): boolean => (packet[0] & 0x80) !== 0;

export class PacketHeader {
  isLong = false;
  version = 0;
  /** Offset and length of the destination connection ID in the packet. */
  dcidAt = 0;
  dcidLength = 0;
  scidAt = 0;
  scidLength = 0;
  isInitial = false;
  tokenAt = 0;
  tokenLength = 0;

  /**
   * Parses `packet`; short headers carry IDs of `localCidLength` bytes.
   * @returns false where the packet is malformed.
   */
  parse(packet: Uint8Array, localCidLength: number): boolean {
    if (packet.length < 1) return false;
    const first = packet[0];
    this.isLong = hasLongHeader(packet);
    if (!this.isLong) {
      this.dcidAt = 1;
      this.dcidLength = localCidLength;
      // Fixed bit, and enough bytes for header protection's sample (RFC 9001 section 5.4.2).
      return (first & 0x40) !== 0 && packet.length >= 1 + localCidLength + 4;
    }
    if (packet.length < 7) return false;
    this.version = ((packet[1] << 24) | (packet[2] << 16) | (packet[3] << 8) | packet[4]) >>> 0;
    let at = 5;
    this.dcidLength = packet[at++];
    this.dcidAt = at;
    at += this.dcidLength;
    if (at >= packet.length) return false;
    this.scidLength = packet[at++];
    this.scidAt = at;
    at += this.scidLength;
    if (at > packet.length) return false;
    this.isInitial = false;
    this.tokenLength = 0;
    // Other versions may have longer IDs (RFC 8999); in version 1 they end at 20 bytes.
    if (this.version !== QUIC_VERSION_1) return true;
    if (this.dcidLength > MAX_CID_LENGTH || this.scidLength > MAX_CID_LENGTH) return false;
    this.isInitial = (first & 0x30) === 0;
    if (this.isInitial) {
      const tokenLength = readTokenLength(packet, at);
      if (tokenLength < 0) return false;
      this.tokenAt = at + (1 << (packet[at] >> 6));
      this.tokenLength = tokenLength;
      if (this.tokenAt + tokenLength > packet.length) return false;
    }
    return true;
  }
}

function readTokenLength(packet: Uint8Array, at: number): number {
  if (at >= packet.length) return -1;
  const length = 1 << (packet[at] >> 6);
  // A token longer than 16383 bytes does not fit a UDP payload anyone sends.
  if (length > 2 || at + length > packet.length) return -1;
  return length === 1 ? packet[at] & 0x3f : ((packet[at] & 0x3f) << 8) | packet[at + 1];
}

/**
 * A Version Negotiation packet (RFC 9000 section 17.2.1) in answer to `header`'s: IDs swapped, version 1 and a
 * reserved one (section 15) on offer.
 */
export function versionNegotiation(packet: Uint8Array, header: PacketHeader, random: number): Uint8Array {
  const out = new Uint8Array(7 + header.dcidLength + header.scidLength + 8);
  out[0] = 0xc0 | (random & 0x3f);
  let at = 5;
  out[at++] = header.scidLength;
  out.set(packet.subarray(header.scidAt, header.scidAt + header.scidLength), at);
  at += header.scidLength;
  out[at++] = header.dcidLength;
  out.set(packet.subarray(header.dcidAt, header.dcidAt + header.dcidLength), at);
  at += header.dcidLength;
  out.set([0, 0, 0, 1], at);
  const grease = 0x0a0a0a0a | (((random & 0xf0f0f0f0) >>> 0) as number);
  out.set([(grease >>> 24) & 0xff, (grease >>> 16) & 0xff, (grease >>> 8) & 0xff, grease & 0xff], at + 4);
  return out;
}

/** A shard that is busy for less of its time could have taken what was lost: its socket's buffer is too small for bursts. */
const BUSY = 0.9;
/**
 * Of what was received so much has to be of established connections: under a flood of strangers' packets, whoever they say they are from, there is no loss
 * that turning clients away would end.
 */
const OF_CONNECTIONS = 0.5;

/** What came to the host's sockets since they were opened, and the time in which its shards were busy. */
export interface ReceivedSoFar {
  /** ms. */
  at: number;
  /** Packets that the shards took; those among them that are of established connections; those that the kernel had no room for. */
  received: number;
  ofConnections: number;
  dropped: number;
  /** Of each shard, µs. */
  busyMicroseconds: readonly number[];
}

/**
 * The share of clients' packets that is lost in front of the host because its shards can't keep up with them. It is the surest sign
 * that a host is over what it carries, whatever capacity was configured or learned: a thread that reads all the time lags in
 * nothing, while packets wait in front of it until there is no room. Sans-IO.
 */
export class ReceiveLoss {
  #before: ReceivedSoFar | null = null;

  /** Takes a look, and says what share was lost since the one before, 0..1. */
  look(now: ReceivedSoFar): number {
    const before = this.#before;
    this.#before = now;
    if (before === null) return 0;
    const lost = now.dropped - before.dropped;
    const received = now.received - before.received;
    // A shard that starts again begins to count anew, and one that ended takes its socket's count along.
    if (lost <= 0 || received < 0) return 0;
    const span = (now.at - before.at) * 1000;
    const isBusy = now.busyMicroseconds.some((busy, i) => busy - (before.busyMicroseconds[i] ?? 0) >= BUSY * span);
    const isLoad = now.ofConnections - before.ofConnections >= OF_CONNECTIONS * received;
    return isBusy && isLoad ? lost / (lost + received) : 0;
  }
}

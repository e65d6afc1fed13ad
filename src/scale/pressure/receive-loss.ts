/** A shard that is busy for less of its time could have taken what was lost: its socket's buffer is too small for bursts. */
const BUSY = 0.9;

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
 * nothing, while packets wait in front of it until there is no room. What a flood of strangers' packets pushes out does not count,
 * whoever they say they are from: turning clients away would not end it. Sans-IO.
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
    const ofConnections = (now.ofConnections - before.ofConnections) / (received || 1);
    // As many as came of connections would have been taken, had nobody else sent any: what is above that is lost by their own doing.
    const load = ofConnections * (received + lost);
    return isBusy && load > received ? (load - received) / load : 0;
  }
}

/** By which a client reaches a host. */
export interface Transports {
  /** Instead of the platform's WebTransport. */
  webTransport?: typeof WebTransport;
  /**
   * Brings another WebTransport where the platform has none, or UDP does not get through: `tidegate/client/fallback` has one
   * over WebSocket and HTTP/2.
   */
  fallback?: () => Promise<typeof WebTransport>;
  /** ms after which the fallback is tried beside a WebTransport that is not ready yet; the first that is ready is taken. */
  fallbackAfterMs?: number;
}

/** A handshake and a request are three round trips: enough for the far side of the world, and a lost packet. */
const PATIENCE_MS = 2000;

/** How long it is remembered that UDP did not get through, as networks change (RFC 8305 section 4 has 10 minutes). */
const MEMORY_MS = 600_000;

/** Hosts (`name:port`) that only the fallback reached, with the time (`performance.now`) until which that is remembered. */
const withoutUdp = new Map<string, number>();

/** Resolves when it is ready; `late` closes it, then or before. */
async function begin(
  made: typeof WebTransport,
  url: string,
  options: WebTransportOptions,
  late: AbortSignal,
): Promise<WebTransport> {
  late.throwIfAborted();
  const transport = new made(url, options);
  late.addEventListener('abort', () => transport.close());
  // Who waits for its end asks for it; until then it is nobody's error.
  transport.closed.catch(() => {});
  await transport.ready;
  // Some take no close before.
  if (late.aborted) transport.close();
  return transport;
}

/** Whether it is ready in time. */
function isSoon(ready: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    ready
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => clearTimeout(timer));
  });
}

/**
 * A WebTransport that is ready: the platform's, or the fallback's where that fails or takes too long, as with two families of
 * addresses (Happy Eyeballs, RFC 8305). Where the fallback was needed both are begun at once the next time. Rejects with the
 * platform's error where both fail; undefined where there is neither.
 * @param late aborted: whatever was begun is closed
 */
export async function connect(
  { href, host }: URL,
  options: WebTransportOptions,
  { webTransport = globalThis.WebTransport, fallback, fallbackAfterMs = PATIENCE_MS }: Transports,
  late: AbortSignal,
): Promise<WebTransport | undefined> {
  if (webTransport === undefined) return fallback && (await begin(await fallback(), href, options, late));
  const own = begin(webTransport, href, options, late);
  if (fallback === undefined) return await own;
  const isRemembered = (withoutUdp.get(host) ?? 0) > performance.now();
  if (await isSoon(own, isRemembered ? 0 : fallbackAfterMs)) return await own;
  const other = fallback().then((made) => begin(made, href, options, late));
  const isOwn = await Promise.any([own.then(() => true), other.then(() => false)]).catch(() => true);
  if (isOwn) withoutUdp.delete(host);
  else withoutUdp.set(host, performance.now() + MEMORY_MS);
  const [taken, left] = isOwn ? [own, other] : [other, own];
  left.then(
    (transport) => transport.close(),
    () => {},
  );
  return await taken;
}

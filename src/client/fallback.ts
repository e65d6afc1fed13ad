/**
 * A WebTransport over WebSocket, for where the platform has none, or UDP does not get through:
 * `FunctionSession.open(url, { fallback: loadFallback })`. It is @fails-components/webtransport's, loaded when it is asked for.
 */
export async function loadFallback(): Promise<typeof WebTransport> {
  const library = (await import('@fails-components/webtransport')) as unknown as {
    /** In browsers. */
    WebTransportPonyfill?: typeof WebTransport;
    /** Elsewhere: HTTP/2, unless there is an HTTP/3 module. */
    WebTransport?: typeof WebTransport;
  };
  const { WebTransportPonyfill, WebTransport: other } = library;
  if (WebTransportPonyfill !== undefined) return WebTransportPonyfill;
  return class extends (other as typeof WebTransport) {
    constructor(url: string | URL, options?: WebTransportOptions) {
      super(String(url), { ...options, forceReliable: true } as WebTransportOptions);
    }
  };
}

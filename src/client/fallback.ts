interface Library {
  /** In browsers. */
  WebTransportPonyfill?: typeof WebTransport;
  /** Elsewhere: HTTP/2, unless there is an HTTP/3 module. */
  WebTransport?: typeof WebTransport;
}

/** What is being loaded, or was: two at once would each put back what the other had put in place. */
let library: Promise<Library> | null = null;

/**
 * A WebTransport over WebSocket in browsers, over HTTP/2 elsewhere, for where the platform has none or UDP does not get through:
 * `FunctionSession.open(url, { fallback: loadFallback })`. It is @fails-components/webtransport's, loaded when it is needed.
 */
export async function loadFallback(): Promise<typeof WebTransport> {
  library ??= unheard<Library>(() => import('@fails-components/webtransport') as Promise<unknown> as Promise<Library>);
  const { WebTransportPonyfill, WebTransport: other } = await library.catch((error: unknown) => {
    library = null;
    throw error;
  });
  if (WebTransportPonyfill !== undefined) return WebTransportPonyfill;
  return class extends (other as typeof WebTransport) {
    constructor(url: string | URL, options?: WebTransportOptions) {
      super(String(url), { ...options, forceReliable: true } as WebTransportOptions);
      const closed = rejectingWhereLost(this.closed);
      closed.catch(() => {});
      Object.defineProperty(this, 'closed', { value: closed });
      const inner = (this as unknown as { sessionint: { state: string } }).sessionint;
      let { state } = inner;
      Object.defineProperty(inner, 'state', {
        get: () => state,
        set: (next: string) => {
          // What drains the library takes for not open yet: `closed` would reject, and its streams not end.
          if (next !== 'draining') state = next;
        },
      });
    }
  };
}

/**
 * Where the connection breaks, over HTTP/2 `closed` is fulfilled (1.6.8), with the stream's HTTP/2 code as if the host had
 * said it: 2, INTERNAL_ERROR, would be taken for an unknown function. Such have an Error's text for their reason.
 */
async function rejectingWhereLost(closed: Promise<WebTransportCloseInfo>): Promise<WebTransportCloseInfo> {
  const info = await closed;
  if (info.reason?.startsWith('Error')) throw new Error(`the connection broke: ${info.reason}`);
  return info;
}

/**
 * Where the browser has WebTransport the library, as it loads, opens a session at example.com to see which options are known
 * (1.6.8). A page's visitors are nobody else's business: that one is not opened.
 */
async function unheard<T>(load: () => Promise<T>): Promise<T> {
  const own = globalThis.WebTransport;
  if (own === undefined) return await load();
  globalThis.WebTransport = new Proxy(own, {
    construct(made, [url, ...rest]: [string | URL, ...unknown[]], target) {
      if (new URL(url).hostname === 'example.com') throw new Error('not asked');
      return Reflect.construct(made, [url, ...rest], target);
    },
  });
  try {
    return await load();
  } finally {
    globalThis.WebTransport = own;
  }
}

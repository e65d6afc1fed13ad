import { overHttp2 } from './over-http2.js';

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
  return overHttp2(other as typeof WebTransport);
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

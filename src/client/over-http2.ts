/** What is behind the library's WebTransport. */
interface LibrarySession {
  state: string;
  onClose(event: object): void;
}

/**
 * The library's WebTransport over HTTP/2 (1.6.8, outside browsers) as the specification has it where the library does not: a session
 * that is closed early or twice, one that drains before it ends, one whose connection breaks.
 */
export function overHttp2(transport: typeof WebTransport): typeof WebTransport {
  return class extends transport {
    /** What it was closed with from here. */
    #own: WebTransportCloseInfo | null = null;

    constructor(url: string | URL, options?: WebTransportOptions) {
      super(String(url), { ...options, forceReliable: true } as WebTransportOptions);
      const closed = this.#ended(this.closed);
      closed.catch(() => {});
      Object.defineProperty(this, 'closed', { value: closed });
      const { sessionint } = this as unknown as { sessionint: LibrarySession };
      const end = sessionint.onClose.bind(sessionint);
      sessionint.onClose = (event) => {
        // What drained the library takes for not open yet: `closed` would reject, and its streams not end.
        if (sessionint.state === 'draining') sessionint.state = 'connected';
        end(event);
      };
    }

    /** Before it is ready the library hears of no close, and of a second one Node's HTTP/2 goes round for ever. */
    override close(info: WebTransportCloseInfo = {}): void {
      if (this.#own !== null) return;
      this.#own = info;
      this.ready.then(
        () => super.close(info),
        () => {},
      );
    }

    /**
     * Where the connection breaks the library fulfils `closed`, with the stream's HTTP/2 code as if the host had said it: 2,
     * INTERNAL_ERROR, would be taken for an unknown function. Such have an Error's text for their reason.
     */
    async #ended(closed: Promise<WebTransportCloseInfo>): Promise<WebTransportCloseInfo> {
      const info = await closed;
      if (!info.reason?.startsWith('Error')) return info;
      if (this.#own !== null) return this.#own;
      throw new Error(`the connection broke: ${info.reason}`);
    }
  };
}

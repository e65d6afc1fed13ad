/** What a measured echo server answers. */
export interface EchoState {
  /** µs */
  cpu: number;
  echoed: number;
}

/** Says where a server listens, and from then on what its process has spent and echoed, to who asks. */
export function tellEchoes(port: number, echoed: () => number): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system, echoed: echoed() } satisfies EchoState);
  });
  process.send?.({ port });
}

/** An HTTP/2 connection, as far as its end goes (`ServerHttp2Session`). */
export interface Destroyable {
  destroy(error?: Error, code?: number): void;
}

/**
 * Lets an HTTP/2 connection be destroyed only when what just came of it is read to its end, whoever destroys it: Node itself does
 * where a client's GOAWAY tells of an error. Some of its versions (22.23.3 to 22.23.5, 26.8.0 to 26.9.0) end the process where frames
 * that open a stream are behind in the same read (nodejs/node#64850), so that any client could. Ticks and promises run within
 * that read; what is set for immediately does not.
 */
export function destroyAfterRead(connection: Destroyable): void {
  const destroy = connection.destroy.bind(connection);
  connection.destroy = (error, code) => {
    setImmediate(() => destroy(error, code));
  };
}

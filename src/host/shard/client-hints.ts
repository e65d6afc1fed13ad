/** Characters that are read: looking for names takes the square of it, and a client says what it likes. */
const MOST_READ = 256;
/** Characters that are kept. */
const MOST_HINTS = 64;

/** What a client's program says of itself (RFC 9110 section 10.1.5), coarsely: the product names, without versions. */
export function hintsOf(userAgent: string | undefined): string {
  if (userAgent === undefined) return '';
  const names = userAgent.slice(0, MOST_READ).match(/[A-Za-z][\w-]*(?=\/)/g) ?? [];
  return [...new Set(names)].sort().join(' ').slice(0, MOST_HINTS);
}

/**
 * The prefix that counts as one party: /24 of IPv4 (also where it is mapped into IPv6), /56 of IPv6, the size that
 * access providers hand to a household.
 */
export function addressPrefix(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  const v4 = mapped === null ? address : mapped[1];
  if (!v4.includes(':')) return `${v4.slice(0, v4.lastIndexOf('.'))}.0/24`;
  const groups = expandIpv6(v4);
  const fourth = Number.parseInt(groups[3], 16) & 0xff00;
  return `${groups.slice(0, 3).join(':')}:${fourth.toString(16)}::/56`;
}

function expandIpv6(address: string): string[] {
  const [bare] = address.split('%');
  const [head, tail] = bare.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left.map(normalise);
  const right = tail === '' ? [] : tail.split(':');
  const middle = new Array(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...middle, ...right].map(normalise);
}

function normalise(group: string): string {
  return (Number.parseInt(group, 16) || 0).toString(16);
}

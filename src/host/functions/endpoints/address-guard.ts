import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Where no endpoint is unless an operator says so (RFC 6890 and its like). */
const CLOSED: readonly [string, number, 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

/** Where an endpoint may be. */
export interface AddressRules {
  /** `host`, `host:port`, `*.domain`; `http://host:port` where plain HTTP is meant. */
  allow: readonly string[];
  /** CIDR ranges that are open though they are private, link-local or loopback. */
  allowRanges: readonly string[];
}

/** The IPv4 address inside an IPv6 one that maps it (RFC 4291 section 2.5.5), or the address. */
function plain(address: string): string {
  const dotted = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (dotted !== null) return dotted[1];
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
  if (hex === null) return address;
  const [high, low] = [Number.parseInt(hex[1], 16), Number.parseInt(hex[2], 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/**
 * Keeps remote endpoints to where the operator wants them, against requests that are forged on the server's side: by name,
 * and by each address that a name resolves to at the moment it is connected to, so that a name that changes its mind
 * (DNS rebinding) gains nothing.
 */
export class AddressGuard {
  readonly #closed = new BlockList();
  readonly #open = new BlockList();

  constructor(readonly rules: AddressRules) {
    for (const [net, prefix, type] of CLOSED) this.#closed.addSubnet(net, prefix, type);
    for (const range of rules.allowRanges) {
      const [net, prefix] = range.split('/');
      const type = isIP(net) === 6 ? 'ipv6' : 'ipv4';
      this.#open.addSubnet(net, Number(prefix ?? (type === 'ipv6' ? 128 : 32)), type);
    }
  }

  /** Why an address of the web is refused, or null. */
  objectionTo(url: URL): string | null {
    if (url.username !== '' || url.password !== '') return 'it holds a user';
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is no protocol of endpoints`;
    const name = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    const host = `${url.hostname.toLowerCase()}${url.port === '' ? '' : `:${url.port}`}`;
    const isAllowed = this.rules.allow.some((entry) => {
      const rule = entry.toLowerCase();
      if (rule.startsWith('http://'))
        return url.protocol === 'http:' && (rule === `http://${host}` || rule === `http://${host}:80`);
      if (url.protocol !== 'https:') return false;
      if (rule.startsWith('*.')) return name.endsWith(rule.slice(1)) && url.port === '';
      return rule === host || rule === `${host}:443`;
    });
    if (!isAllowed) return `${url.protocol}//${host} is not on the list of endpoints`;
    return isIP(name) !== 0 && !this.isOpen(name) ? `${name} is a private address` : null;
  }

  /** Whether an address may be connected to. */
  isOpen(address: string): boolean {
    const bare = plain(address.split('%')[0]);
    const type = isIP(bare) === 6 ? 'ipv6' : 'ipv4';
    return this.#open.check(bare, type) || !this.#closed.check(bare, type);
  }

  /** `dns.lookup` that finds open addresses only. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const found = addresses.find(({ address }) => !this.isOpen(address));
      if (found !== undefined) {
        const refusal: NodeJS.ErrnoException = new Error(`${hostname} is at ${found.address}, a private address`);
        refusal.code = 'TIDEGATE_E_ENDPOINT';
        callback(refusal, []);
      } else if (options.all) callback(null, addresses);
      else callback(null, addresses[0].address, addresses[0].family);
    });
  };
}

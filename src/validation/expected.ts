import { z } from 'zod';

/** The part of JSON Schema (draft 2020-12) that zod writes. */
interface Node {
  $ref?: string;
  $defs?: Record<string, Node>;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Node[];
  oneOf?: Node[];
  type?: string;
  properties?: Record<string, Node>;
  required?: string[];
  additionalProperties?: Node | boolean;
  items?: Node | boolean;
  prefixItems?: Node[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  format?: string;
  writeOnly?: boolean;
  description?: string;
}

type Path = readonly PropertyKey[];

/** An object of more keys is not told by them. */
const MOST_KEYS = 8;

/** Numbers that JSON Schema gets where zod knows no bound of its own. */
const isBound = (n: number | undefined): n is number => n !== undefined && Math.abs(n) < Number.MAX_SAFE_INTEGER;

const schemas = new WeakMap<z.ZodType, Expected>();

/** What a schema asks for at a place, in words. */
export class Expected {
  private constructor(private readonly root: Node) {}

  static of(schema: z.ZodType): Expected {
    const known = schemas.get(schema);
    if (known !== undefined) return known;
    const made = new Expected(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node);
    schemas.set(schema, made);
    return made;
  }

  /** What may be there, and what for: "an integer from 0 to 65535 (UDP port)"; null where nothing is known of it. */
  at(path: Path): string | null {
    const nodes = this.#at(path);
    const all = [...new Set(nodes.map((node) => this.#words(node)))];
    if (all.length === 0 || all.includes('')) return null;
    const { description } = nodes[0];
    return `${joined(all, 'or')}${description === undefined ? '' : ` (${description})`}`;
  }

  /** The keys of objects there. */
  keysAt(path: Path): string[] {
    return [...new Set(this.#at(path).flatMap((node) => Object.keys(node.properties ?? {})))];
  }

  /** Whether what is there is told to nobody. */
  isSecret(path: Path): boolean {
    return this.#at(path).some((node) => node.writeOnly === true);
  }

  /** What may be at a place: each of a union's members by itself. */
  #at(path: Path): Node[] {
    let nodes = this.#members(this.root);
    for (const key of path)
      nodes = nodes.flatMap((node) => this.#below(node, key)).flatMap((node) => this.#members(node));
    return nodes;
  }

  #below(node: Node, key: PropertyKey): Node[] {
    const named = Object.hasOwn(node.properties ?? {}, key) ? node.properties?.[key as string] : undefined;
    const found =
      typeof key === 'number' ? (node.prefixItems?.[key] ?? node.items) : (named ?? node.additionalProperties);
    return typeof found === 'object' ? [found] : [];
  }

  #members(node: Node): Node[] {
    if (node.$ref !== undefined) {
      const name = node.$ref.split('/').at(-1) as string;
      return this.#members(node.$ref === '#' ? this.root : (this.root.$defs?.[name] ?? {}));
    }
    const union = node.anyOf ?? node.oneOf;
    if (union === undefined) return [node];
    const { writeOnly, description } = node;
    const ofWhole = { ...(writeOnly && { writeOnly }), description };
    return union.flatMap((one) => this.#members(one)).map((one) => ({ ...one, ...ofWhole }));
  }

  #words(node: Node): string {
    if (node.const !== undefined) return JSON.stringify(node.const);
    if (node.enum !== undefined) {
      const values = node.enum.map((value) => JSON.stringify(value));
      return values.length === 1 ? values[0] : `one of ${joined(values, 'and')}`;
    }
    switch (node.type) {
      case 'integer':
      case 'number':
        return `${node.type === 'integer' ? 'an integer' : 'a number'}${numberBounds(node)}`;
      case 'string':
        return node.format === 'uri' ? 'a URL' : `text${counted(node.minLength, node.maxLength, 'characters')}`;
      case 'boolean':
        return 'true or false';
      case 'null':
        return 'null';
      case 'array':
        return `a list${counted(node.minItems, node.maxItems, 'entries')}`;
      case 'object': {
        const keys = node.required?.length ? node.required : Object.keys(node.properties ?? {});
        return keys.length === 0 || keys.length > MOST_KEYS ? 'an object' : `an object of ${joined(keys, 'and')}`;
      }
      default:
        return '';
    }
  }
}

function numberBounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Node): string {
  const low = isBound(minimum) ? minimum : undefined;
  const high = isBound(maximum) ? maximum : undefined;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  const parts: string[] = [];
  if (low !== undefined) parts.push(`of at least ${low}`);
  if (isBound(exclusiveMinimum)) parts.push(`above ${exclusiveMinimum}`);
  if (high !== undefined) parts.push(`of at most ${high}`);
  if (isBound(exclusiveMaximum)) parts.push(`below ${exclusiveMaximum}`);
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}

function counted(least: number | undefined, most: number | undefined, what: string): string {
  if (least !== undefined && least === most) return ` of ${least} ${what}`;
  if (most !== undefined) return ` of ${least ?? 0} to ${most} ${what}`;
  if (least === 1) return ' that is not empty';
  return least === undefined ? '' : ` of at least ${least} ${what}`;
}

function joined(parts: string[], last: 'and' | 'or'): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} ${last} ${parts.at(-1)}`;
}

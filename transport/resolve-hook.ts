/** The same hook for Node before 22.15, where hooks run on a thread of their own. */
interface Target {
  wanted: string;
  url: string;
}

let target: Target = { wanted: '', url: '' };

export function initialize(data: Target): void {
  target = data;
}

export async function resolve(
  specifier: string,
  context: object,
  next: (specifier: string, context: object) => Promise<{ url: string }>,
): Promise<{ url: string; shortCircuit?: boolean }> {
  if (specifier === target.wanted) return { url: target.url, shortCircuit: true };
  return await next(specifier, context);
}

/**
 * `node --import tidegate/register app.js`: puts Tidegate's HTTP/3 in the place of the module that
 * `@fails-components/webtransport` looks for, whether that one is installed or not.
 */
import * as nodeModule from 'node:module';

const WANTED = '@fails-components/webtransport-transport-http3-quiche';
const OURS = new URL('./index.js', import.meta.url).href;
const HOOKS = new URL('./resolve-hook.js', import.meta.url).href;
const installed = Symbol.for('tidegate.register');

type Resolve = (specifier: string, context: object) => { url: string };
const registerHooks = (
  nodeModule as unknown as {
    registerHooks?: (hooks: { resolve(specifier: string, context: object, next: Resolve): object }) => void;
  }
).registerHooks;

const marked = globalThis as { [installed]?: boolean };
if (!marked[installed]) {
  marked[installed] = true;
  if (registerHooks !== undefined) {
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === WANTED ? { url: OURS, shortCircuit: true } : next(specifier, context),
    });
  } else {
    nodeModule.register(HOOKS, { data: { wanted: WANTED, url: OURS } });
  }
}

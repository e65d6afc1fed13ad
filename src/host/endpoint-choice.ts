import { type BehavioralProfile, REQUEST_TYPES, type RequestType } from '../profile/behavioral-profile.js';
import { TidegateError } from '../quic/errors.js';
import type { HostConfig } from './config.js';

/** What the endpoint of a session is chosen by. */
export interface EndpointQuestion {
  client: string;
  functionId: string;
  /** What the client is about to ask for: of its profile when the session opens, of the session's forecast from then on. */
  requestType: RequestType;
  profile: BehavioralProfile;
  /** Names of the function's `variants`, at least one. */
  variants: readonly string[];
}

/**
 * Chooses which of a function's `variants` answers a session: asked when it opens, and whenever another kind of request is
 * foretold. What it says is taken at the next message; null, or a name that the function has not, is the function's `endpoint`.
 */
export type EndpointChooser = (question: EndpointQuestion) => string | null;

/** The host's own: the variant that is named as the kind of request. */
export const byRequestType: EndpointChooser = ({ requestType }) => requestType;

/** Throws where the host's own way would never choose a variant: its name is no kind of request. */
export function assertChosenByType(functions: HostConfig['functions']): void {
  for (const [id, { variants }] of Object.entries(functions)) {
    const unchosen = Object.keys(variants).find((name) => !(REQUEST_TYPES as readonly string[]).includes(name));
    if (unchosen === undefined) continue;
    throw new TidegateError('TIDEGATE_E_CONFIG', `functions.${id}.variants.${unchosen} is chosen by nobody`, {
      hint: `name it ${REQUEST_TYPES.join(', ')}, or choose by chooseEndpoint of createHost`,
    });
  }
}

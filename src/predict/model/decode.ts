import { TidegateError } from '../../quic/errors.js';
import { decodeConstants } from '../graph/encode.js';
import { type Networks, readMembers } from './predict-graph.js';

/** The networks in the file of a model, so that it can be trained on. Throws TIDEGATE_E_MODEL where it is none of ours. */
export function decodeNetworks(model: Uint8Array): Networks {
  let constants: Map<string, Float32Array>;
  try {
    constants = decodeConstants(model);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_MODEL', `no model: ${(cause as Error).message}`, { cause });
  }
  const networks = readMembers(constants);
  if (networks === null)
    throw new TidegateError('TIDEGATE_E_MODEL', 'the model is none of ours: its matrices are not there');
  return networks;
}

import type { Flow } from '../../predict/training/flow-rows.js';
import type { RequestType } from '../../profile/behavioral-profile.js';
import { TidegateError } from '../../quic/errors.js';
import { readLines } from '../lines.js';
import { readPackets } from '../packet-file.js';

/** Categories of a packet inspector, by request type. */
const CATEGORIES: Record<RequestType, string> = {
  streaming: 'Video Streaming Music Media VoIP Download DataTransfer SoftwareUpdate',
  control: 'Network System IoT-Scada ConnCheck',
  transactional: 'Web SocialNetwork Cloud Chat Collaborative Email Database RPC Shopping Advertisement Game',
};
const TYPE_OF = new Map(
  Object.entries(CATEGORIES).flatMap(([type, names]) => names.split(' ').map((name) => [name, type as RequestType])),
);

interface Label {
  capture: string;
  label: RequestType | null;
  application: string;
}

/** Labels of flows: a CSV with the columns `flow`, `capture` and `category`, and maybe `app`. Throws TIDEGATE_E_REPLAY with the line. */
async function readLabels(path: string): Promise<Map<string, Label>> {
  const labels = new Map<string, Label>();
  let columns: { flow: number; capture: number; category: number; app: number } | null = null;
  for await (const line of readLines(path)) {
    const fields = line.split(',');
    if (columns === null) {
      const [flow, capture, category] = ['flow', 'capture', 'category'].map((name) => fields.indexOf(name));
      if (flow < 0 || capture < 0 || category < 0) {
        throw new TidegateError('TIDEGATE_E_REPLAY', `${path}: the first line is "${line.slice(0, 80)}"`, {
          hint: 'it has to name the columns flow, capture and category',
        });
      }
      columns = { flow, capture, category, app: fields.indexOf('app') };
    } else if (line !== '') {
      const { flow, capture, category, app } = columns;
      labels.set(fields[flow], {
        capture: fields[capture] ?? '',
        label: TYPE_OF.get(fields[category]) ?? null,
        application: fields[app] ?? '',
      });
    }
  }
  return labels;
}

/** Flows of a packet file, with their labels where there is a file of them. A flow without one is a capture of its own. */
export async function readFlows(path: string, labelFile?: string): Promise<Flow[]> {
  const labels = labelFile === undefined ? new Map<string, Label>() : await readLabels(labelFile);
  const flows = new Map<string, Flow & { start: number }>();
  for await (const { flow: name, time, out, bytes } of readPackets(path)) {
    let flow = flows.get(name);
    if (flow === undefined) {
      const { capture, label, application } = labels.get(name) ?? { capture: name, label: null, application: '' };
      flow = { name, capture, label, application, times: [], out: [], bytes: [], start: time };
      flows.set(name, flow);
    }
    flow.times.push(time - flow.start);
    flow.out.push(out);
    flow.bytes.push(bytes);
  }
  if (flows.size === 0) throw new TidegateError('TIDEGATE_E_REPLAY', `${path} holds no flows`);
  return [...flows.values()];
}

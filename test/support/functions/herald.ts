import { defineFunction } from '../../../src/index.js';

/** Answers streams with its name: a variant to be told from others. */
export default defineFunction({
  data({ kind }, session) {
    return kind === 'stream' ? `herald of ${session.profile?.predictedRequestType}` : undefined;
  },
});

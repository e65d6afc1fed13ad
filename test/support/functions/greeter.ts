import { defineFunction } from '../../../src/index.js';

const decoder = new TextDecoder();

/** Answers each message with what it knows of the client. */
export default defineFunction<{ messages: number }>({
  open(session) {
    session.state = { messages: 0 };
  },
  data({ messages, kind, ended }, session) {
    const said = Array.from(messages, (bytes) => decoder.decode(bytes));
    session.state.messages += said.length;
    return JSON.stringify({
      kind,
      ended,
      said,
      count: session.state.messages,
      parameters: session.parameters,
      seen: session.profile.sessionsSeen,
      level: session.settings.securityLevel,
      sealedTo: session.sealedTo,
    });
  },
});

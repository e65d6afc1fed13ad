// A function in 20 lines: `npx --no-install tidegate serve --config examples/counter.json`, then `examples/client.js`.
import { defineFunction } from 'tidegate';

export default defineFunction({
  open(session) {
    session.state = { messages: 0 };
  },
  data({ messages }, session) {
    for (const _ of messages) session.state.messages++;
    const { sessionsSeen, predictedDataRate } = session.profile;
    return JSON.stringify({
      messages: session.state.messages,
      visitsBefore: sessionsSeen,
      expectedRate: Math.round(predictedDataRate),
      rateLimit: session.settings.rateLimit,
      bufferSize: session.settings.bufferSize,
    });
  },
});

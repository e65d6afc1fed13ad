import { BandChart, short } from './charts.js';
import { SessionDetail, SessionList } from './sessions.js';

const at = (id) => document.getElementById(id);
const element = (tag, text) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  return made;
};

// Theme: what the system says, until somebody chooses.
const themes = matchMedia('(prefers-color-scheme: dark)');
const chosen = () => {
  try {
    return localStorage.getItem('tidegate-theme');
  } catch {
    return null;
  }
};
const charts = {
  sessions: new BandChart(at('sessions-chart'), 'sessions', ''),
  bytes: new BandChart(at('bytes-chart'), 'bytes/s', 'B/s'),
};
function applyTheme() {
  document.documentElement.dataset.theme = chosen() ?? (themes.matches ? 'dark' : 'light');
  for (const chart of Object.values(charts)) chart.restyle();
}
applyTheme();
themes.addEventListener('change', applyTheme);
at('theme').addEventListener('click', () => {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem('tidegate-theme', next);
  } catch {
    // Not kept, then.
  }
  document.documentElement.dataset.theme = next;
  for (const chart of Object.values(charts)) chart.restyle();
  drawCharts();
});

// Views.
const views = ['overview', 'sessions', 'host'];
function show(name) {
  for (const view of views) at(view).hidden = view !== name;
  for (const button of document.querySelectorAll('[data-view]')) {
    button.setAttribute('aria-pressed', String(button.dataset.view === name));
  }
  location.hash = name;
  if (name === 'overview') drawCharts();
  if (name === 'sessions') list.draw();
  if (name === 'host') void showCohorts();
}
for (const button of document.querySelectorAll('[data-view]')) {
  button.addEventListener('click', () => show(button.dataset.view));
}

// The load.
let history = [];
let state = null;
function drawCharts() {
  if (state === null || at('overview').hidden) return;
  const now = history.length === 0 ? Date.now() / 1000 : history[history.length - 1][0];
  [
    ['sessions', 1],
    ['bytes', 2],
  ].forEach(([name, column]) => {
    const points = history.map((point) => [point[0], point[column]]);
    const ahead = state.load[name].forecasts
      .filter(([minutes]) => minutes <= 5)
      .map(([minutes, mean, low, high]) => [now + minutes * 60, mean, low, high]);
    charts[name].show(points, ahead);
  });
}

function facts(place, all) {
  place.replaceChildren(
    ...all.map(([label, text]) => {
      const box = element('div');
      box.append(element('dt', label), element('dd', text));
      return box;
    }),
  );
}

function showState() {
  const { now, mode, isReady, shards, prediction, levels, load, metric, desired, hosts, tickMs, store } = state;
  const [, sessions = 0, rate = 0] = now ?? [];
  const summary = at('summary');
  summary.classList.remove('lost');
  summary.textContent =
    `${isReady ? 'serves' : 'does not serve'} ${sessions} sessions, ${short(rate, 'B/s')}; ` +
    `${mode === 'observe' ? 'limits are only reckoned' : 'limits hold'}`;
  const { capacity } = load[metric];
  facts(at('facts'), [
    ['predicted by', prediction.source === 'model' ? `model ${prediction.model}` : `averages: ${prediction.reason}`],
    ['error, of the average', `${prediction.error?.toFixed(3) ?? '–'}, ${prediction.averageError?.toFixed(3) ?? '–'}`],
    [
      'one host carries',
      capacity === null ? 'not known yet' : short(capacity, metric === 'bytes' ? 'B/s' : 'sessions'),
    ],
    ['hosts wanted, there', `${desired ?? '–'}, ${hosts}`],
    ['changes to level 0, 1, 2, 3', levels.join(', ')],
    ['profiles', store.problem === null ? store.kind : `${store.kind}: ${store.problem}`],
  ]);
  const happened = [...state.happened].reverse();
  if (happened.length > 0) {
    at('happened').replaceChildren(
      ...happened.map(({ at: time, about, text }) => {
        const item = element('li');
        item.append(
          element('span', new Date(time).toLocaleTimeString([], { hour12: false })),
          element('span', about),
          element('span', text),
        );
        return item;
      }),
    );
  }
  const table = element('table');
  const row = (tag, cells) => {
    const made = element('tr');
    for (const cell of cells) made.append(element(tag, String(cell)));
    table.append(made);
  };
  row('th', ['shard', 'sessions', 'connections', 'packets in', 'packets out']);
  for (const one of shards)
    row('td', [one.shard, one.sessions, one.connections, short(one.packetsIn), short(one.packetsOut)]);
  at('shards').replaceChildren(table);
  facts(at('model'), [
    ['serves', prediction.model ?? 'none'],
    ['in the shadow', state.shadow ?? 'none'],
    ['last tick', tickMs === null ? '–' : `${tickMs.toFixed(1)} ms`],
    ['recorded sequences', String(state.sequences)],
    ['shards that were started again', String(state.restarts)],
  ]);
}

async function showCohorts() {
  const answer = await fetch('cohorts').catch(() => null);
  const cohorts = answer?.ok ? await answer.json() : null;
  const text = cohorts === null || cohorts.length === 0 ? 'None yet: a cohort is shown from 20 clients on.' : null;
  if (text !== null) {
    at('cohorts').replaceChildren(element('p', text));
    return;
  }
  at('cohorts').replaceChildren(element('pre', JSON.stringify(cohorts, null, 1)));
}

// Sessions.
const detail = new SessionDetail(at('detail'));
const list = new SessionList(at('list'), at('rows'), (id) => detail.open(id));
at('sort').addEventListener('change', ({ target }) => {
  list.sort = target.value;
  list.arrange();
});
at('find').addEventListener('input', ({ target }) => {
  list.find = target.value.trim();
  list.arrange();
});

// What the host tells.
const events = new EventSource('events');
events.addEventListener('history', ({ data }) => {
  history = JSON.parse(data);
});
events.addEventListener('state', ({ data }) => {
  state = JSON.parse(data);
  const last = history.length === 0 ? 0 : history[history.length - 1][0];
  if (state.now !== null && state.now[0] > last) history.push(state.now);
  if (history.length > 600) history.shift();
  showState();
  drawCharts();
});
events.addEventListener('sessions', ({ data }) => {
  const sessions = JSON.parse(data);
  at('count').textContent = sessions.rows.length === 0 ? 'no sessions' : `${sessions.rows.length} sessions`;
  list.set(sessions);
});
events.addEventListener('error', () => {
  at('summary').textContent = 'the host is not heard: trying again';
  at('summary').classList.add('lost');
});

// Actions: each asks, and is logged by the host.
const ACTIONS = {
  enforce: { path: 'mode', body: () => ({ mode: 'enforce' }), ask: 'Apply limits to every session from now on?' },
  observe: { path: 'mode', body: () => ({ mode: 'observe' }), ask: 'Stop applying limits, and only reckon them?' },
  reload: { path: 'reload', body: () => ({}), ask: 'Load certificate, keys and functions again?' },
  forget: {
    path: 'forget',
    body: () => ({ client: at('client').value.trim() }),
    ask: 'Remove everything of this client, for good?',
  },
};
for (const button of document.querySelectorAll('[data-action]')) {
  button.addEventListener('click', async () => {
    const { path, body, ask } = ACTIONS[button.dataset.action];
    if (!confirm(ask)) return;
    const answer = await fetch(`actions/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${at('token').value}`, 'content-type': 'application/json' },
      body: JSON.stringify(body()),
    }).catch((error) => ({ ok: false, json: async () => ({ error: error.message }) }));
    const said = await answer.json();
    at('answer').textContent = answer.ok ? `Done: ${JSON.stringify(said)}` : `Refused: ${said.error}`;
  });
}

show(views.includes(location.hash.slice(1)) ? location.hash.slice(1) : 'overview');

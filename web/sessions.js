import { BandChart, short } from './charts.js';

const HEIGHT = 26;
const HEAD = ['session', 'client', 'function', 'risk', 'predicted', 'limit', 'so far', 'open'];

const element = (tag, text, name) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name !== undefined) made.className = name;
  return made;
};
const riskClass = (risk) => (risk >= 0.9 ? 'risk-2' : risk >= 0.7 ? 'risk-1' : '');
const duration = (seconds) =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;

/** The list: only the rows that can be seen are in the page, however many there are. */
export class SessionList {
  constructor(list, rows, onSelect) {
    Object.assign(this, { list, rows, onSelect });
    this.all = [];
    this.shown = [];
    this.sort = 'risk';
    this.find = '';
    this.selected = null;
    this.pool = [];
    const head = element('div', undefined, 'row head');
    for (const text of HEAD) head.append(element('span', text));
    list.prepend(head);
    list.addEventListener('scroll', () => this.draw(), { passive: true });
    list.addEventListener('keydown', (event) => this.#key(event));
  }

  set({ columns, rows }) {
    this.columns = Object.fromEntries(columns.map((name, i) => [name, i]));
    this.all = rows;
    this.arrange();
  }

  arrange() {
    const { columns, find } = this;
    if (columns === undefined) return;
    const at = columns[this.sort];
    const matches = (row) =>
      find === '' || [row[columns.id], row[columns.client], row[columns.function]].some((text) => text.includes(find));
    this.shown = this.all.filter(matches).sort((a, b) => b[at] - a[at]);
    this.rows.style.height = `${Math.max(1, this.shown.length) * HEIGHT}px`;
    this.draw();
  }

  draw() {
    const { list, rows, shown, columns, pool } = this;
    const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 4);
    const count = Math.min(shown.length - first, Math.ceil(list.clientHeight / HEIGHT) + 8);
    while (pool.length < count) {
      const row = element('div', undefined, 'row');
      row.setAttribute('role', 'option');
      for (let i = 0; i < HEAD.length; i++) row.append(element('span'));
      row.addEventListener('click', () => this.select(row.dataset.id));
      pool.push(row);
      rows.append(row);
    }
    pool.forEach((row, i) => {
      row.hidden = i >= count;
      if (row.hidden) return;
      const session = shown[first + i];
      const get = (name) => session[columns[name]];
      row.dataset.id = get('id');
      row.style.transform = `translateY(${(first + i) * HEIGHT}px)`;
      row.setAttribute('aria-selected', String(get('id') === this.selected));
      const texts = [
        get('id'),
        get('client'),
        get('function') || '–',
        get('risk').toFixed(2),
        short(get('predictedRate'), 'B/s'),
        short(get('rateLimit'), 'B/s'),
        short(get('bytes'), 'B'),
        duration(get('openSeconds')),
      ];
      texts.forEach((text, k) => {
        if (row.children[k].textContent !== text) row.children[k].textContent = text;
      });
      row.children[3].className = riskClass(get('risk'));
    });
  }

  select(id) {
    this.selected = id;
    this.draw();
    this.onSelect(id);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || this.shown.length === 0) return;
    event.preventDefault();
    const at = this.shown.findIndex((row) => row[this.columns.id] === this.selected);
    const next = Math.max(0, Math.min(this.shown.length - 1, at + step));
    const top = next * HEIGHT;
    const { list } = this;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + 2 * HEIGHT > list.scrollTop + list.clientHeight)
      list.scrollTop = top + 2 * HEIGHT - list.clientHeight;
    this.select(this.shown[next][this.columns.id]);
  }
}

const KIND = { streaming: 'a stream', transactional: 'requests and answers', control: 'keep-alives and control' };
/** Security levels in words. */
export const LEVEL = ['0, normal', '1, tighter limits', '2, asked for a proof', '3, quarantined'];

/** One session: what it does against what was told, its settings in words, why it is at risk. */
export class SessionDetail {
  constructor(place) {
    this.place = place;
    this.id = null;
    this.timer = null;
  }

  open(id) {
    this.close();
    this.id = id;
    this.points = [];
    this.told = [];
    this.before = null;
    this.place.hidden = false;
    this.place.replaceChildren(element('h2', `Session ${id}`));
    this.figure = element('figure');
    this.figure.append(
      element('figcaption', 'Bytes a second, and the mean of 10 s that was told ten seconds before (band: 10 to 90 %)'),
    );
    const chart = element('div', undefined, 'chart');
    this.figure.append(chart);
    this.chart = new BandChart(chart, 'came', 'B/s');
    this.body = element('div');
    this.place.append(this.figure, this.body);
    void this.look();
    this.timer = setInterval(() => void this.look(), 1000);
  }

  close() {
    clearInterval(this.timer);
    this.chart?.restyle();
    this.place.hidden = true;
  }

  async look() {
    const { id } = this;
    const answer = await fetch(`sessions/${encodeURIComponent(id)}`).catch(() => null);
    if (answer === null || this.id !== id) return;
    if (answer.status === 404) {
      clearInterval(this.timer);
      this.place.append(element('p', 'It has ended.', 'empty'));
      return;
    }
    const session = await answer.json();
    const now = Date.now() / 1000;
    const bytes = session.counts.bytesIn + session.counts.bytesOut;
    if (this.before !== null && now > this.before.now) {
      this.points.push([now, Math.max(0, (bytes - this.before.bytes) / (now - this.before.now))]);
      if (this.points.length > 300) this.points.shift();
    }
    this.before = { now, bytes };
    const ten = session.forecast?.horizons?.[1];
    const band = ten === undefined ? null : [ten.expected, ten.low, ten.high].map((bytes) => bytes / ten.seconds);
    this.told.push([now, band]);
    if (this.told.length > 320) this.told.shift();
    // Of each point what was told ten seconds before it.
    const before = this.points.map(([at]) => this.told.findLast(([when]) => when <= at - 10)?.[1] ?? null);
    const told = before.some((one) => one !== null) ? before : [];
    this.chart.show(this.points, band === null ? [] : [[now + 10, ...band]], told);
    this.#describe(session);
  }

  #describe({
    settings,
    profile,
    forecast,
    risk,
    riskReasons,
    reason,
    counts,
    client,
    function: name,
    transport,
    features,
  }) {
    const facts = element('dl');
    const fact = (label, text) => {
      const box = element('div');
      box.append(element('dt', label), element('dd', text));
      facts.append(box);
    };
    fact('client', client);
    fact('function', `${name || 'none'} over ${transport}`);
    fact('visits before', String(profile.sessionsSeen));
    fact(
      'about to send',
      forecast === null ? '–' : `${KIND[forecast.requestType]}, ${short(forecast.dataRate, 'B/s')}`,
    );
    fact('may send', `${short(settings.rateLimit, 'B/s')}, ${short(settings.burst, 'B')} at once`);
    fact('buffer', short(settings.bufferSize, 'B'));
    fact('security level', `${LEVEL[settings.securityLevel]}${reason === '' ? '' : ` (${reason})`}`);
    fact(
      'so far',
      `${short(counts.bytesIn, 'B')} in, ${short(counts.bytesOut, 'B')} out, ${counts.dropped + counts.waited} held back`,
    );
    fact('risk', risk.toFixed(3));
    const parts = [facts];
    if (riskReasons.length > 0) {
      const list = element('ul');
      for (const text of riskReasons) list.append(element('li', text));
      parts.push(element('h2', 'Unusual'), list);
    }
    const more = element('details');
    more.open = this.body.querySelector('details')?.open ?? false;
    more.append(element('summary', `${Object.keys(features).length} features`));
    const all = element('div', undefined, 'features');
    for (const [label, value] of Object.entries(features)) all.append(element('div', `${label} ${value}`));
    more.append(all);
    this.body.replaceChildren(...parts, more);
  }
}

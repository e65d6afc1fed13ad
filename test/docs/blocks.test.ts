import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { program } from '../../src/cli/program.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

interface Block {
  where: string;
  language: string;
  text: string;
}

function blocksOf(page: string): Block[] {
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  const blocks: Block[] = [];
  let open: Block | null = null;
  lines.forEach((line, i) => {
    const fence = /^```(\w*)/.exec(line);
    if (fence === null) {
      if (open !== null) open.text += `${line}\n`;
    } else if (open === null) open = { where: `${page}:${i + 1}`, language: fence[1], text: '' };
    else {
      blocks.push(open);
      open = null;
    }
  });
  return blocks;
}

const blocks = pages.flatMap(blocksOf);

/** The command that words name, and the words behind it. */
function commandOf(words: readonly string[], from: Command): { command: Command; rest: readonly string[] } {
  const next = from.commands.find((each) => each.name() === words[0]);
  return next === undefined ? { command: from, rest: words } : commandOf(words.slice(1), next);
}

test('every `tidegate` command of the docs is one, with options that it has', () => {
  let seen = 0;
  for (const { where, text } of blocks) {
    for (const [, line] of text.matchAll(/(?:^|[ (])tidegate ((?:[a-z]+)(?: [^#\n]*)?)/gm)) {
      const words = line.trim().split(/\s+/);
      const { command, rest } = commandOf(words, program);
      assert.notEqual(command, program, `${where}: there is no tidegate ${words[0]}`);
      const known = new Set(command.options.map(({ long }) => long));
      for (const option of rest.filter((word) => word.startsWith('--') && word !== '--help')) {
        assert.ok(known.has(option.replace(/[,;.)`]+$/, '')), `${where}: tidegate ${words.join(' ')}: no ${option}`);
      }
      seen++;
    }
  }
  assert.ok(seen > 20, `${seen} commands`);
});

test('every import of the docs is there, and exports what is taken from it', async () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string }>;
  };
  let seen = 0;
  for (const { where, text } of blocks.filter(({ language }) => language === 'js')) {
    for (const [, names, source] of text.matchAll(/import \{([^}]+)\} from '(tidegate[^']*)'/g)) {
      const target = exports[source.replace('tidegate', '.')];
      assert.ok(target !== undefined, `${where}: ${source} is not exported`);
      const module = (await import(pathToFileURL(join(root, target.default)).href)) as Record<string, unknown>;
      for (const name of names.split(','))
        assert.ok(name.trim() in module, `${where}: ${source} has no ${name.trim()}`);
      seen++;
    }
  }
  assert.ok(seen >= 5);
});

test('JSON of the docs is JSON; JavaScript parses', () => {
  for (const { where, language, text } of blocks) {
    if (language === 'json') assert.doesNotThrow(() => JSON.parse(text), where);
    if (language !== 'js') continue;
    // Modules can't be compiled here without a flag: imports go, exports are plain, and awaits are in a function.
    const plain = text.replace(/^import .*$/gm, '').replace(/^export default /gm, 'const made = ');
    assert.doesNotThrow(() => new Function(`return async () => {${plain}\n}`), where);
  }
});

test('links of the docs lead somewhere', () => {
  for (const page of pages) {
    const folder = page.includes('/') ? 'docs' : '.';
    for (const [, target] of readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
      assert.doesNotThrow(() => readFileSync(join(root, folder, target)), `${page}: ${target}`);
    }
  }
});

test('every error code of the source is in docs/errors.md, and none that is not', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'));
  const used = new Set(sources.flatMap((text) => [...text.matchAll(/TIDEGATE_E_[A-Z_]*[A-Z]/g)].map(([code]) => code)));
  const told = new Set(
    [...readFileSync(join(root, 'docs', 'errors.md'), 'utf8').matchAll(/`(TIDEGATE_E_[A-Z_]+)`/g)].map(
      ([, code]) => code,
    ),
  );
  assert.deepEqual([...told].sort(), [...used].sort());
});

test('everything that is exported can be had by require, as every Node that is supported has it', () => {
  const require = createRequire(import.meta.url);
  const { exports } = require('../../../package.json') as { exports: Record<string, object | string> };
  for (const path of Object.keys(exports).filter((each) => each !== './register')) {
    assert.doesNotThrow(() => require(path.replace('.', 'tidegate')), path);
  }
});

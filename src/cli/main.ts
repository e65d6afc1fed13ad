#!/usr/bin/env node
import { CommanderError } from 'commander';
import { TidegateError } from '../quic/errors.js';
import { program } from './program.js';

const EXIT_USAGE = 2;

/** A pseudonym may begin with a dash, which makes it no option: it goes behind `--`. */
const PSEUDONYM = /^-[\w-]{21}$/;

function argumentsOf(given: readonly string[]): string[] {
  const names = given.includes('--') ? [] : given.filter((argument) => PSEUDONYM.test(argument));
  return names.length === 0 ? [...given] : [...given.filter((argument) => !PSEUDONYM.test(argument)), '--', ...names];
}

// Who reads may have read enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program.parseAsync(argumentsOf(process.argv.slice(2)), { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else if (error instanceof TidegateError) {
    process.stderr.write(`tidegate: ${error.message}\n`);
    process.exitCode = EXIT_USAGE;
  } else {
    throw error;
  }
}

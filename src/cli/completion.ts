import type { Command } from 'commander';
import { TidegateError } from '../quic/errors.js';

/** What may follow `path`: subcommands and long options. */
interface Words {
  path: string;
  words: string[];
}

function wordsOf(command: Command, path: string): Words[] {
  const options = command.options.flatMap(({ long }) => (long == null ? [] : [long]));
  const commands = command.commands.map((each) => each.name());
  return [
    { path, words: [...commands, ...options, '--help'] },
    ...command.commands.flatMap((each) => wordsOf(each, `${path} ${each.name()}`)),
  ];
}

function bash(all: readonly Words[]): string {
  const cases = all.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`);
  const commands = [...new Set(all.flatMap(({ path }) => path.split(' ').slice(1)))];
  return `_tidegate() {
  local word="\${COMP_WORDS[COMP_CWORD]}" path="tidegate" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case " $_tidegate_commands " in *" \${COMP_WORDS[i]} "*) path="$path \${COMP_WORDS[i]}" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))
}
_tidegate_commands="${commands.join(' ')}"
complete -o filenames -F _tidegate tidegate
`;
}

function fish(all: readonly Words[], program: Command): string {
  const [top, ...rest] = all;
  const descriptions = new Map(program.commands.map((each) => [each.name(), each.description()]));
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return [
    ...top.words
      .filter((word) => !word.startsWith('--'))
      .map(
        (word) =>
          `complete -c tidegate -n __fish_use_subcommand -f -a ${word} -d ${quoted(descriptions.get(word) ?? '')}`,
      ),
    ...rest.flatMap(({ path, words }) => {
      const seen = path
        .split(' ')
        .slice(1)
        .map((name) => `__fish_seen_subcommand_from ${name}`)
        .join('; and ');
      return words.map((word) =>
        word.startsWith('--')
          ? `complete -c tidegate -n ${quoted(seen)} -l ${word.slice(2)}`
          : `complete -c tidegate -n ${quoted(seen)} -f -a ${word}`,
      );
    }),
    '',
  ].join('\n');
}

/** Runs `tidegate completion`. Throws TIDEGATE_E_CONFIG for a shell that is not known. */
export function printCompletion(program: Command, shell: string): void {
  const all = wordsOf(program, 'tidegate');
  switch (shell) {
    case 'bash':
      process.stdout.write(bash(all));
      return;
    case 'zsh':
      process.stdout.write(`autoload -U +X bashcompinit && bashcompinit\n${bash(all)}`);
      return;
    case 'fish':
      process.stdout.write(fish(all, program));
      return;
    default:
      throw new TidegateError('TIDEGATE_E_CONFIG', `there is no completion for ${shell}`, {
        hint: 'bash, zsh or fish',
      });
  }
}

/** `dynakv recover` at a terminal: files read, questions asked. What it does is `recover.ts`'s. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parseNodeOptions } from '../config/parse-options.ts';
import { DynakvError } from '../lib/errors.ts';
import type { NodeWorld } from './node-world.ts';
import type { RecoverFlags } from './program.ts';
import { runRecover } from './recover.ts';

export interface RecoverTerminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Resolves to the exit code. */
export async function recoverCommand(
  flags: RecoverFlags,
  world: Omit<NodeWorld, 'stop'>,
  { input, output, environment }: RecoverTerminal,
): Promise<number> {
  const terminal = createInterface({ input, output });
  try {
    const reports = flags.reports.map((file) => readFileSync(file, 'utf8'));
    const options = { ...flags, reports, reportOnly: flags.report };
    return await runRecover(options, {
      world: { ...world, stop: new AbortController().signal },
      optionsOf: (data) => {
        const parsed = parseNodeOptions(['--data', data], environment);
        if (!parsed.ok) {
          throw new DynakvError('ConfigInvalid', parsed.problems.join('\n'));
        }
        return parsed.options;
      },
      ask: async (question) => await terminal.question(question),
      write: (text) => {
        output.write(text);
      },
    });
  } finally {
    terminal.close();
  }
}

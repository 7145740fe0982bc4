/** The image under test: built by `image/build.sh` from `dist`, or one that IMAGE names. */
import { join } from 'node:path';
import { run } from './lib/command.ts';
import { timeouts } from './lib/timeouts.ts';

const script = join(import.meta.dirname, 'image', 'build.sh');

/** Builds it, if there is a need to; its full name. `env` chooses tag, version and flavour. */
export async function buildImage(env: Readonly<Record<string, string>> = {}): Promise<string> {
  const given = process.env['IMAGE'];
  if (given !== undefined && given !== '') {
    return given;
  }
  const output = await run(script, [], { timeoutMs: timeouts.image, show: true, env });
  return output.trim().split('\n').at(-1) ?? '';
}

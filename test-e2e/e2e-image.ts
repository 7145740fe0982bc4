/** The images under test: built by `image/build.sh` from `dist`, or one that IMAGE names. */
import { join } from 'node:path';
import { run } from './lib/command.ts';
import { timeouts } from './lib/timeouts.ts';
import { chooseProvider } from './providers/provider.ts';

const script = join(import.meta.dirname, 'image', 'build.sh');

/** Builds it, if there is a need to; its full name. `env` chooses tag, version and flavour. */
export async function buildImage(env: Readonly<Record<string, string>> = {}): Promise<string> {
  const given = process.env['IMAGE'];
  if (given !== undefined && given !== '' && Object.keys(env).length === 0) {
    return given;
  }
  const output = await run(script, [], { timeoutMs: timeouts.image, show: true, env });
  return output.trim().split('\n').at(-1) ?? '';
}

/**
 * The same programs as another version, in the provider's cluster; its name. Its tag is that version,
 * and so is its renderer of pods: its operator would make other pods of the same spec.
 */
export async function loadVersion(provider: string, version: string): Promise<string> {
  const image = await buildImage({
    ...{ IMAGE_TAG: version, IMAGE_VERSION: version, IMAGE_RENDERER: version },
  });
  await (await chooseProvider(provider)).loadImage(image);
  return image;
}

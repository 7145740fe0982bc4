/** kubectl, for what it does better than requests by hand: exec, manifests, descriptions. */
import type { CommandOptions, CommandResult } from './command.ts';
import { run, tryRun } from './command.ts';

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly container?: string;
}

export class Kubectl {
  readonly #program: string;
  readonly #base: readonly string[];

  constructor(program: string, kubeconfig: string) {
    this.#program = program;
    this.#base = ['--kubeconfig', kubeconfig];
  }

  /** Its output; throws unless it ends with 0. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return await run(this.#program, [...this.#base, ...args], options);
  }

  async tryRun(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return await tryRun(this.#program, [...this.#base, ...args], options);
  }

  /** Applies a manifest, YAML or JSON, by server-side apply. */
  async apply(manifest: string, namespace?: string): Promise<void> {
    const where = namespace === undefined ? [] : ['--namespace', namespace];
    await this.run(['apply', '--server-side', '--force-conflicts', ...where, '-f', '-'], {
      input: manifest,
    });
  }

  /** Runs a program in a container; its output. */
  async exec(
    pod: PodRef,
    command: readonly string[],
    options: CommandOptions = {},
  ): Promise<string> {
    return await this.run(['exec', '-i', ...inPod(pod), '--', ...command], options);
  }

  /** The container's log, or that of its life before this one. */
  async logs(pod: PodRef, previous = false): Promise<string> {
    return await this.run(['logs', ...inPod(pod), ...(previous ? ['--previous'] : [])]);
  }
}

function inPod(pod: PodRef): readonly string[] {
  const container = pod.container === undefined ? [] : ['--container', pod.container];
  return ['--namespace', pod.namespace, pod.name, ...container];
}

/** Flaws of the executor and the router: deciding, answering, asking again. */
import type { Flaw } from './flaw.ts';

const executor = { file: 'node/executor/executor.ts', storm: 'hot' } as const;

export const executorFlaws: readonly Flaw[] = [
  {
    name: 'refusal-released-early',
    rule: 'P4: a refusal waits for everything logged and for a round',
    ...executor,
    before:
      '      this.#releaseLater(decision.reply, done);\n      return;\n    }\n    const index',
    after: '      done(undefined, decision.reply);\n      return;\n    }\n    const index',
    seed: 7,
  },
  {
    name: 'refusal-before-applied',
    rule: 'P4: a refusal waits for everything logged at evaluation',
    ...executor,
    before: '} else if (this.#group.replica.applied.index >= evaluatedIndex) {',
    after: '} else if (this.#group.replica.applied.index >= 0) {',
    seed: 7,
  },
  {
    name: 'overlay-forgets-proposals',
    rule: 'design 3.3: evaluation sees the proposals before it',
    ...executor,
    before: "this.#overlay.put(write.key.toString('latin1'), index, write.value);",
    after: 'void this.#overlay;',
    seed: 1,
  },
  {
    name: 'overlay-drops-newer-row',
    rule: 'design 3.3: an overlay row leaves when its own entry is applied',
    file: 'node/executor/overlay.ts',
    storm: 'hot',
    before: 'if (row?.index === index) {',
    after: 'if (row !== undefined) {',
    seed: 7,
  },
  {
    name: 'evaluation-across-await',
    rule: 'P1: after a fetch evaluation starts anew',
    ...executor,
    before: `    const row = needsRow(command) ? this.#lookup(name) : null;
    if (row === undefined) {
      this.#fetch(command.rowKey, done, fetches, () => {
        this.#attempt(command, fetches + 1, done);
      });`,
    after: `    const seen = (command as { seen?: Buffer | null }).seen;
    const row = seen !== undefined ? seen : needsRow(command) ? this.#lookup(name) : null;
    if (row === undefined) {
      this.#fetch(command.rowKey, done, fetches, () => {
        const seen = this.#group.replica.read(name) ?? null;
        this.#group.readBarrier(() => {
          this.#attempt({ ...command, seen } as WriteCommand, fetches + 1, done);
        });
      });`,
    seed: 6,
  },
  {
    name: 'versions-of-the-applied-index',
    rule: 'P5: a version is of the entry that makes it',
    ...executor,
    before: 'const stamp = { incarnation, index, ordinal: 0 };',
    after:
      'const stamp = { incarnation, index: this.#group.replica.applied.index + 1, ordinal: 0 };',
    seed: 1,
  },
  {
    name: 'unknown-outcome-tried-again',
    rule: 'design 3.2: only what surely was not done is tried again',
    file: 'node/router/router.ts',
    storm: 'hot',
    before: "if (isFinal || error.retry === 'never' || error.retry === 'unknown') {",
    after: "if (isFinal || error.retry === 'never') {",
    seed: 13,
  },
];

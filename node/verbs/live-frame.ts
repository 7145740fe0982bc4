/**
 * A text that is drawn again and again at the same place of a terminal. Where there is none, each
 * draw is written below the last. Lines are taken to fit the width; a longer one leaves its rest.
 */
import type { VerbWorld } from './verb-world.ts';

const up = (lines: number): string => (lines > 0 ? `\u001b[${lines}A` : '');
/** From the cursor to the end of the screen. */
const clearBelow = '\u001b[0J';

export class LiveFrame {
  readonly #world: Pick<VerbWorld, 'writeOut' | 'isTerminal'>;
  #lines = 0;

  constructor(world: Pick<VerbWorld, 'writeOut' | 'isTerminal'>) {
    this.#world = world;
  }

  draw(text: string): void {
    const back = this.#world.isTerminal ? `${up(this.#lines)}\r${clearBelow}` : '';
    this.#world.writeOut(`${back}${text}\n`);
    this.#lines = text.split('\n').length;
  }
}

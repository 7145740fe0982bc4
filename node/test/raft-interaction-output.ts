/** What an interaction trace prints: the log lines of all replicas and the commands' own output. */
import type { RaftLogger } from '../raft/logger.ts';

const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'NONE'] as const;
const quietLevel = levels.length - 1;

export class InteractionOutput implements RaftLogger {
  text = '';
  /** Position in `levels`; the highest silences the commands too. */
  level = 0;

  get isQuiet(): boolean {
    return this.level === quietLevel;
  }

  /** Sets the level by name; a string is what is wrong. */
  setLevel(name: string): string | undefined {
    const level = (levels as readonly string[]).indexOf(name.toUpperCase());
    if (level < 0) {
      return `log levels must be either of [${levels.join(' ')}]`;
    }
    this.level = level;
    return undefined;
  }

  write(text: string): void {
    if (!this.isQuiet) {
      this.text += text;
    }
  }

  /** Indents everything that `body` writes. */
  indent(body: () => void): void {
    const outer = this.text;
    this.text = '';
    body();
    const lines = this.text.split('\n');
    if (lines.at(-1) === '') {
      lines.pop();
    }
    this.text = outer + lines.map((line) => `  ${line}\n`).join('');
  }

  #log(level: number, text: string): void {
    if (this.level <= level) {
      this.write(`${levels[level]} ${text}\n`);
    }
  }

  debug(text: string): void {
    this.#log(0, text);
  }

  info(text: string): void {
    this.#log(1, text);
  }

  warn(text: string): void {
    this.#log(2, text);
  }

  error(text: string): void {
    this.#log(3, text);
  }
}

/** A progress bar as text: pure, so that a frame of it can be compared with what was accepted. */

const widthDefault = 30;

/** `[█████████░░░░░] 62 %`; full only when all is done. */
export function progressBar(done: number, total: number, width = widthDefault): string {
  const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total));
  const filled = Math.floor(share * width);
  const percent = Math.floor(share * 100);
  return `[${'█'.repeat(filled)}${'░'.repeat(width - filled)}] ${String(percent).padStart(3)} %`;
}

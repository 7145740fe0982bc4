/** Kubernetes quantities as numbers: `64Mi`, `1G`, `500m`, `2e3`. Checked by the schema before. */

const suffixes: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** The number that a quantity stands for; throws if it is none. */
export function parseQuantity(text: string): number {
  const found = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]{0,2})$/.exec(text);
  const factor = suffixes[found?.[2] ?? ''];
  if (found === null || factor === undefined) {
    throw new Error(`Cannot read a quantity: "${text}"`);
  }
  return Number(found[1]) * factor;
}

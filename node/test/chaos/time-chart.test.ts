// Goal: the picture shows every second and every fault, inside its frame. Method: its text.
import { describe, expect, test } from '@jest/globals';
import { drawChart, stepOf } from './time-chart.ts';

const seconds = [
  { answered: 100, failed: 0, p50Ms: 3, p99Ms: 20 },
  { answered: 0, failed: 40, p50Ms: undefined, p99Ms: undefined },
  { answered: 80, failed: 5, p50Ms: 4, p99Ms: 50_000 },
];

describe('drawChart()', () => {
  const svg = drawChart({
    title: 'a < b',
    seconds,
    bands: [
      { kind: 'kill', fromSecond: 0.5, toSecond: 1.5 },
      { kind: 'disk', fromSecond: 2, toSecond: 2 },
    ],
    kinds: ['kill', 'disk'],
  });

  test('is one well-formed picture without numbers that are none', () => {
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(svg).toContain('a &lt; b');
  });

  test('each fault is a band in its row and a shade over both panels, seen however short', () => {
    const red = svg.match(/<rect [^>]*fill="#c0392b"[^>]*>/g) ?? [];
    expect(red).toHaveLength(3);
    const purple = svg.match(/<rect [^>]*fill="#8e44ad"[^>]*>/g) ?? [];
    expect(purple).toHaveLength(3);
    expect(purple[0]).toContain('width="1.5"');
  });

  test('a second without an answer leaves a gap in the latencies', () => {
    const green = /<path d="([^"]*)" [^>]*stroke="#2ca02c"/.exec(svg)?.[1] ?? '';
    expect(green.match(/M/g)).toHaveLength(2);
    const blue = /<path d="([^"]*)" [^>]*stroke="#1f77b4"/.exec(svg)?.[1] ?? '';
    expect(blue.match(/[ML]/g)).toHaveLength(3);
  });
});

describe('stepOf()', () => {
  test.each([
    [100, 5, 20],
    [7, 4, 2],
    [3_600, 12, 500],
    [1, 4, 0.5],
  ])('%d in about %d steps is %d', (most, count, step) => {
    expect(stepOf(most, count)).toBeCloseTo(step);
  });
});

/**
 * A picture of a chaos run as SVG text: answered and failed operations a second, latencies on a
 * logarithmic scale, and below them a row of bands for each kind of fault. Pure.
 */
import type { Second } from './time-samples.ts';

export interface Band {
  readonly kind: string;
  readonly fromSecond: number;
  readonly toSecond: number;
}

export interface ChartData {
  readonly title: string;
  readonly seconds: readonly Second[];
  readonly bands: readonly Band[];
  /** The rows of bands, from above; each has its colour. */
  readonly kinds: readonly string[];
}

const width = 1280;
const left = 70;
const right = 20;
const plotWidth = width - left - right;
const panelHeight = 180;
const throughputTop = 50;
const latencyTop = throughputTop + panelHeight + 40;
const bandsTop = latencyTop + panelHeight + 40;
const rowHeight = 18;
const latencyMsMin = 1;
const latencyMsMax = 10_000;
const colours = [
  ...['#c0392b', '#8e44ad', '#2c7fb8', '#16a085', '#d35400'],
  ...['#b8860b', '#7f8c8d', '#2c3e50', '#27ae60'],
];

type Scale = (value: number) => number;

function element(name: string, attributes: Readonly<Record<string, string | number>>): string {
  const text = Object.entries(attributes).map(([key, value]) => `${key}="${String(value)}"`);
  return `<${name} ${text.join(' ')}/>`;
}

function label(x: number, y: number, text: string, anchor = 'start', size = 12): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}">${escaped}</text>`;
}

/** A round number of a good size for about `count` steps up to `most`. */
export function stepOf(most: number, count: number): number {
  const rough = Math.max(most, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * (([1, 2, 5, 10] as const).find((each) => each * power >= rough) ?? 10);
}

function path(points: readonly (readonly [number, number] | undefined)[], colour: string): string {
  let isDrawing = false;
  const parts: string[] = [];
  for (const point of points) {
    if (point === undefined) {
      isDrawing = false;
    } else {
      parts.push(`${isDrawing ? 'L' : 'M'}${point[0].toFixed(1)} ${point[1].toFixed(1)}`);
      isDrawing = true;
    }
  }
  const d = parts.join('');
  return element('path', { d, fill: 'none', stroke: colour, 'stroke-width': 1.3 });
}

function frame(top: number, height: number, title: string): string {
  return (
    element('rect', { x: left, y: top, width: plotWidth, height, fill: 'none', stroke: '#999' }) +
    label(left, top - 8, title)
  );
}

function throughput(data: ChartData, x: Scale): string {
  const most = Math.max(10, ...data.seconds.map(({ answered, failed }) => answered + failed));
  const y: Scale = (value) => throughputTop + panelHeight * (1 - value / most);
  const lines: string[] = [];
  for (let value = 0; value <= most; value += stepOf(most, 4)) {
    lines.push(
      element('line', { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: '#ddd' }),
      label(left - 6, y(value) + 4, String(value), 'end'),
    );
  }
  const points = (of: (second: Second) => number): (readonly [number, number])[] =>
    data.seconds.map((second, index) => [x(index + 0.5), y(of(second))] as const);
  return [
    ...lines,
    path(
      points(({ answered }) => answered),
      '#1f77b4',
    ),
    path(
      points(({ failed }) => failed),
      '#d62728',
    ),
    frame(throughputTop, panelHeight, 'operations a second: answered (blue), failed (red)'),
  ].join('\n');
}

function latency(data: ChartData, x: Scale): string {
  const decades = Math.log10(latencyMsMax / latencyMsMin);
  const y: Scale = (value) => {
    const bounded = Math.min(latencyMsMax, Math.max(latencyMsMin, value));
    return latencyTop + panelHeight * (1 - Math.log10(bounded / latencyMsMin) / decades);
  };
  const lines: string[] = [];
  for (let value = latencyMsMin; value <= latencyMsMax; value *= 10) {
    lines.push(
      element('line', { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: '#ddd' }),
      label(left - 6, y(value) + 4, `${value} ms`, 'end'),
    );
  }
  const points = (
    of: (second: Second) => number | undefined,
  ): (readonly [number, number] | undefined)[] =>
    data.seconds.map((second, index) => {
      const value = of(second);
      return value === undefined ? undefined : ([x(index + 0.5), y(value)] as const);
    });
  return [
    ...lines,
    path(
      points(({ p99Ms }) => p99Ms),
      '#ff7f0e',
    ),
    path(
      points(({ p50Ms }) => p50Ms),
      '#2ca02c',
    ),
    frame(latencyTop, panelHeight, 'latency of answers: p50 (green), p99 (orange)'),
  ].join('\n');
}

/** A row for each kind, and a light shade over the panels above. */
function bands(data: ChartData, x: Scale): string {
  const parts: string[] = [];
  for (const [row, kind] of data.kinds.entries()) {
    const top = bandsTop + row * rowHeight;
    const colour = colours[row % colours.length] ?? '#333';
    parts.push(label(left - 6, top + 13, kind, 'end'));
    for (const band of data.bands.filter((each) => each.kind === kind)) {
      const from = x(band.fromSecond);
      const bandWidth = Math.max(1.5, x(band.toSecond) - from).toFixed(1);
      const common = { x: from.toFixed(1), width: bandWidth, fill: colour };
      parts.push(element('rect', { ...common, y: top + 2, height: rowHeight - 4 }));
      for (const panel of [throughputTop, latencyTop]) {
        const shade = { y: panel, height: panelHeight, 'fill-opacity': 0.1 };
        parts.push(element('rect', { ...common, ...shade }));
      }
    }
  }
  return parts.join('\n');
}

function timeAxis(total: number, x: Scale, bottom: number): string {
  const step = stepOf(total, 12);
  const parts: string[] = [];
  for (let second = 0; second <= total; second += step) {
    parts.push(label(x(second), bottom + 16, `${second} s`, 'middle'));
  }
  return parts.join('\n');
}

export function drawChart(data: ChartData): string {
  const total = Math.max(1, data.seconds.length);
  const x: Scale = (second) => left + (plotWidth * second) / total;
  const bottom = bandsTop + data.kinds.length * rowHeight;
  const height = bottom + 30;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" font-family="sans-serif">`,
    element('rect', { width, height, fill: 'white' }),
    label(left, 22, data.title, 'start', 15),
    bands(data, x),
    throughput(data, x),
    latency(data, x),
    frame(bandsTop, data.kinds.length * rowHeight, 'faults'),
    timeAxis(total, x, bottom),
    '</svg>',
    '',
  ].join('\n');
}

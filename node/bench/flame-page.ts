/**
 * A flame graph as one HTML file that needs nothing else: callers above, callees below, width =
 * time. A click zooms, the search colours what matches and adds up its time. How to read it:
 * `node/docs/flamegraph.md`. Pure.
 */
import type { FlameTree, Frame } from './cpu-profile.ts';
import { heaviestFrames } from './cpu-profile.ts';

export interface FlamePage {
  readonly title: string;
  readonly tree: FlameTree;
}

/** A frame in few characters: name, place, kind, total, children. */
type Packed = readonly [string, string, string, number, readonly Packed[]];

const heaviestCount = 15;

function pack(frame: Frame): Packed {
  const { name, place, kind, total, children } = frame;
  return [name, place, kind, Math.round(total), children.map(pack)];
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function renderFlameGraph({ title, tree }: FlamePage): string {
  const { root, idleMicros } = tree;
  const percent = (micros: number, of: number): string => ((micros / of) * 100).toFixed(1);
  const busy = percent(root.total, root.total + idleMicros);
  const rows = heaviestFrames(root, heaviestCount).map(
    (frame) =>
      `<tr><td>${percent(frame.self, root.total)} %</td>` +
      `<td class="${frame.kind}">${escapeHtml(frame.name)}</td>` +
      `<td>${escapeHtml(frame.place)}</td></tr>`,
  );
  // A "<" inside the data would end the script early.
  const data = JSON.stringify(pack(root)).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
<h1>${escapeHtml(title)}</h1>
<p>The loop was busy ${busy} % of the time; widths are shares of that. Click a frame to zoom, the
top one to go back. <input id="search" placeholder="search" aria-label="search">
<span id="found"></span></p>
<p><span class="key own">node/</span> <span class="key package">packages</span>
<span class="key node">Node's own</span> <span class="key engine">engine and native code</span></p>
<div id="graph"></div>
<h2>Most time of their own</h2>
<table>${rows.join('\n')}</table>
<script>
const data = ${data};
${script}
</script>
</html>
`;
}

const style = `
body { font: 14px system-ui, sans-serif; margin: 1rem; color: #222; background: #fff; }
h1 { font-size: 1.2rem; } h2 { font-size: 1rem; margin-top: 1.5rem; }
#graph { position: relative; }
#graph div { position: absolute; box-sizing: border-box; height: 18px; overflow: hidden;
  white-space: nowrap; font: 11px/17px ui-monospace, monospace; padding-left: 3px;
  border: 1px solid #fff; border-radius: 2px; cursor: pointer; }
.own { background: #f4a261; } .package { background: #e9d8a6; }
.node { background: #a8dadc; } .engine { background: #d3d3d3; }
.key { padding: 1px 6px; border-radius: 2px; }
#graph div.hit { background: #c77dff; } #graph div.above { opacity: 0.55; }
td { padding: 1px 10px 1px 0; font: 12px ui-monospace, monospace; }
td.own, td.package, td.node, td.engine { padding-left: 6px; }
`;

/** Runs in the page. Only what is wider than a pixel is drawn, so large profiles stay quick. */
const script = `
const graph = document.getElementById('graph');
const search = document.getElementById('search');
const found = document.getElementById('found');
const all = data[3];
let zoom = [data];
function matches(frame, text) {
  return text !== '' && (frame[0] + ' ' + frame[1]).toLowerCase().includes(text);
}
function timeOf(frame, text) {
  const below = () => frame[4].reduce((sum, one) => sum + timeOf(one, text), 0);
  return matches(frame, text) ? frame[3] : below();
}
function draw() {
  const text = search.value.trim().toLowerCase();
  const width = graph.clientWidth;
  const top = zoom[zoom.length - 1];
  const parts = [];
  let depthMost = 0;
  function add(frame, path, left, size, depth, above) {
    const box = document.createElement('div');
    const share = (frame[3] / all * 100).toFixed(2) + ' %';
    box.textContent = frame[0];
    const time = share + ', ' + (frame[3] / 1000).toFixed(1) + ' ms';
    box.title = frame[0] + '\\n' + frame[1] + '\\n' + time;
    box.className = frame[2] + (above ? ' above' : '') + (matches(frame, text) ? ' hit' : '');
    box.style.left = left + 'px';
    box.style.top = depth * 18 + 'px';
    box.style.width = size + 'px';
    box.onclick = () => { zoom = path; draw(); };
    parts.push(box);
    depthMost = Math.max(depthMost, depth);
  }
  zoom.forEach((frame, depth) => {
    add(frame, zoom.slice(0, depth + 1), 0, width, depth, depth < zoom.length - 1);
  });
  function below(frame, path, left, size, depth) {
    let at = left;
    for (const child of frame[4]) {
      const part = size * child[3] / frame[3];
      if (part >= 1) {
        const next = path.concat([child]);
        add(child, next, at, part, depth, false);
        below(child, next, at, part, depth + 1);
      }
      at += part;
    }
  }
  below(top, zoom, 0, width, zoom.length);
  graph.replaceChildren(...parts);
  graph.style.height = (depthMost + 1) * 18 + 'px';
  const share = (timeOf(data, text) / all * 100).toFixed(1);
  found.textContent = text === '' ? '' : share + ' % in matching frames';
}
search.oninput = draw;
window.onresize = draw;
draw();
`;

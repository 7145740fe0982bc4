/**
 * The habits of this repository as a test: levels, cycles, sizes, names, banned texts, dead
 * files. The facts are in `levels.ts`; every failure names the file and what to do. Method: each
 * rule collects its problems as sentences, and the list must be empty.
 */
import { describe, expect, test } from '@jest/globals';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as rules from './levels.ts';
import type { SourceFile } from './source-tree.ts';
import { listFiles, readSource, readText, repositoryRoot, resolveImport } from './source-tree.ts';

const files = listFiles();
const sources = files.filter((path) => path.endsWith('.ts')).map(readSource);
const written = sources.filter((source) => !source.path.includes('/gen/'));
const isTest = (path: string): boolean => path.endsWith('.test.ts');
/** Test files, and what only they use: suites, `test-…` stand-ins. They may wire as they like. */
const isForTests = (source: SourceFile): boolean =>
  isTest(source.path) ||
  /\/test(ing)?-[a-z-]+\.ts$/.test(source.path) ||
  source.imports.includes('@jest/globals');
const product = written.filter((source) => !isForTests(source));

/** The folder of `node/` or `operator/` that a path belongs to, or the file itself at its top. */
function folderOf(path: string): string {
  return path.split('/')[1] ?? path;
}

const isOperator = (path: string): boolean => path.startsWith('operator/');

function levelOf(path: string): number | undefined {
  return (isOperator(path) ? rules.operatorLevels : rules.levels)[folderOf(path)];
}

function isWiring(path: string): boolean {
  if (isOperator(path)) {
    return rules.operatorWiring.includes(folderOf(path));
  }
  return (
    rules.wiring.includes(folderOf(path)) ||
    rules.mainParts.includes(path) ||
    !path.startsWith('node/')
  );
}

function isPure(path: string): boolean {
  const folders = isOperator(path) ? rules.operatorPureFolders : rules.pureFolders;
  return (isOperator(path) || path.startsWith('node/')) && folders.includes(folderOf(path));
}

function mayReachWorld(path: string): boolean {
  return (
    isWiring(path) ||
    (!isOperator(path) && (levelOf(path) ?? 0) >= rules.doorLevel) ||
    rules.nodeModulePlaces.some((place) => path.startsWith(place.prefix))
  );
}

/** The package of a bare specifier: `@a/b/c` → `@a/b`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Why a file of one program may not import one of the other; undefined if it may. */
function programProblem(from: string, target: string): string | undefined {
  if (!isOperator(from)) {
    return from.startsWith('node/') && !isTest(from) && isOperator(target)
      ? `${from}: cannot import ${target}: the database does not know its operator`
      : undefined;
  }
  const isShared =
    rules.operatorShared.some((prefix) => target.startsWith(prefix)) &&
    (!target.startsWith('node/sys/real/') || isWiring(from) || folderOf(from) === 'cli');
  return isOperator(target) || isShared
    ? undefined
    : `${from}: cannot import ${target}: see operatorShared in levels.ts`;
}

function levelProblem(source: SourceFile, target: string): string | undefined {
  const otherProgram = programProblem(source.path, target);
  if (otherProgram !== undefined || isOperator(source.path) !== isOperator(target)) {
    return otherProgram;
  }
  const [from, to] = [folderOf(source.path), folderOf(target)];
  if (isWiring(source.path) || from === to) {
    return undefined;
  }
  if (target.startsWith('node/sys/real/') && from !== 'cli') {
    return `${source.path}: cannot import ${target}: only main.ts, sim and bench choose it`;
  }
  const [above, below] = [levelOf(source.path), levelOf(target)];
  if (above === undefined || below === undefined) {
    return `${source.path}: cannot import ${target}: "${from}" or "${to}" has no level`;
  }
  return below < above ? undefined : `${source.path} (L${above}) imports ${target} (L${below})`;
}

/** Paths that import each other in a circle, types left out, each circle once. */
function findCycles(): readonly string[] {
  const graph = new Map<string, readonly string[]>();
  for (const source of sources) {
    const targets = source.valueImports.map((specifier) => resolveImport(source.path, specifier));
    graph.set(
      source.path,
      targets.filter((target) => target !== undefined),
    );
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push([...trail.slice(start), path].join(' → '));
    } else if (!done.has(path)) {
      for (const target of graph.get(path) ?? []) {
        walk(target, [...trail, path]);
      }
      done.add(path);
    }
  };
  for (const path of graph.keys()) {
    walk(path, []);
  }
  return cycles;
}

describe('levels', () => {
  test('an import goes to a lower level or stays inside its folder', () => {
    const problems = product.flatMap((source) =>
      source.imports.map((specifier) => {
        const target = resolveImport(source.path, specifier);
        return target === undefined ? undefined : levelProblem(source, target);
      }),
    );
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test('there is no circle of imports', () => {
    expect(findCycles()).toEqual([]);
  });

  test('only the places listed reach for the real world', () => {
    const problems: string[] = [];
    for (const source of product.filter((each) => !mayReachWorld(each.path))) {
      const pure = isPure(source.path);
      for (const specifier of source.valueImports.filter((each) => each.startsWith('node:'))) {
        if (pure || !rules.pureNodeModules.includes(specifier)) {
          problems.push(`${source.path}: cannot import ${specifier}: use an interface of node/sys`);
        }
      }
      for (const [name, instead] of rules.worldGlobals) {
        if (source.identifiers.has(name)) {
          problems.push(`${source.path}: cannot use ${name}: use ${instead}`);
        }
      }
      if (/\bMath\.random\b/.test(source.text)) {
        problems.push(`${source.path}: cannot use Math.random: use sys/random.ts`);
      }
    }
    expect(problems).toEqual([]);
  });

  test('the pure folders never wait', () => {
    const waiting = product.filter((source) => isPure(source.path) && source.isAsync);
    expect(waiting.map((source) => source.path)).toEqual([]);
  });

  test('a package is imported in the folders that wrap it, and nowhere else', () => {
    const problems: string[] = [];
    for (const source of product.filter((each) => folderOf(each.path) !== 'test')) {
      for (const specifier of source.imports) {
        if (!specifier.startsWith('.') && !specifier.startsWith('node:')) {
          const name = packageOf(specifier);
          const isBench = ['bench', 'sim'].includes(folderOf(source.path));
          if (!isBench && rules.packagePlaces[name]?.includes(folderOf(source.path)) !== true) {
            problems.push(`${source.path}: cannot import ${name}: see packagePlaces in levels.ts`);
          }
        }
      }
    }
    expect(problems).toEqual([]);
  });
});

/** Why a file of `test-e2e/` may not import a target; undefined if it may. */
function e2eProblem(from: string, target: string): string | undefined {
  const [, folder = '', isNested] = from.split('/');
  const [place, other = '', isBelow] = target.split('/');
  if (place !== 'test-e2e') {
    const isShared = rules.e2eShared.some((prefix) => target.startsWith(prefix));
    return isShared ? undefined : `${from}: cannot import ${target}: use the network`;
  }
  if (isNested === undefined || folder === other) {
    return undefined;
  }
  const above = rules.e2eLevels[folder] ?? -1;
  // A file at the top stands above every folder but the specs.
  const below = isBelow === undefined ? 2.5 : (rules.e2eLevels[other] ?? above);
  return below < above ? undefined : `${from} imports ${target}: see e2eLevels in levels.ts`;
}

describe('end-to-end tests', () => {
  test('they meet the programs over the network, and keep levels of their own', () => {
    const problems: string[] = [];
    for (const source of written) {
      for (const specifier of source.imports) {
        const target = resolveImport(source.path, specifier);
        if (target?.startsWith('test-e2e/') === true && !source.path.startsWith('test-e2e/')) {
          problems.push(`${source.path}: cannot import ${target}`);
        } else if (target !== undefined && source.path.startsWith('test-e2e/')) {
          problems.push(e2eProblem(source.path, target) ?? '');
        }
      }
    }
    expect(problems.filter((problem) => problem !== '')).toEqual([]);
  });
});

describe('sizes', () => {
  test('files are short', () => {
    const long = written.map((source) => {
      const lines = source.text.split('\n').length - 1;
      const most = rules.longFiles.get(source.path) ?? rules.fileLinesMax;
      return lines > most ? `${source.path}: ${lines} lines, at most ${most}` : undefined;
    });
    expect(long.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test('lines are short', () => {
    const problems: string[] = [];
    for (const source of written) {
      for (const [index, line] of source.text.split('\n').entries()) {
        if (line.length > rules.lineColumnsMax && !/https?:\/\/|^import |['"`]/.test(line)) {
          problems.push(`${source.path}:${index + 1}: ${line.length} columns`);
        }
      }
    }
    expect(problems).toEqual([]);
  });

  test('functions are short, and the long ones that exist do not grow', () => {
    const problems: string[] = [];
    for (const source of product) {
      for (const found of source.functions) {
        const key = `${source.path}#${found.name}`;
        const most = rules.longFunctions.get(key) ?? rules.functionLinesMax;
        if (found.lines > most) {
          problems.push(`${key}: ${found.lines} lines, at most ${most}`);
        }
      }
    }
    expect(problems).toEqual([]);
  });
});

describe('texts and names', () => {
  test('no banned text stands in a source or a document', () => {
    const problems: string[] = [];
    const texts = files.filter(
      (path) =>
        /\.(ts|js|md|sh|json|yml)$|Makefile$|^\.ci\//.test(path) &&
        !/package-lock\.json$|^node\/test\/levels\.ts$|\/gen\/|\/testdata\/|config\.js$/.test(path),
    );
    for (const path of texts) {
      for (const [index, line] of readText(path).split('\n').entries()) {
        for (const { pattern, instead } of rules.bannedTexts) {
          const found = pattern.exec(line)?.[0];
          if (found !== undefined) {
            problems.push(`${path}:${index + 1}: write ${instead}, not "${found}"`);
          }
        }
      }
    }
    expect(problems).toEqual([]);
  });

  test('a file is named for the noun it exports, in kebab case', () => {
    const problems = written.filter(
      ({ path }) => rules.bannedNames.test(path) || !/\/[a-z0-9-]+(\.[a-z0-9]+)*\.ts$/.test(path),
    );
    expect(problems.map((source) => source.path)).toEqual([]);
  });

  test('a source opens with a comment that says what it is for', () => {
    const silent = product.filter((source) => !/^\/\*\*|^\/\//.test(source.text));
    expect(silent.map((source) => source.path)).toEqual([]);
  });

  test('a document has one title', () => {
    const problems = files
      .filter((path) => path.endsWith('.md'))
      .filter((path) => {
        const prose = readText(path).replace(/^```[\s\S]*?^```/gm, '');
        return [...prose.matchAll(/^# /gm)].length !== 1;
      });
    expect(problems).toEqual([]);
  });

  test('the map of the code names files that exist', () => {
    const text = readText('node/README.md');
    const named = [...text.matchAll(/`([a-z0-9-]+(?:\/[a-z0-9-]+)*\/[a-z0-9-]+\.ts)`/g)];
    const missing = named.map(([, path]) => `node/${path ?? ''}`);
    expect(missing.filter((path) => !files.includes(path))).toEqual([]);
  });

  test('CONTRIBUTING fits on a page', () => {
    expect(readText('CONTRIBUTING.md').split('\n').length).toBeLessThanOrEqual(101);
  });
});

describe('files', () => {
  test('every source is an entry point or imported by more than its own test', () => {
    const importers = new Map<string, string[]>();
    for (const source of sources) {
      for (const specifier of source.imports) {
        const target = resolveImport(source.path, specifier);
        if (target !== undefined) {
          importers.set(target, [...(importers.get(target) ?? []), source.path]);
        }
      }
    }
    const dead = product.filter((source) => {
      const own = source.path.replace(/\.ts$/, '');
      const users = (importers.get(source.path) ?? []).filter(
        (path) => !(isTest(path) && path.startsWith(`${own}.`)),
      );
      const isEntry =
        rules.entryPoints.includes(source.path) || /import\.meta\.main/.test(source.text);
      return users.length === 0 && !isEntry && !source.path.endsWith('.d.ts');
    });
    expect(dead.map((source) => source.path)).toEqual([]);
  });

  test('the tree is the fixed one', () => {
    const strangers = files.filter(
      (path) =>
        !rules.topLevel.includes(path.split('/')[0] ?? '') ||
        (path.endsWith('.ts') && !isWiring(path) && levelOf(path) === undefined),
    );
    expect(strangers).toEqual([]);
  });

  test('no file is a large blob', () => {
    const large = files.filter(
      (path) => statSync(join(repositoryRoot, path)).size > rules.blobBytesMax,
    );
    expect(large).toEqual([]);
  });

  test('a series named in a source or a dashboard is in the list of series', () => {
    const list = readText('node/metrics/names.ts');
    const problems: string[] = [];
    const places = files.filter((path) => /\.(ts|json|md)$/.test(path) && !isTest(path));
    for (const path of places) {
      for (const [name] of readText(path).matchAll(/\bdynakv_[a-z0-9_]+[a-z0-9]\b/g)) {
        const base = name.replace(/_(bucket|sum|count)$/, '');
        if (!list.includes(`'${base}'`) && !list.includes(`'${name}'`)) {
          problems.push(`${path}: "${name}" is not in node/metrics/names.ts`);
        }
      }
    }
    expect(problems).toEqual([]);
  });
});

describe('dependencies', () => {
  const manifest = JSON.parse(readText('package.json')) as Record<string, Record<string, string>>;
  const packages = { ...manifest['dependencies'], ...manifest['devDependencies'] };

  test('versions are exact, and the lock file names no address', () => {
    const loose = Object.entries(packages).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    expect(loose).toEqual([]);
    expect(readText('package-lock.json')).not.toContain('"resolved"');
  });

  test('each has its line in the decision record', () => {
    const record = readText('node/docs/decisions/0005-dependencies.md');
    expect(Object.keys(packages).filter((name) => !record.includes(`\`${name}\``))).toEqual([]);
  });
});

/**
 * Reads the repository as data for the tidy test: the files, and of each TypeScript file its
 * imports, functions and free identifiers. It judges nothing: `tidy.test.ts` does.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** `.git` is a file in a second work tree of a repository. */
const skipped = new Set(['node_modules', 'dist', 'out', '.data', 'coverage', '.git']);

export interface SourceFunction {
  readonly name: string;
  readonly lines: number;
}

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  /**
   * Specifiers as written, of static and dynamic imports and of `new URL('…', import.meta.url)`.
   */
  readonly imports: readonly string[];
  /** The subset that survives type stripping. */
  readonly valueImports: readonly string[];
  readonly functions: readonly SourceFunction[];
  /** Names that are read, not declared and not members of something. */
  readonly identifiers: ReadonlySet<string>;
  readonly isAsync: boolean;
}

/** All files of the repository that are not generated or installed, sorted. */
export function listFiles(folder = ''): readonly string[] {
  const paths: string[] = [];
  for (const entry of readdirSync(join(repositoryRoot, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (skipped.has(entry.name)) {
      continue;
    }
    if (entry.isDirectory()) {
      paths.push(...listFiles(path));
    } else if (!entry.name.endsWith('.log')) {
      paths.push(path);
    }
  }
  return paths.sort();
}

export function readText(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

/** The repository path an import of `from` means; undefined for packages and Node's modules. */
export function resolveImport(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined;
}

/** Parses one TypeScript file. */
export function readSource(path: string): SourceFile {
  const text = readText(path);
  const root = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const imports: string[] = [];
  const valueImports: string[] = [];
  const functions: SourceFunction[] = [];
  const identifiers = new Set<string>();
  let isAsync = false;
  const lineOf = (position: number): number => root.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    const found = importOf(node);
    if (found !== undefined) {
      imports.push(found.specifier);
      if (!found.typeOnly) {
        valueImports.push(found.specifier);
      }
    }
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const lines = lineOf(node.getEnd()) - lineOf(node.getStart()) + 1;
      functions.push({ name: functionName(node), lines });
    }
    if (ts.isIdentifier(node) && isFreeUse(node)) {
      identifiers.add(node.text);
    }
    isAsync ||= ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword;
    ts.forEachChild(node, visit);
  };
  visit(root);
  return { path, text, imports, valueImports, functions, identifiers, isAsync };
}

function importOf(node: ts.Node): { specifier: string; typeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.importClause;
    const typeOnly = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return { specifier: node.moduleSpecifier.text, typeOnly };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    const specifier = ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : '';
    return { specifier, typeOnly: node.isTypeOnly };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return literalArgument(node.arguments);
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL') {
    const found = literalArgument(node.arguments);
    return found?.specifier.startsWith('.') === true ? found : undefined;
  }
  return undefined;
}

function literalArgument(
  list: ts.NodeArray<ts.Expression> | undefined,
): { specifier: string; typeOnly: boolean } | undefined {
  const first = list?.[0];
  return first !== undefined && ts.isStringLiteral(first)
    ? { specifier: first.text, typeOnly: false }
    : undefined;
}

function functionName(node: ts.SignatureDeclaration): string {
  const own = node.name?.getText();
  if (own !== undefined) {
    return own;
  }
  const parent = node.parent;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)
    ? parent.name.getText()
    : ts.isConstructorDeclaration(node)
      ? 'constructor'
      : '(anonymous)';
}

/** True when the identifier is a value read from a scope, so it may be a global. */
function isFreeUse(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.expression === node;
  }
  if (ts.isPropertyAssignment(parent)) {
    return parent.initializer === node;
  }
  if (ts.isVariableDeclaration(parent)) {
    return parent.initializer === node;
  }
  return !(
    ts.isTypeNode(parent) ||
    ts.isTypeElement(parent) ||
    ts.isClassElement(parent) ||
    ts.isParameter(parent) ||
    ts.isImportSpecifier(parent) ||
    ts.isExportSpecifier(parent) ||
    ts.isImportClause(parent) ||
    ts.isBindingElement(parent) ||
    ts.isFunctionDeclaration(parent) ||
    ts.isInterfaceDeclaration(parent) ||
    ts.isTypeAliasDeclaration(parent) ||
    ts.isClassDeclaration(parent)
  );
}

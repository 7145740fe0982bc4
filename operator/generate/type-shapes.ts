/**
 * Reads the interfaces of `operator/api` as data: the shape of each type, and the comment tags of
 * each field. It knows just the TypeScript that those files use and refuses the rest by name, so
 * that nothing is ever left out of the CRD in silence.
 */
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** A comment: its text as one paragraph, and its tags with their values, in order. */
export interface Notes {
  readonly text: string;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
}

export type Shape =
  | { readonly kind: 'object'; readonly notes: Notes; readonly fields: readonly Field[] }
  | { readonly kind: 'map' }
  | { readonly kind: 'array'; readonly item: Shape }
  | { readonly kind: 'string'; readonly choices: readonly string[] }
  | { readonly kind: 'integer' }
  | { readonly kind: 'boolean' };

export interface Field {
  readonly name: string;
  readonly optional: boolean;
  readonly notes: Notes;
  readonly shape: Shape;
}

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

export class TypeShapes {
  readonly #declarations = new Map<string, Declaration>();

  constructor(paths: readonly string[]) {
    for (const path of paths) {
      const text = readFileSync(path, 'utf8');
      const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
      for (const statement of file.statements) {
        if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
          this.#declarations.set(statement.name.text, statement);
        }
      }
    }
  }

  /** The shape of an interface by its name. */
  object(name: string): Shape & { readonly kind: 'object' } {
    const shape = this.#named(name);
    if (shape.kind !== 'object') {
      throw new Error(`Cannot use "${name}" as an object: it is a ${shape.kind}`);
    }
    return shape;
  }

  #named(name: string): Shape {
    const declaration = this.#declarations.get(name);
    if (declaration === undefined) {
      throw new Error(`Cannot find the type "${name}" in operator/api`);
    }
    if (ts.isTypeAliasDeclaration(declaration)) {
      return this.#shapeOf(declaration.type, name);
    }
    const fields = declaration.members.map((member): Field => {
      if (!ts.isPropertySignature(member) || member.type === undefined) {
        throw new Error(`Cannot describe ${name}: a member is no field: ${member.getText()}`);
      }
      const field = member.name.getText();
      return {
        name: field,
        optional: member.questionToken !== undefined,
        notes: notesOf(member),
        shape: this.#shapeOf(member.type, `${name}.${field}`),
      };
    });
    return { kind: 'object', notes: notesOf(declaration), fields };
  }

  #shapeOf(type: ts.TypeNode, where: string): Shape {
    if (ts.isTypeOperatorNode(type) && type.operator === ts.SyntaxKind.ReadonlyKeyword) {
      return this.#shapeOf(type.type, where);
    }
    if (ts.isArrayTypeNode(type)) {
      return { kind: 'array', item: this.#shapeOf(type.elementType, where) };
    }
    if (ts.isTypeReferenceNode(type)) {
      const isMap = type.getText() === 'Readonly<Record<string, string>>';
      return isMap ? { kind: 'map' } : this.#named(type.typeName.getText());
    }
    if (ts.isUnionTypeNode(type)) {
      const choices = type.types.map((each) => {
        if (!ts.isLiteralTypeNode(each) || !ts.isStringLiteral(each.literal)) {
          throw new Error(`Cannot describe ${where}: not a string: ${each.getText()}`);
        }
        return each.literal.text;
      });
      return { kind: 'string', choices };
    }
    switch (type.kind) {
      case ts.SyntaxKind.StringKeyword:
        return { kind: 'string', choices: [] };
      case ts.SyntaxKind.NumberKeyword:
        return { kind: 'integer' };
      case ts.SyntaxKind.BooleanKeyword:
        return { kind: 'boolean' };
      default:
        throw new Error(`Cannot describe ${where}: unknown type ${type.getText()}`);
    }
  }
}

/** The comment before a declaration. A tag goes on to the next one, or to the end. */
function notesOf(node: ts.Node): Notes {
  const source = node.getSourceFile().text;
  const range = ts.getLeadingCommentRanges(source, node.getFullStart())?.at(-1);
  const comment = range === undefined ? '' : source.slice(range.pos, range.end);
  if (!comment.startsWith('/**')) {
    return { text: '', tags: [] };
  }
  const lines = comment
    .slice(3, -2)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim());
  const parts = lines.reduce<string[][]>(
    (found, line) => {
      if (line.startsWith('@')) {
        found.push([line.slice(1)]);
      } else {
        found.at(-1)?.push(line);
      }
      return found;
    },
    [[]],
  );
  const [text = '', ...tags] = parts.map((part) => part.join(' ').replace(/\s+/g, ' ').trim());
  return {
    text,
    tags: tags.map((tag) => {
      const [, name = '', value = ''] = /^(\w+)\s*(.*)$/.exec(tag) ?? [];
      return { name, value };
    }),
  };
}

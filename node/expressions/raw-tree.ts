/**
 * What the grammar makes of an expression before its names and values are known: the shape of
 * the text, nothing resolved, nothing checked. The checks (`condition-checks.ts`,
 * `document-paths.ts`) turn it into the tree of `ast.ts`.
 */
import type { Comparator } from './ast.ts';

/** A part of a document path: a name in the text, a #name to look up, or a list index. */
export type RawPathPart =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'name'; readonly key: string }
  | { readonly kind: 'index'; readonly text: string };

export interface RawPath {
  readonly kind: 'path';
  readonly parts: readonly RawPathPart[];
}

export interface RawCall {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly RawOperand[];
}

export type RawOperand = RawPath | RawCall | { readonly kind: 'value'; readonly key: string };

export type RawCondition =
  | RawCall
  | { readonly kind: 'and' | 'or'; readonly left: RawCondition; readonly right: RawCondition }
  | { readonly kind: 'not'; readonly operand: RawCondition }
  | {
      readonly kind: 'compare';
      readonly comparator: Comparator;
      readonly left: RawOperand;
      readonly right: RawOperand;
    }
  | {
      readonly kind: 'between';
      readonly operand: RawOperand;
      readonly low: RawOperand;
      readonly high: RawOperand;
    }
  | {
      readonly kind: 'in';
      readonly operand: RawOperand;
      readonly candidates: readonly RawOperand[];
    };

export type RawNode = RawCondition | RawOperand;

/** A node that is true or false by itself; a call may stand in both places. */
export function isRawCondition(node: RawNode): node is RawCondition {
  return node.kind !== 'path' && node.kind !== 'value';
}

export function isRawOperand(node: RawNode): node is RawOperand {
  return node.kind === 'path' || node.kind === 'value' || node.kind === 'call';
}

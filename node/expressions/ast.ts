/**
 * The syntax trees of expressions, names and values already substituted: what travels in a
 * command. Plain JSON-able data; every node has a `kind`. Source: DynamoDB developer guide,
 * "Condition and filter expressions, operators, and functions", "Projection expressions".
 */
import type { AttributeType, AttributeValue } from '../values/attribute-value.ts';

/** A document path: attribute name, then map keys (text) and list positions (number). */
export type DocumentPath = readonly [string, ...(string | number)[]];

export type Operand =
  | { readonly kind: 'path'; readonly path: DocumentPath }
  | { readonly kind: 'value'; readonly value: AttributeValue }
  | { readonly kind: 'size'; readonly path: DocumentPath };

export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>=';

export type Condition =
  | { readonly kind: 'and'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'not'; readonly operand: Condition }
  | {
      readonly kind: 'compare';
      readonly comparator: Comparator;
      readonly left: Operand;
      readonly right: Operand;
    }
  | {
      readonly kind: 'between';
      readonly operand: Operand;
      readonly low: Operand;
      readonly high: Operand;
    }
  | { readonly kind: 'in'; readonly operand: Operand; readonly candidates: readonly Operand[] }
  | { readonly kind: 'exists'; readonly path: DocumentPath }
  | { readonly kind: 'notExists'; readonly path: DocumentPath }
  | { readonly kind: 'type'; readonly path: DocumentPath; readonly type: AttributeType }
  | { readonly kind: 'beginsWith'; readonly operand: Operand; readonly prefix: Operand }
  | { readonly kind: 'contains'; readonly operand: Operand; readonly searched: Operand };

/** The paths to keep, none a prefix of another. */
export type Projection = readonly DocumentPath[];

/**
 * Entity tags: a row's version in quotes, and the lists of `If-Match` and `If-None-Match`.
 * `If-Match` compares strongly (a weak tag matches nothing), `If-None-Match` weakly.
 * Source: RFC 9110, sections 8.8.3, 13.1.1, 13.1.2.
 */
import type { Precondition, RowVersion } from '../items/command.ts';
import { entityTagsMax } from './limits.ts';
import { Problem } from './problem.ts';

export function entityTag(version: RowVersion): string {
  return `"${version}"`;
}

const tagPattern = /[ \t]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)/y;

function parseList(header: string, name: string, keepWeak: boolean): readonly RowVersion[] | 'any' {
  if (header.trim() === '*') {
    return 'any';
  }
  const versions: RowVersion[] = [];
  let count = 0;
  tagPattern.lastIndex = 0;
  for (let at = 0; at < header.length; at = tagPattern.lastIndex) {
    tagPattern.lastIndex = at;
    const match = tagPattern.exec(header);
    count += 1;
    if (match === null || count > entityTagsMax) {
      throw new Problem(
        'invalid-header',
        `${name} must be "*" or up to ${entityTagsMax} entity tags in quotes, separated by commas`,
      );
    }
    if (match[1] === undefined || keepWeak) {
      versions.push(match[2] ?? '');
    }
  }
  if (count === 0) {
    throw new Problem('invalid-header', `${name} must not be empty`);
  }
  return versions;
}

export interface PreconditionHeaders {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

/** Undefined if the request has no precondition. */
export function preconditionOf(headers: PreconditionHeaders): Precondition | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match === undefined && noneMatch === undefined) {
    return undefined;
  }
  return {
    match: match === undefined ? undefined : parseList(match, 'If-Match', false),
    noneMatch: noneMatch === undefined ? undefined : parseList(noneMatch, 'If-None-Match', true),
  };
}

function listed(list: readonly RowVersion[] | 'any', version: RowVersion | undefined): boolean {
  return version !== undefined && (list === 'any' || list.includes(version));
}

/** What a read's precondition makes of the row it found (RFC 9110, section 13.2.2). */
export function judgeRead(
  precondition: Precondition | undefined,
  version: RowVersion | undefined,
): 'proceed' | 'notModified' | 'failed' {
  const { match, noneMatch } = precondition ?? {};
  if (match !== undefined && !listed(match, version)) {
    return 'failed';
  }
  return noneMatch !== undefined && listed(noneMatch, version) ? 'notModified' : 'proceed';
}

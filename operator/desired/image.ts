/** Which image the nodes run. */
import type { ClusterSpec } from '../api/cluster-spec.ts';

export interface KnownImages {
  /** Tag that the operator brings, for clusters that name no version. */
  readonly defaultVersion: string;
  /** Image of the cluster's template as it is; undefined: there is none yet. */
  readonly running?: string | undefined;
}

/**
 * The reference of the image: digest, else tag, else version. A spec that names none of them keeps
 * what runs, or a new operator would roll every database (O18); a new cluster gets what the
 * operator brings.
 */
export function imageOf({ image, version }: ClusterSpec, known: KnownImages): string {
  const { repository, tag = version, digest } = image;
  if (digest !== undefined) {
    return `${repository}@${digest}`;
  }
  if (tag !== undefined) {
    return `${repository}:${tag}`;
  }
  const kept = known.running !== undefined && repositoryOf(known.running) === repository;
  return kept && known.running !== undefined
    ? known.running
    : `${repository}:${known.defaultVersion}`;
}

/** `host:5000/a/b:1.0@sha256:…` → `host:5000/a/b`. */
function repositoryOf(reference: string): string {
  const [withoutDigest = ''] = reference.split('@');
  const slash = withoutDigest.lastIndexOf('/');
  const colon = withoutDigest.indexOf(':', slash + 1);
  return colon < 0 ? withoutDigest : withoutDigest.slice(0, colon);
}

/** What stands behind the repository: a tag, or the first digits of a digest. */
export function versionOfImage(reference: string): string {
  const [named = '', digest] = reference.split('@');
  if (digest !== undefined) {
    return digest.slice(0, 'sha256:'.length + 12);
  }
  return named.slice(repositoryOf(named).length + 1);
}

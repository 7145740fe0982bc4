/**
 * What can come of a request to the API server besides an answer: a refusal with the server's own
 * reason, or no answer at all, after which the outcome of a write is unknown.
 */

/** A refusal: `status` is HTTP's, `reason` Kubernetes' (`NotFound`, `Conflict`, `Expired`, …). */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** 0: no answer came. */
  readonly status: number;
  readonly reason: string;
  /** The server asks to wait so long before another attempt. */
  readonly retryAfterMs: number | undefined;

  constructor(
    options: { status: number; reason: string; message: string; retryAfterMs?: number | undefined },
    cause?: unknown,
  ) {
    super(options.message, cause === undefined ? undefined : { cause });
    this.status = options.status;
    this.reason = options.reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True for a `KubeError` with this status, also across module realms. */
export function isKubeError(error: unknown, status?: number): error is KubeError {
  const candidate = error as Partial<KubeError> | null | undefined;
  return candidate?.name === 'KubeError' && (status === undefined || candidate.status === status);
}

/** The watch or the page asked for is too old to be continued. */
export function isExpired(error: unknown): boolean {
  return isKubeError(error, 410) || (isKubeError(error) && error.reason === 'Expired');
}

/** No answer came, or the server is not able to answer: not the request's fault. */
export function isUnreachable(error: unknown): boolean {
  return isKubeError(error) && (error.status === 0 || error.status >= 500 || error.status === 429);
}

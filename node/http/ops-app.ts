/**
 * The operations port: `/metrics` (Prometheus text), `/livez` and `/readyz` as JSON that names
 * every check. Live = the process should not be restarted; ready = it should get requests, which
 * goes by its own replicas, never by the cluster as a whole. GET and HEAD only.
 */
import express from 'express';
import type { ErrorRequestHandler, Express, Response } from 'express';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../sys/log.ts';
import { splitUrl } from './key-request.ts';
import { Problem, problemOf, sendProblem } from './problem.ts';

export interface CheckResult {
  readonly ok: boolean;
  /** For people: what is wrong, or how well it is. */
  readonly detail: string;
}

export interface HealthCheck {
  readonly name: string;
  /** At once and without effects; a throw counts as a failure. */
  check(): CheckResult;
}

/** The part of `prom-client`'s Registry that is needed. */
export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface OpsAppParts {
  readonly metrics: MetricsSource;
  readonly liveness: readonly HealthCheck[];
  readonly readiness: readonly HealthCheck[];
  readonly requestIds: () => string;
  readonly logger: Logger;
}

function run(check: HealthCheck): CheckResult {
  try {
    return check.check();
  } catch (error) {
    return { ok: false, detail: `The check failed: ${messageOf(error)}` };
  }
}

function sendHealth(response: Response, checks: readonly HealthCheck[]): void {
  const results = checks.map((check) => ({ name: check.name, ...run(check) }));
  const ok = results.every((result) => result.ok);
  response
    .status(ok ? 200 : 503)
    .set('Cache-Control', 'no-store')
    .json({ status: ok ? 'ok' : 'failing', checks: results });
}

const readMethods = ['GET', 'HEAD'];

export function createOpsApp(parts: OpsAppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);

  app.use((request, _response, next) => {
    request.resume();
    if (readMethods.includes(request.method)) {
      next();
      return;
    }
    const allow = readMethods.join(', ');
    throw new Problem(
      'method-not-allowed',
      `${request.method} is not one of ${allow}`,
      {},
      { Allow: allow },
    );
  });

  app.get('/metrics', async (_request, response) => {
    const text = await parts.metrics.metrics();
    response.set('Content-Type', parts.metrics.contentType).send(text);
  });
  app.get('/livez', (_request, response) => {
    sendHealth(response, parts.liveness);
  });
  app.get('/readyz', (_request, response) => {
    sendHealth(response, parts.readiness);
  });
  app.use(() => {
    throw new Problem('not-found', 'Known paths: /metrics, /livez, /readyz');
  });

  const onError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    const { problem, unexpected } = problemOf(error);
    if (unexpected) {
      parts.logger.error('Operations request failed', { error: messageOf(error) });
    }
    sendProblem(response, problem, splitUrl(request.originalUrl).path, parts.requestIds());
  };
  app.use(onError);
  return app;
}

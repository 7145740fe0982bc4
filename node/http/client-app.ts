/**
 * The Express app of the client port: everything but DynamoDB requests. `/key/…` goes to the key
 * door, `/` tells that the service is there (DynamoDB's health text, which load balancers and
 * SDK health checks know), all else is a 404 problem.
 */
import express from 'express';
import type { ErrorRequestHandler, Express } from 'express';
import { messageOf } from '../lib/errors.ts';
import { KeyApi } from './key-api.ts';
import type { KeyApiParts } from './key-api.ts';
import { keyPrefix, splitUrl } from './key-request.ts';
import { Problem, problemOf, sendProblem } from './problem.ts';

/** The blank at the end is DynamoDB's. */
const healthText = 'healthy: dynamodb.local.amazonaws.com ';

export function createClientApp(parts: KeyApiParts): Express {
  const keys = new KeyApi(parts);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);

  app.use((request, response, next) => {
    const { path } = splitUrl(request.originalUrl);
    // `/key` and `/key/` name an empty id.
    if (path.startsWith(keyPrefix) || path === '/key') {
      keys.handle(request, response);
    } else {
      next();
    }
  });

  app.get('/', (_request, response) => {
    response.type('text/plain').send(healthText);
  });

  app.use((request, response) => {
    const { path } = splitUrl(request.originalUrl);
    const problem = new Problem('not-found', 'Known paths: /key/{id}, and / for DynamoDB requests');
    request.resume();
    sendProblem(response, problem, path, parts.requestIds());
  });

  const onError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    parts.logger.error('Request failed in Express', { error: messageOf(error) });
    const { path } = splitUrl(request.originalUrl);
    sendProblem(response, problemOf(error).problem, path, parts.requestIds());
  };
  app.use(onError);
  return app;
}

/**
 * Writes one answer in the DynamoDB JSON 1.0 protocol: content type, length, request id, and the
 * CRC-32 of the body that some SDKs check. Headers go out as one flat list, together with the
 * body. Does nothing if the client is gone.
 */
import type { ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';

export const contentType = 'application/x-amz-json-1.0';

/** `{}`: the commonest answer, made once. */
export const emptyObject = Buffer.from('{}', 'utf8');
const emptyObjectCrc32 = String(crc32(emptyObject));

export function sendReply(
  response: ServerResponse,
  status: number,
  body: Buffer,
  requestId: string,
  close = false,
): void {
  if (response.destroyed || response.headersSent) {
    return;
  }
  const headers = [
    'x-amzn-RequestId',
    requestId,
    'x-amz-crc32',
    body === emptyObject ? emptyObjectCrc32 : String(crc32(body)),
    'Content-Type',
    contentType,
    'Content-Length',
    String(body.length),
  ];
  if (close) {
    headers.push('Connection', 'close');
  }
  response.writeHead(status, headers);
  response.end(body);
}

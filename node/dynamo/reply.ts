/**
 * Writes one answer in the DynamoDB JSON 1.0 protocol: content type, length, request id, and the
 * CRC-32 of the body that some SDKs check. Does nothing if the client is gone.
 *
 * `node:http` writes head and body as one piece only if the body is text; a Buffer makes it two
 * pieces and a gathering write, which a third of the throughput was lost to. As Latin-1 text a
 * body keeps every byte, so small bodies go out that way.
 */
import type { ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';

export const contentType = 'application/x-amz-json-1.0';

/** `{}`: the commonest answer, made once. */
export const emptyObject = Buffer.from('{}', 'utf8');
const emptyObjectCrc32 = String(crc32(emptyObject));

/** Larger bodies are not turned into text: copying them would cost more than it saves. */
const textBytesMax = 65_536;

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
  if (body.length <= textBytesMax) {
    response.end(body.toString('latin1'), 'latin1');
  } else {
    response.end(body);
  }
}

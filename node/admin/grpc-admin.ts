/**
 * The admin service (`contract/proto/admin.proto`) over gRPC, for `GrpcServer` to mount: bytes to
 * messages, handlers, messages to bytes, errors to statuses with a named `reason`. No semantics.
 */
import {
  create,
  fromBinary,
  toBinary,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import type {
  MethodDefinition,
  sendUnaryData,
  ServerUnaryCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';

import { Admin } from '../contract/gen/admin_pb.ts';
import { toGrpcFailure } from '../transport/grpc-status.ts';
import type { GrpcServiceMount } from '../transport/grpc-server.ts';

type AdminMethods = typeof Admin.method;
export type AdminMethodName = keyof AdminMethods;

/**
 * What a node does for each call. A thrown `DynakvError` is answered with its `reason` fact; a
 * call without a handler is answered `UNIMPLEMENTED`.
 */
export type AdminHandlers = {
  readonly [Name in AdminMethodName]?: (
    request: MessageShape<AdminMethods[Name]['input']>,
  ) => Promise<MessageInitShape<AdminMethods[Name]['output']>>;
};

/** Path of a method on the wire. */
export function adminPath(method: DescMethodUnary): string {
  return `/${Admin.typeName}/${method.name}`;
}

export function adminService(handlers: AdminHandlers): GrpcServiceMount {
  const definition: Record<string, MethodDefinition<object, object>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const name of Object.keys(Admin.method) as AdminMethodName[]) {
    const method: DescMethodUnary = Admin.method[name];
    const handler = handlers[name] as ((request: object) => Promise<object>) | undefined;
    if (handler === undefined) {
      continue;
    }
    definition[name] = methodDefinition(method);
    implementation[name] = (
      call: ServerUnaryCall<object, object>,
      callback: sendUnaryData<object>,
    ): void => {
      void answer(handler, call.request, callback);
    };
  }
  return { definition, implementation };
}

function methodDefinition(method: DescMethodUnary): MethodDefinition<object, object> {
  return {
    path: adminPath(method),
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => encode(method.input, message),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => encode(method.output, message),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function encode(schema: DescMethodUnary['input'], message: object): Buffer {
  return Buffer.from(toBinary(schema, create(schema, message as Record<string, unknown>)));
}

async function answer(
  handler: (request: object) => Promise<object>,
  request: object,
  callback: sendUnaryData<object>,
): Promise<void> {
  try {
    callback(null, await handler(request));
  } catch (error) {
    callback(toGrpcFailure(error));
  }
}

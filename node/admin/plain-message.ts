/** A protobuf message as plain data, without the generated code's own fields. */
export function toPlain(message: unknown): unknown {
  const text = JSON.stringify(message, (key, value: unknown) =>
    key === '$typeName' || key === '$unknown' ? undefined : value,
  );
  return JSON.parse(text);
}

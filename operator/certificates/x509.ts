/**
 * The one place that knows `@peculiar/x509`. It wants a metadata reflection to be there when it
 * loads; nothing that is used of it here reads any.
 */
Object.assign(Reflect, {
  getMetadata: () => undefined,
  getOwnMetadata: () => undefined,
  defineMetadata: () => undefined,
});

export const x509 = await import('@peculiar/x509');

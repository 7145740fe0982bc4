/**
 * What a program can do beyond the releases before it, as one number: formats on disk and on the
 * wire, and commands, that older nodes do not understand. The cluster's own version, in the
 * catalog, says which of them may be used; it rises when every node has them, and never falls.
 *
 * 1: the first release. 2: the call to wake up (`host/sleep.ts`).
 */
export const featureVersionMax = 2;

/** The cluster's version from which on each may be used: an older node ends a stream over it. */
export const featureSince = { wakeCall: 2 } as const;

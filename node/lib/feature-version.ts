/**
 * What a program can do beyond the releases before it, as one number: formats on disk and on the
 * wire, and commands, that older nodes do not understand. The cluster's own version, in the
 * catalog, says which of them may be used; it rises when every node has them, and never falls.
 *
 * 1: the first release.
 */
export const featureVersionMax = 1;

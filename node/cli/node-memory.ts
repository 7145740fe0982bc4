/**
 * How a node's memory is kept to what its own limits hold: settings of V8 and of the C library
 * that must be there when the process starts. Without them both keep what a burst once took.
 */

/** Flags of Node for a node process. */
export const nodeFlags: readonly string[] = [
  // A large young generation only delays the return of memory after a burst.
  '--max-semi-space-size=4',
  // Nor a smaller one: at one MiB, where the flag below would leave it, the rows of a snapshot
  // under way outlive it, and the old generation is collected four times a second for them.
  '--min-semi-space-size=4',
  // A node has one or two cores: helper threads of the collector only take them from the loop
  // (measured: 620 → 500 µs of CPU for a put, all three nodes).
  '--single-threaded-gc',
  // The old generation may grow by half between collections, not by a multiple.
  '--heap-growing-percent=50',
];

/** Environment of a node process; what a person has set wins. */
export const nodeEnvironment: Readonly<Record<string, string>> = {
  // Buffers of 64 KiB (what one socket read takes) and more go back to the system when freed; the
  // default raises this bound by itself, and its arenas keep what a burst once took.
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_ARENA_MAX: '1',
};

/**
 * The file system as a port, no larger than the raft log and the data folder need.
 * Real: `real/disk.ts`. Simulated, with faults and power loss: `sim/disk.ts`.
 *
 * Durability is explicit: bytes count as kept only after `datasync` of the file, or once
 * `writeDurably` of them resolves; a created, renamed or removed name only after `syncDirectory`
 * of its folder. Errors carry the operating system's `code` (`ENOSPC`, `EIO`, …). After a failed
 * `datasync` or `writeDurably` the caller must quarantine.
 */

export interface DiskFile {
  readonly path: string;
  /** Reads up to `length` bytes at `position`; returns the count read, less only at the end. */
  read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number>;
  /** Writes all of `bytes` at `position`. The memory must not change until it resolves. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /**
   * `write` and durability in one step: these bytes (not what was written before) are on stable
   * storage when it resolves. After a failure the caller must quarantine, as after `datasync`.
   */
  writeDurably(bytes: Uint8Array, position: number): Promise<void>;
  /** fdatasync: all written bytes (and the size) are on stable storage when it resolves. */
  datasync(): Promise<void>;
  /** Allocates and zero-fills nothing but space up to `size` bytes; the size becomes `size`. */
  allocate(size: number): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Disk {
  /** Creates a folder and its parents. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a folder, sorted; empty if there is no such folder. */
  list(path: string): Promise<string[]>;
  exists(path: string): Promise<boolean>;
  /** `create` fails with `EEXIST` if the file is there; the others with `ENOENT` if it is not. */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; nothing happens if it is gone. */
  remove(path: string): Promise<void>;
  /** fsync of a folder. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes free to this process on the folder's file system. */
  freeBytes(path: string): Promise<number>;
  /** Bytes of that file system, without what is kept back from this process. */
  sizeBytes(path: string): Promise<number>;
}

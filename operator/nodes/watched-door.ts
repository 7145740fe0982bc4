/** A door whose changes are announced before they are made (crash points of tests). */
import type { NodeDoor, OpenDoor } from './database-port.ts';

const changes: readonly (keyof NodeDoor)[] = [
  ...(['init', 'joinCluster', 'acquireControl', 'updateSettings', 'setNodeState'] as const),
  ...(['removeNode', 'evictLeaders', 'setMaintenance'] as const),
];

/** Doors that wait for `before` ahead of each change. */
export function watchedDoors(open: OpenDoor, before: (what: string) => Promise<void>): OpenDoor {
  return (door) =>
    new Proxy(open(door), {
      get(target, name: keyof NodeDoor) {
        const method = target[name].bind(target) as (...args: unknown[]) => unknown;
        return changes.includes(name)
          ? async (...args: unknown[]) => {
              await before(`database ${name}`);
              return await method(...args);
            }
          : method;
      },
    });
}

/**
 * Whether this machine can run the row engine's binding at all. Asked before the binding is loaded:
 * on a CPU without these instructions it would die of SIGILL, with an older C library it would fail
 * with a linker's message. Sources: the binding's build flags (`-march=znver1`) and the symbol
 * versions it needs.
 */
import { readFileSync } from 'node:fs';

export interface Machine {
  readonly platform: string;
  /** Undefined: no glibc (musl, for one). */
  readonly glibcVersion: string | undefined;
  /** Undefined: unknown, which is not held against the machine. */
  readonly cpuFlags: ReadonlySet<string> | undefined;
}

const cpuFlagsNeeded = ['avx2', 'bmi1', 'bmi2', 'fma', 'movbe', 'popcnt'] as const;
const glibcNeeded = { major: 2, minor: 34 } as const;

/** One line that says why the machine will not do; undefined when it will. */
export function findMachineProblem(machine: Machine): string | undefined {
  if (machine.platform !== 'linux-x64') {
    return `Cannot run on this platform: linux-x64 is needed, this is ${machine.platform}`;
  }
  const [major = 0, minor = 0] = (machine.glibcVersion ?? '').split('.').map(Number);
  if (major < glibcNeeded.major || (major === glibcNeeded.major && minor < glibcNeeded.minor)) {
    const found = machine.glibcVersion === undefined ? 'none' : machine.glibcVersion;
    return `Cannot run with this C library: glibc 2.34 or newer is needed, found ${found}`;
  }
  const missing = cpuFlagsNeeded.filter((flag) => machine.cpuFlags?.has(flag) === false);
  return missing.length === 0
    ? undefined
    : `Cannot run on this processor: it lacks ${missing.join(', ')} (AVX2 and BMI2 are needed)`;
}

/** The machine under this process. */
export function readMachine(): Machine {
  // Or the report would look up the names of open connections. The types do not know it yet.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return {
    platform: `${process.platform}-${process.arch}`,
    glibcVersion: report.header?.glibcVersionRuntime,
    cpuFlags: readCpuFlags(),
  };
}

function readCpuFlags(): ReadonlySet<string> | undefined {
  try {
    const line = /^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    return line === undefined ? undefined : new Set(line.split(' '));
  } catch {
    return undefined;
  }
}

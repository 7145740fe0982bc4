// The end-to-end specs: `run.ts` starts Jest with this, one spec at a time, as they share a cluster.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/specs/*.e2e.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {},
  maxWorkers: 1,
  verbose: true,
};

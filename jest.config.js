// Jest runs the TypeScript sources as they are: Node strips the types, no transform is involved.
export default {
  testEnvironment: 'node',
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/out/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/out/'],
  extensionsToTreatAsEsm: ['.ts'],
  setupFiles: ['<rootDir>/node/test/property-seed.ts'],
  transform: {},
  coverageProvider: 'v8',
  // Only against what hangs: a busy machine is slow, and speed is no matter of tests.
  testTimeout: 600_000,
};

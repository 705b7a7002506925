#!/usr/bin/env node
try {
  await import('../dist/main.js');
} catch (error) {
  if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
  console.error('bailiwick: it is not built yet: run `npm run build`');
  process.exitCode = 1;
}

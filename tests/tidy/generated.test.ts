/** Generated files are what their sources make of them, and the check that says so goes red when they are not. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

import { readText } from './support/files.js';
import { ROOT, withPlantedTree } from './support/planted-tree.js';

/** Runs the check in a tree; resolves to what it complains of, '' where all is current. */
async function check(root: string): Promise<string> {
  try {
    await promisify(execFile)(process.execPath, ['scripts/generate.mjs', '--check'], { cwd: root });
    return '';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 1 && 'stderr' in error) return String(error.stderr);
    throw error;
  }
}

const SOURCES = [
  ...['scripts', 'src/contract', 'clients/typescript/src/contract'],
  ...['presets', 'model.fga', 'openapi.yaml', '.prettierrc.json'],
];

test('src/contract/ and the types of the client are what openapi.yaml, model.fga and presets/ make of it', async () => {
  expect(await check(ROOT)).toBe('');
});

describe('the check goes red', () => {
  test('when a source is changed', async () => {
    const files = {
      'openapi.yaml': changed('openapi.yaml', ['- SYNC_LAG', '- SYNC_LAG\n        - NEW_CODE']),
      'model.fga': changed('model.fga', ['[claims] Work on claims', '[claims] Settle claims']),
      'presets/emr.yaml': changed('presets/emr.yaml', ['Sees users', 'Looks at users']),
    };
    await withPlantedTree({ copied: SOURCES, files }, async (root) => {
      const complaint = await check(root);
      for (const name of ['api.ts', 'operations.ts', 'model.ts', 'presets.ts']) {
        expect(complaint).toContain(`src/contract/${name} is stale`);
      }
      expect(complaint).toContain('clients/typescript/src/contract/api.ts is stale');
    });
  });

  test('when a copy is edited by hand, or lies there that nothing makes', async () => {
    const files = {
      'src/contract/presets.ts': changed('src/contract/presets.ts', ['Sees users', 'Edited by hand']),
      'src/contract/more.ts': 'export const more = 1;\n',
    };
    await withPlantedTree({ copied: SOURCES, files }, async (root) => {
      const stale = 'is stale: run `npm run generate`\n';
      expect(await check(root)).toBe(`src/contract/more.ts ${stale}src/contract/presets.ts ${stale}`);
    });
  });
});

function changed(path: string, [from, to]: [string, string]): string {
  const text = readText(path).replace(from, to);
  expect(text).not.toBe(readText(path));
  return text;
}

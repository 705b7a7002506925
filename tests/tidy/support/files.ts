import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './planted-tree.js';

/** What nobody wrote by hand, or git does not keep. */
const LEFT_OUT = new Set([
  'node_modules',
  'dist',
  'coverage',
  '.git',
  '.bailiwick',
  '.venv',
  '__pycache__',
  '.vscode',
  '.idea',
]);

/** Every file of the project, as paths from its root with `/`, in order. */
export function projectFiles(): string[] {
  return filesUnder('').sort();
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (LEFT_OUT.has(entry.name) || /\.(log|tsbuildinfo)$/.test(entry.name)) return [];
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

/** The text of a file of the project. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

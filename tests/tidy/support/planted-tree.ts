import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[/\\]$/, '');

/**
 * Runs `work` on a folder of its own with this project's package.json and packages, copies of `copied`, and `files`
 * (path → content) over them; removes it afterwards.
 */
export async function withPlantedTree<T>(
  { copied = [], files = {} }: { copied?: readonly string[]; files?: Readonly<Record<string, string>> },
  work: (root: string) => Promise<T>,
): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'bailiwick tidy '));
  try {
    for (const path of ['package.json', ...copied]) await cp(join(ROOT, path), join(root, path), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
    return await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

import { readFileSync } from 'node:fs';

/** The text of a file that is shipped with the program, by its path in the package. */
export function readShipped(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

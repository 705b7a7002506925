/** Twenty fixed entries and their hashes, made by a program of another language from the description in ledger.ts. */
import { readFileSync } from 'node:fs';

import { z } from 'zod';

const VECTORS = z.object({
  origin: z.string(),
  entries: z.array(z.object({ text: z.string(), hash: z.string(), root: z.string() })),
});

export const vectors = VECTORS.parse(JSON.parse(readFileSync(new URL('ledger-vectors.json', import.meta.url), 'utf8')));

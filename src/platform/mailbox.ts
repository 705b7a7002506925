/** Mails as files, for a laptop: what would have been sent can be read, and nobody is written to. */
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { MailTransport } from '../shared/mail.js';
import { renderMessage } from './smtp.js';

/** Writes each mail to `<directory>/<id>.eml`, readable by its owner alone; the same mail again replaces its file. */
export function createMailbox(directory: string): MailTransport {
  return {
    async send(mail) {
      const path = join(directory, `${mail.id}.eml`);
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await chmod(directory, 0o700);
        await writeFile(`${path}.new`, await renderMessage(mail), { mode: 0o600 });
        await rename(`${path}.new`, path);
        return { outcome: 'sent', reply: `written to ${path}` };
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
        return { outcome: 'unreachable', reply: `the mailbox cannot be written${code}` };
      }
    },
  };
}

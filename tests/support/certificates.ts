/**
 * Certificates for one test run, made by `openssl`: two authorities, and what either of them signs.
 *
 * Each is made as an operator would make it, so that what is verified is what `openssl` writes and not what we think it
 * does. Keys lie in a folder of the test's own, which ends with it.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files in PEM form. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** `names` as subjectAltName has them, e.g. `IP:127.0.0.1`; `commonName` is a client's login in Postgres. */
  sign(file: string, of: { readonly names?: string; readonly commonName?: string }): Certificate;
}

const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/** An authority of that name, its files in `folder`. */
export function makeAuthority(folder: string, name: string): Authority {
  const authority = request(folder, { file: name, commonName: name });
  const extensions = join(folder, `${name}.ext`);
  writeFileSync(extensions, 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n');
  openssl(
    ...['x509', '-req', '-in', authority.csr, '-signkey', authority.key, '-days', '2', '-extfile', extensions],
    ...['-out', authority.cert],
  );
  return {
    cert: authority.cert,
    key: authority.key,
    sign(file, { names, commonName = file }) {
      const made = request(folder, { file, commonName });
      const own = join(folder, `${file}.ext`);
      const named = names === undefined ? '' : `subjectAltName=${names}\n`;
      writeFileSync(own, `basicConstraints=critical,CA:FALSE\n${named}`);
      openssl(
        ...['x509', '-req', '-in', made.csr, '-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial'],
        ...['-days', '2', '-extfile', own, '-out', made.cert],
      );
      return { cert: made.cert, key: made.key };
    },
  };
}

function request(folder: string, of: { file: string; commonName: string }): Certificate & { readonly csr: string } {
  const at = (ending: string): string => join(folder, `${of.file}.${ending}`);
  const files = { cert: at('crt'), key: at('key'), csr: at('csr') };
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', files.key);
  openssl('req', '-new', '-key', files.key, '-subj', `/CN=${of.commonName}`, '-out', files.csr);
  return files;
}

/**
 * Why a server was not talked to: what TLS found wrong, in our words, and which setting decides it.
 *
 * Whoever operates it has to tell a wrong authority from a wrong name, and neither from a server that is down. Node and
 * `pg` say it by a code; the SDK keeps the text alone. Neither holds anything secret.
 */

/** A server that TLS does not vouch for; nothing was sent to it. */
export class TlsRefusal extends Error {
  constructor(message: string, cause: Error) {
    super(message, { cause });
    this.name = 'TlsRefusal';
  }
}

const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/, 'its certificate is for another host name'],
  [/CERT_HAS_EXPIRED|certificate has expired/, 'its certificate has expired'],
  [/CERT_NOT_YET_VALID|certificate is not yet valid/, 'its certificate is not valid yet'],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|INVALID_CA|CERT_|self-signed certificate|unable to (get|verify)/,
    'its certificate is not signed by an authority that is trusted',
  ],
  [/does not support SSL connections|EPROTO|wrong version number|packet length too long/, 'it does not speak TLS'],
  [/ERR_SSL_|ERR_OSSL_|error establishing an SSL connection/, 'TLS with it failed'],
];

/** What TLS found wrong where no connection could be made; undefined where that had another reason. */
export function tlsFaultOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // A text may quote anything: it decides only where there is no code.
  const told = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return FAULTS.find(([words]) => words.test(told))?.[1];
}

/** The same error, or one that says what TLS found wrong with Postgres. */
export function explainDatabaseTls(error: unknown): unknown {
  const fault = tlsFaultOf(error);
  return fault === undefined || !(error instanceof Error)
    ? error
    : new TlsRefusal(`Postgres is refused: ${fault} (\`sslmode\` and \`sslrootcert\` of the database URL)`, error);
}

/** The same error, or one that says what TLS found wrong with the engine. */
export function explainEngineTls(error: unknown): unknown {
  const fault = tlsFaultOf(error);
  return fault === undefined || !(error instanceof Error)
    ? error
    : new TlsRefusal(
        `OpenFGA is refused: ${fault} (\`BAILIWICK_OPENFGA_URL\` and \`BAILIWICK_OPENFGA_CA_FILE\`)`,
        error,
      );
}

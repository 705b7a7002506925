import type { Running } from './running.js';

/** The running service as lines for `eval "$(npm run -s env)"`, in the names that psql and the documentation use. */
export function shellExports(running: Running): string[] {
  const { service, management, serviceKey, engine, audit, demo } = running;
  const database = new URL(running.operatorUrl);
  const variables = {
    BASE: service,
    MANAGEMENT: management,
    ...(demo === undefined
      ? {}
      : {
          ACTOR: demo.tenantAdminId,
          ACTOR_EMAIL: demo.tenantAdminEmail,
          ACTOR_PASSWORD: demo.tenantAdminPassword,
          TENANT_ID: demo.tenantId,
          TENANT_SLUG: demo.tenantSlug,
          PLATFORM_ADMIN: demo.platformAdminId,
          PLATFORM_ADMIN_EMAIL: demo.platformAdminEmail,
          PLATFORM_ADMIN_PASSWORD: demo.platformAdminPassword,
        }),
    SERVICE_KEY: serviceKey,
    PGHOST: database.hostname,
    PGPORT: database.port === '' ? '5432' : database.port,
    PGUSER: decodeURIComponent(database.username),
    PGPASSWORD: decodeURIComponent(database.password),
    PGDATABASE: decodeURIComponent(database.pathname.slice(1)),
    ...tlsExports(database),
    OPENFGA_API_URL: engine.url,
    OPENFGA_STORE_ID: engine.storeId,
    OPENFGA_MODEL_ID: engine.modelId,
    BAILIWICK_AUDIT_CHECKPOINT_FILE: audit.checkpointFile,
    BAILIWICK_AUDIT_PUBLIC_KEY: audit.publicKey,
  };
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);
}

/** What the URL says of TLS: without it psql would be content with a connection in the clear. */
function tlsExports({ searchParams }: URL): Record<string, string> {
  const names = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'].filter((name) => searchParams.has(name));
  return Object.fromEntries(names.map((name) => [`PG${name.toUpperCase()}`, searchParams.get(name) ?? '']));
}

/** Inside single quotes a shell reads nothing but the closing quote. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}

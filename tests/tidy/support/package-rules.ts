/** What package.json and the lockfile must and must not say. */
import { z } from 'zod';

const versions = z.record(z.string(), z.string()).default({});
export const packageSchema = z.object({
  engines: z.object({ node: z.string() }),
  scripts: z.record(z.string(), z.string()),
  dependencies: versions,
  optionalDependencies: versions,
  devDependencies: versions,
});

/** A version and nothing else: no range, no tag, no address; perhaps of a package under another name. */
const EXACT = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;

/** The dependencies that are not pinned to one version, and an `engines` that is not ours. */
export function pinBreaches(text: string): string[] {
  const { engines, dependencies, optionalDependencies, devDependencies } = packageSchema.parse(JSON.parse(text));
  const all = { ...dependencies, ...optionalDependencies, ...devDependencies };
  return [
    ...(engines.node === '>=20.19' ? [] : [`engines: node is \`${engines.node}\``]),
    ...Object.entries(all)
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `${name}: \`${version}\` is not one version`),
  ];
}

/** The packages of a lockfile that say where they were fetched from, or that nothing vouches for. */
export function lockBreaches(text: string): string[] {
  const entry = z.object({ resolved: z.unknown(), integrity: z.unknown() }).partial();
  const { packages } = z.object({ packages: z.record(z.string(), entry) }).parse(JSON.parse(text));
  return Object.entries(packages).flatMap(([path, { resolved, integrity }]) => [
    ...(resolved === undefined ? [] : [`${path}: names an address`]),
    ...(path === '' || typeof integrity === 'string' ? [] : [`${path}: has no hash`]),
  ]);
}

/** Hosts that packages are fetched from, by the forms that such addresses have. */
const REGISTRY = /\b(registry|npm|proxy|goproxy|artifactory|nexus)\.[a-z0-9-]+\.[a-z]{2,}\b|https?:\/\/\S+\.tgz\b/gi;

/** The addresses of package registries in a text. */
export function registryHosts(text: string): string[] {
  return text.match(REGISTRY) ?? [];
}

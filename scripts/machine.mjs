/** What figures were measured on; said by every bench and every run of the suites, so that no figure stands without it. */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

/** One line: the commit (`-dirty` with changes that are not in it), Node, cores and memory. */
export function machineLine() {
  const [cpu] = cpus();
  return (
    `commit ${commitOf()}, node ${process.version}, ${String(cpus().length)} × ${cpu?.model.trim() ?? 'unknown'}, ` +
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`
  );
}

function commitOf() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

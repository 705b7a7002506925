/**
 * `node scripts/at-once.mjs NAME…`: runs npm scripts side by side, as many as there are; fails where one of them does, and
 * then shows what all of the failed ones said. On two cores the static checks take half as long as one after the other.
 */
import { spawn } from 'node:child_process';

/** @param {string} name @returns {Promise<{ name: string, code: number, text: string }>} */
function run(name) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '-s', name], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (/** @type {Buffer} */ part) => (text += part.toString()));
    child.stderr.on('data', (/** @type {Buffer} */ part) => (text += part.toString()));
    child.on('close', (code) => resolve({ name, code: code ?? 1, text }));
  });
}

const failed = (await Promise.all(process.argv.slice(2).map(run))).filter(({ code }) => code !== 0);
for (const { name, text } of failed) console.error(`${text}\n\`npm run ${name}\` failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

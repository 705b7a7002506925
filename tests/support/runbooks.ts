import { projectFiles, readText } from '../tidy/support/files.js';

export interface Runbook {
  readonly path: string;
  readonly text: string;
}

/** Every runbook, the list of them left out. */
export function runbooks(): Runbook[] {
  return projectFiles()
    .filter((path) => /^docs\/runbooks\/Bailiwick\w+\.md$/.test(path))
    .map((path) => ({ path, text: readText(path) }));
}

/** The fenced blocks of a language, as they stand in the text; those inside of lists lose their indentation. */
export function blocksOf(text: string, language: string): string[] {
  const fences = new RegExp(`^([ ]*)\`\`\`${language}\\n([\\s\\S]*?)^\\1\`\`\`$`, 'gm');
  return [...text.matchAll(fences)].map(([, indent = '', body = '']) =>
    body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

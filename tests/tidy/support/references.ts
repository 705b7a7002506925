/** What a text says is to be found elsewhere in the project. */

/** Paths into tests/ that a text names, e.g. after an INVARIANT. A `*` or a folder alone is no path. */
export function testsNamed(text: string): string[] {
  return [...new Set(text.match(/\btests\/[\w./-]*\.[a-z]{2,4}\b/g) ?? [])];
}

/** Relative links of a Markdown text, without their anchors. */
export function linksIn(markdown: string): string[] {
  const targets = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return [
    ...new Set(targets.filter((target) => !/^([a-z]+:|#)/.test(target)).map((target) => target.split('#')[0] ?? '')),
  ];
}

/** Names of our own environment variables in a text. */
export function settingsNamed(text: string): string[] {
  return [...new Set(text.match(/\bBAILIWICK_[A-Z0-9_]*[A-Z0-9]\b/g) ?? [])];
}

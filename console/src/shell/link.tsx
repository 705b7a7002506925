import type { AnchorHTMLAttributes, ReactNode } from 'react';

import { hrefOf, navigate } from '../router.js';

interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> {
  readonly to: string;
  readonly children: ReactNode;
}

/** A real link, which a plain click follows without loading the page anew. */
export function Link({ to, children, ...anchor }: LinkProps) {
  return (
    <a
      {...anchor}
      href={hrefOf(to)}
      onClick={(event) => {
        const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
        if (!isPlain) return;
        event.preventDefault();
        void navigate(to);
      }}
    >
      {children}
    </a>
  );
}

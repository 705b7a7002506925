/**
 * One kind of request: what may be done anew, a filter where there is one, and the table, whose columns are the same for
 * all of them.
 */
import { type ComponentProps, type ReactNode, useState } from 'react';

import { Icon, type IconName } from '../parts/icon.js';
import { type TextKey, t } from '../text/text.js';
import { List } from './parts.js';

const HEADS: readonly TextKey[] = [
  'requests.who',
  'requests.what',
  'requests.why',
  'requests.status',
  'requests.actions',
];

interface RequestListProps<T> extends Pick<ComponentProps<typeof List<T>>, 'pages' | 'row'> {
  /** Said where there is nothing. */
  readonly none: TextKey;
  readonly filter?: ReactNode;
  /** The button that opens the dialog for a new one. */
  readonly action: { readonly label: TextKey; readonly icon: IconName; readonly className: string };
  readonly dialog: (close: () => void) => ReactNode;
}

export function RequestList<T>({ pages, row, none, filter, action, dialog }: RequestListProps<T>) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <div className="row toolbar">
        {filter}
        <span className="grow" />
        <button type="button" className={`button ${action.className}`} onClick={() => setOpen(true)}>
          <Icon name={action.icon} size={16} /> {t(action.label)}
        </button>
      </div>
      <List pages={pages} heads={HEADS} none={{ title: 'requests.none', detail: none }} row={row} />
      {isOpen && dialog(() => setOpen(false))}
    </>
  );
}

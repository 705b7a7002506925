import { Link } from '../shell/link.js';

/** People with links to where their roles are changed. */
export function Holders({ items }: { items: readonly { readonly userId: string; readonly displayName: string }[] }) {
  return (
    <ul className="holders">
      {items.map(({ userId, displayName }) => (
        <li key={userId}>
          <Link to={`/admin/users?user=${encodeURIComponent(userId)}`}>
            {displayName === '' ? userId : displayName}
          </Link>
        </li>
      ))}
    </ul>
  );
}

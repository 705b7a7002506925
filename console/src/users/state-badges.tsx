import type { User } from '../../../src/contract/api.js';
import { momentOf } from '../text/dates.js';
import { t } from '../text/text.js';

const KIND = { disabled: 'bad', locked: 'bad', must_change: 'warn', never_signed_in: '', no_role: 'warn' } as const;

/** What stands in the way of somebody's signing in, or that nothing does. */
export function StateBadges({ user }: { user: User }) {
  if (user.states.length === 0) return <span className="chip chip-good">{t('users.state.active')}</span>;
  return (
    <div className="chips">
      {user.states.map((state) => (
        <span key={state} className={`chip chip-${KIND[state]}`}>
          {state === 'locked' && user.lockedUntil !== null
            ? t('users.state.until', { when: momentOf(user.lockedUntil) })
            : t(`users.state.${state}`)}
        </span>
      ))}
    </div>
  );
}

/**
 * The rarer things done to a user: reset, unlock, disable, remove. What takes something away asks first.
 */
import { useState } from 'react';

import type { User } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay } from '../api/me.js';
import { asProblem } from '../api/problem.js';
import { AskDialog } from '../parts/ask-dialog.js';
import { Icon } from '../parts/icon.js';
import { Menu } from '../parts/menu.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { t, type TextKey } from '../text/text.js';
import { type OneTimePassword, OneTimePasswordDialog } from './one-time-password-dialog.js';
import { nameOf, useRefreshPeople } from './people.js';
import { UserChoice } from './user-choice.js';

type Asked = 'reset' | 'disable' | 'remove';

export function UserMenu({ user }: { user: User }) {
  const [asked, setAsked] = useState<Asked>();
  const [given, setGiven] = useState<OneTimePassword>();
  const mayUpdate = useMay('users.update');
  const refresh = useRefreshPeople();
  const toasts = useToasts();
  const { run } = useWork();
  const name = nameOf(user);
  const atOnce = (work: () => Promise<void>): void =>
    run(() => work().catch((error: unknown) => toasts.say('bad', asProblem(error).detail)));
  const unlock = async (): Promise<void> => {
    toasts.saved(await call('unlockUser', { path: { id: user.id } }), { what: t('users.unlocked', { name }) });
    await refresh();
  };
  const enable = async (): Promise<void> => {
    const receipt = await call('updateUser', { path: { id: user.id }, body: { status: 'active' } });
    toasts.saved(receipt, { what: t('users.enabled', { name }) });
    await refresh();
  };
  const item = (label: TextKey, onDo: () => void, close: () => void) => (
    <button
      type="button"
      disabled={!mayUpdate}
      className={label === 'users.remove' ? 'menu-danger' : undefined}
      onClick={() => {
        close();
        onDo();
      }}
    >
      {t(label)}
    </button>
  );
  return (
    <>
      <Menu label={t('users.more.of', { name })} face={<Icon name="more" />} className="button-icon">
        {(close) => (
          <>
            {!mayUpdate && <p className="small quiet menu-told">{t('users.needs')}</p>}
            {item('users.reset', () => setAsked('reset'), close)}
            {user.states.includes('locked') && item('users.unlock', () => atOnce(unlock), close)}
            {user.status === 'active'
              ? item('users.disable', () => setAsked('disable'), close)
              : item('users.enable', () => atOnce(enable), close)}
            {item('users.remove', () => setAsked('remove'), close)}
          </>
        )}
      </Menu>
      {asked === 'reset' && <ResetDialog user={user} onGiven={setGiven} onClose={() => setAsked(undefined)} />}
      {asked === 'disable' && <DisableDialog user={user} onClose={() => setAsked(undefined)} />}
      {asked === 'remove' && <RemoveDialog user={user} onClose={() => setAsked(undefined)} />}
      {given !== undefined && <OneTimePasswordDialog given={given} onClose={() => setGiven(undefined)} />}
    </>
  );
}

interface AskProps {
  readonly user: User;
  readonly onClose: () => void;
}

function ResetDialog({ user, onGiven, onClose }: AskProps & { onGiven: (given: OneTimePassword) => void }) {
  const refresh = useRefreshPeople();
  const { isBusy, error, run } = useWork();
  const name = nameOf(user);
  const reset = (): void =>
    run(async () => {
      const { oneTimePassword: password, mail } = await call('resetPassword', { path: { id: user.id } });
      onGiven({ name, password, mail });
      onClose();
      await refresh();
    });
  return (
    <AskDialog
      title={t('users.reset.title', { name })}
      text={t('users.reset.text')}
      act={t('users.reset')}
      onAct={reset}
      {...{ isBusy, error, onClose }}
    />
  );
}

function DisableDialog({ user, onClose }: AskProps) {
  const refresh = useRefreshPeople();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const name = nameOf(user);
  const change = async (status: 'active' | 'disabled'): Promise<void> => {
    const receipt = await call('updateUser', { path: { id: user.id }, body: { status } });
    const undo = { undo: () => void change('active').catch(() => toasts.say('bad', t('error.title'))) };
    const what = t(status === 'disabled' ? 'users.disabled' : 'users.enabled', { name });
    toasts.saved(receipt, { what, ...(status === 'disabled' ? undo : {}) });
    await refresh();
  };
  const disable = (): void =>
    run(async () => {
      await change('disabled');
      onClose();
    });
  return (
    <AskDialog
      title={t('users.disable.title', { name })}
      text={t('users.disable.text')}
      act={t('users.disable')}
      onAct={disable}
      {...{ isBusy, error, onClose }}
    />
  );
}

function RemoveDialog({ user, onClose }: AskProps) {
  const [successorId, setSuccessorId] = useState('');
  const refresh = useRefreshPeople();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const name = nameOf(user);
  const ownsRecords = error !== undefined && asProblem(error).code === 'OWNS_RECORDS';
  const remove = (): void =>
    run(async () => {
      const query = successorId === '' ? {} : { successorId };
      const receipt = await call('deleteUser', { path: { id: user.id }, query });
      toasts.saved(receipt, { what: t('users.removed', { name }) });
      onClose();
      await refresh();
    });
  return (
    <AskDialog
      title={t('users.remove.title', { name })}
      text={t('users.remove.text')}
      act={t('users.remove')}
      onAct={remove}
      {...{ isBusy, error, onClose }}
    >
      {ownsRecords && (
        <UserChoice
          label={t('users.remove.successor')}
          notId={user.id}
          value={successorId}
          onChange={(userId) => setSuccessorId(userId)}
        />
      )}
    </AskDialog>
  );
}

/**
 * `/admin/teams`: managers and those below them, as a tree that is built and taken apart without a mouse too.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import type { TeamAssignment } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay } from '../api/me.js';
import { asProblem } from '../api/problem.js';
import { Field } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Icon } from '../parts/icon.js';
import { Failed, Loading, Notice, Refusal, State } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { fromLocalField, windowText } from '../text/dates.js';
import { problemText } from '../text/problem-text.js';
import { t } from '../text/text.js';
import { windowBody } from '../text/time-window.js';
import { nameOf, useEverybody } from '../users/people.js';
import { UserChoice } from '../users/user-choice.js';
import { type TeamNode, treeOf } from './tree.js';

const KEY = ['teams'];
const SHOWN_MAX = 1000;
const NOBODY = { id: '', name: '' };

export function TeamsScreen() {
  const mayAdmin = useMay('team.admin');
  const [isAdding, setAdding] = useState(false);
  const teams = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => call('listTeamAssignments', { query: { limit: SHOWN_MAX } }, { signal }),
  });
  const everybody = useEverybody();
  const names = new Map((everybody.data ?? []).map((person) => [person.id, nameOf(person)]));
  const nodes = treeOf(teams.data?.items ?? []);
  return (
    <div className="stack page">
      <div className="row">
        <h1 className="grow">{t('teams.title')}</h1>
        <button
          type="button"
          className="button button-main"
          aria-disabled={!mayAdmin}
          title={mayAdmin ? undefined : t('teams.add.needs')}
          onClick={() => mayAdmin && setAdding(true)}
        >
          <Icon name="plus" size={16} /> {t('teams.add')}
        </button>
      </div>
      <p className="quiet">{t('teams.intro')}</p>
      {!mayAdmin && <Notice>{t('may.not', { permission: 'team.admin' })}</Notice>}
      {teams.isPending && <Loading />}
      {teams.isError && <Failed error={teams.error} onRetry={() => void teams.refetch()} />}
      {teams.data !== undefined && nodes.length === 0 && (
        <State icon="teams" title={t('teams.none')}>
          <p>{t('teams.none.detail')}</p>
        </State>
      )}
      {teams.data !== undefined && teams.data.nextCursor !== null && (
        <Notice kind="warn">{t('teams.partial', { count: SHOWN_MAX })}</Notice>
      )}
      {nodes.length > 0 && (
        <ul className="tree card" aria-label={t('teams.tree')}>
          {nodes.map((node) => (
            <Node key={node.userId} {...{ node, names, mayAdmin }} />
          ))}
        </ul>
      )}
      {isAdding && <AssignDialog onClose={() => setAdding(false)} />}
    </div>
  );
}

interface NodeProps {
  readonly node: TeamNode;
  readonly names: ReadonlyMap<string, string>;
  readonly mayAdmin: boolean;
}

function Node({ node: { userId, assignment, below }, names, mayAdmin }: NodeProps) {
  const [isFolded, setFolded] = useState(false);
  const name = names.get(userId) ?? userId;
  const told = assignment === undefined ? '' : windowText(assignment);
  return (
    <li>
      <div className="row tree-row">
        {below.length > 0 ? (
          <button
            type="button"
            className="button-icon"
            aria-expanded={!isFolded}
            aria-label={name}
            onClick={() => setFolded(!isFolded)}
          >
            <Icon name={isFolded ? 'right' : 'down'} size={15} />
          </button>
        ) : (
          <span className="tree-leaf" />
        )}
        <span className={below.length > 0 ? 'tree-manager' : undefined}>{name}</span>
        {below.length > 0 && <span className="small quiet">{t('teams.count', { count: below.length })}</span>}
        {told !== '' && <span className="chip">{told}</span>}
        <span className="grow" />
        {assignment !== undefined && mayAdmin && <RemoveButton assignment={assignment} names={names} />}
      </div>
      {below.length > 0 && !isFolded && (
        <ul>
          {below.map((node) => (
            <Node key={node.userId} {...{ node, names, mayAdmin }} />
          ))}
        </ul>
      )}
    </li>
  );
}

function RemoveButton({ assignment, names }: { assignment: TeamAssignment; names: NodeProps['names'] }) {
  const { managerId, userId } = assignment;
  const client = useQueryClient();
  const toasts = useToasts();
  const named = { name: names.get(userId) ?? userId, manager: names.get(managerId) ?? managerId };
  const putBack = async (): Promise<void> => {
    const body = { managerId, userId, ...windowBody(assignment) };
    toasts.saved(await call('createTeamAssignment', { body }), { what: t('teams.assigned', named) });
    await client.invalidateQueries({ queryKey: KEY });
  };
  const remove = async (): Promise<void> => {
    const receipt = await call('deleteTeamAssignment', { query: { managerId, userId } });
    toasts.saved(receipt, { what: t('teams.removed', named), undo: () => void putBack().catch(fail) });
    await client.invalidateQueries({ queryKey: KEY });
  };
  const fail = (error: unknown): void => toasts.say('bad', problemText(asProblem(error)));
  return (
    <button
      type="button"
      className="button button-small"
      aria-label={t('teams.remove.of', named)}
      onClick={() => void remove().catch(fail)}
    >
      {t('teams.remove')}
    </button>
  );
}

function AssignDialog({ onClose }: { onClose: () => void }) {
  const [manager, setManager] = useState(NOBODY);
  const [person, setPerson] = useState(NOBODY);
  const [until, setUntil] = useState('');
  const client = useQueryClient();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const submit = (): void => {
    if (manager.id === '' || person.id === '') return;
    run(async () => {
      const window = until === '' ? {} : { expiresAt: fromLocalField(until) };
      const body = { managerId: manager.id, userId: person.id, ...window };
      const receipt = await call('createTeamAssignment', { body });
      toasts.saved(receipt, { what: t('teams.assigned', { name: person.name, manager: manager.name }) });
      await client.invalidateQueries({ queryKey: KEY });
      onClose();
    });
  };
  return (
    <FormDialog title={t('teams.create.title')} save={t('teams.save')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <UserChoice
        label={t('teams.manager')}
        notId={person.id}
        value={manager.id}
        onChange={(id, name) => setManager({ id, name })}
      />
      <UserChoice
        label={t('teams.rep')}
        notId={manager.id}
        value={person.id}
        onChange={(id, name) => setPerson({ id, name })}
      />
      <Field
        label={t('teams.expires')}
        hint={t('common.optional')}
        type="datetime-local"
        value={until}
        onChange={setUntil}
      />
    </FormDialog>
  );
}

/**
 * Admin → System → Notifications: how mail is sent, what waits, and a test. The password is written and never read.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type SyntheticEvent, useState } from 'react';

import type { Mailer, MailSecurity } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMe } from '../api/me.js';
import { Field, PasswordField, SelectField } from '../parts/field.js';
import { Failed, Loading, Notice, Refusal } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { When } from '../text/dates.js';
import { t } from '../text/text.js';

const KEY = ['mailer'];

export function MailerScreen() {
  const mailer = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => call('getMailer', {}, { signal }),
    refetchOnWindowFocus: false,
  });
  if (mailer.isError && mailer.data === undefined)
    return <Failed error={mailer.error} onRetry={() => void mailer.refetch()} />;
  if (mailer.data === undefined) return <Loading />;
  return (
    <div className="stack page">
      <h1>{t('mailer.title')}</h1>
      <p className="quiet">{t('mailer.intro')}</p>
      <Now mailer={mailer.data} />
      <Settings key={mailer.data.settings?.updatedAt ?? ''} mailer={mailer.data} />
      <Test />
    </div>
  );
}

function Now({ mailer: { delivery, outbox, settings } }: { mailer: Mailer }) {
  return (
    <dl className="facts card">
      <dt>{t('mailer.delivery')}</dt>
      <dd>{t(`mailer.delivery.${delivery}`)}</dd>
      <dt>{t('mailer.outbox')}</dt>
      <dd>
        {outbox.pending === 0 ? t('mailer.outbox.none') : t('mailer.outbox.some', { count: outbox.pending })}
        {outbox.oldestAt !== null && (
          <>
            {' · '}
            <When at={outbox.oldestAt} />
          </>
        )}
      </dd>
      {outbox.lastError !== null && (
        <>
          <dt>{t('mailer.lastError')}</dt>
          <dd className="mono">{outbox.lastError}</dd>
        </>
      )}
      {settings !== null && (
        <>
          <dt>{t('mailer.updated')}</dt>
          <dd>
            <When at={settings.updatedAt} /> <span className="mono quiet">{settings.updatedBy}</span>
          </dd>
        </>
      )}
    </dl>
  );
}

const SECURITIES: readonly MailSecurity[] = ['starttls', 'tls', 'none'];

function Settings({ mailer: { settings } }: { mailer: Mailer }) {
  const [host, setHost] = useState(settings?.host ?? '');
  const [port, setPort] = useState(String(settings?.port ?? 587));
  const [security, setSecurity] = useState<MailSecurity>(settings?.security ?? 'starttls');
  const [username, setUsername] = useState(settings?.username ?? '');
  const [password, setPassword] = useState('');
  const [fromAddress, setFromAddress] = useState(settings?.fromAddress ?? '');
  const [fromName, setFromName] = useState(settings?.fromName ?? '');
  const client = useQueryClient();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    run(async () => {
      const secret = password === '' ? {} : { password };
      const body = {
        host,
        port: Number(port),
        security,
        username: username === '' ? null : username,
        fromAddress,
        fromName,
        ...secret,
      };
      client.setQueryData(KEY, await call('replaceMailer', { body }));
      setPassword('');
      toasts.say('good', t('mailer.saved'));
    });
  };
  return (
    <form className="card stack" onSubmit={submit}>
      {error !== undefined && <Refusal error={error} />}
      <div className="columns">
        <Field label={t('mailer.host')} required value={host} onChange={setHost} />
        <Field label={t('mailer.port')} required type="number" min={1} max={65535} value={port} onChange={setPort} />
        <SelectField
          label={t('mailer.security')}
          options={SECURITIES.map((one) => ({ value: one, label: t(`mailer.security.${one}`) }))}
          value={security}
          onChange={(value) => setSecurity(SECURITIES.find((one) => one === value) ?? 'starttls')}
        />
        <Field label={t('mailer.username')} autoComplete="off" value={username} onChange={setUsername} />
        <PasswordField
          label={t('mailer.password')}
          autoComplete="new-password"
          hint={t(settings?.hasPassword === true ? 'mailer.password.kept' : 'mailer.password.none')}
          value={password}
          onChange={setPassword}
        />
        <Field label={t('mailer.fromAddress')} required type="email" value={fromAddress} onChange={setFromAddress} />
        <Field label={t('mailer.fromName')} maxLength={200} value={fromName} onChange={setFromName} />
      </div>
      <div className="row">
        <button type="submit" className="button button-main" disabled={isBusy}>
          {t('common.save')}
        </button>
      </div>
    </form>
  );
}

function Test() {
  const me = useMe();
  const [to, setTo] = useState(me.data?.email ?? '');
  const [reply, setReply] = useState<string>();
  const { isBusy, error, run } = useWork();
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setReply(undefined);
    run(async () => setReply((await call('testMailer', { body: { to } })).reply));
  };
  return (
    <form className="card stack" onSubmit={submit}>
      {error !== undefined && <Refusal error={error} />}
      <div role="status">{reply !== undefined && <Notice kind="good">{t('mailer.test.taken', { reply })}</Notice>}</div>
      <Field label={t('mailer.test.to')} type="email" required value={to} onChange={setTo} />
      <div className="row">
        <button type="submit" className="button" disabled={isBusy}>
          {t('mailer.test')}
        </button>
      </div>
    </form>
  );
}

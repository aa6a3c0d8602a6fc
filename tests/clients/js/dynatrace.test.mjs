// @dynatrace-sdk/client-classic-environment-v2 5.2.3: the access tokens client, every operation, parameter and error class.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import sdk from '@dynatrace-sdk/client-classic-environment-v2';
import http from '@dynatrace-sdk/http-client';
import { ACCOUNT, ADMIN, INSTANT, cli, failure, fresh, mint, proxied, rising, until } from './lib.mjs';

const { AccessTokensApiTokensClient, isErrorEnvelopeError, isClientRequestError, isInvalidResponseError } = sdk;
const PATH = `${ADMIN}/platform/classic/environment-api/v2/apiTokens`;

function connect(secret, { word = 'Api-Token', baseUrl = ADMIN } = {}) {
  const defaultHeaders = secret === undefined ? {} : { Authorization: `${word} ${secret}` };
  return new AccessTokensApiTokensClient(new http.PlatformHttpClient({ baseUrl, defaultHeaders }));
}

/** A caller in an account of its own: nothing else is in its lists. */
async function caller({ scopes = ['all.User'], account = fresh('account'), owner = 'mira', ...options } = {}) {
  const record = await mint({ scopes, account, owner, ...options });
  return { record, account, owner, api: connect(record.secret) };
}

const create = (api, body = {}) => api.createApiToken({ body: { name: 'n', scopes: ['metrics.read'], ...body } });
const names = (page) => page.apiTokens.map((one) => one.name);

function wellFormed(error, status) {
  assert.ok(!isInvalidResponseError(error), `the client could not read the answer: ${error.message}`);
  assert.ok(isClientRequestError(error), `${error.name}: ${error.message} (${error.cause})`);
  assert.deepEqual([error.response.status, error.body?.error?.code], [status, status], JSON.stringify(error.body));
  assert.ok(error.body.error.message.length > 0);
  assert.match(error.response.headers['content-type'], /^application\/json/);
  assert.equal(error.response.headers['dynatrace-response-source'], undefined);
  return error;
}

/** The class for which the client reads an envelope. */
async function envelope(promise, status) {
  const error = wellFormed(await failure(promise), status);
  assert.ok(isErrorEnvelopeError(error), error.name);
  assert.equal(error.name, String(status));
  assert.equal(error.message, error.body.error.message);
  return error.body.error;
}

/** The 404 of get, delete and lookup is of the plainer class. */
async function missing(promise) {
  const error = wellFormed(await failure(promise), 404);
  assert.ok(!isErrorEnvelopeError(error));
  assert.equal(error.message, error.body.error.message);
}

async function violated(promise, path, parameterLocation) {
  const error = await envelope(promise, 400);
  assert.equal(error.message, 'Constraints violated.');
  const found = error.constraintViolations.find((one) => one.path === path);
  assert.ok(found, `${path} in ${JSON.stringify(error)}`);
  assert.equal(found.parameterLocation, parameterLocation);
  assert.equal(found.location, null);
  assert.equal(typeof found.message, 'string');
}

const inQuery = (promise, path) => violated(promise, path, 'QUERY');
const inBody = (promise, path) => violated(promise, path, 'PAYLOAD_BODY');
const UNKNOWN = `dt0c01.${'A'.repeat(24)}`;

describe('create', () => {
  it('answers with the id and, once, the secret', async () => {
    const { api } = await caller();
    const made = await create(api);
    assert.deepEqual(Object.keys(made).sort(), ['id', 'token']);
    assert.match(made.id, /^dt0c01\.[A-Z2-7]{24}$/);
    assert.match(made.token, /^dt0c01\.[A-Z2-7]{24}\.[A-Z2-7]{64}$/);
    assert.ok(made.token.startsWith(`${made.id}.`));
    const later = [await api.getApiToken({ id: made.id }), await api.lookupApiToken({ body: { token: made.token } }),
      await api.listApiTokens({ fields: '+scopes,+personalAccessToken,+expirationDate,+modifiedDate,+additionalMetadata' })];
    assert.ok(!JSON.stringify(later).includes(made.token.slice(32)));
  });

  it('takes every member', async () => {
    const { api, owner } = await caller();
    const before = Date.now();
    const scopes = ['metrics.read', 'DataExport', 'logs.ingest', 'things.read'];
    const made = await api.createApiToken({ body: { name: 'tök en', scopes, personalAccessToken: true, expirationDate: 'now+14d' } });
    assert.deepEqual(Object.keys(made).sort(), ['expirationDate', 'id', 'token']);
    assert.match(made.expirationDate, INSTANT);
    assert.ok(Math.abs(Date.parse(made.expirationDate) - before - 14 * 86_400_000) < 60_000);
    const { creationDate, ...rest } = await api.getApiToken({ id: made.id });
    assert.match(creationDate, INSTANT);
    assert.ok(Math.abs(Date.parse(creationDate) - before) < 60_000);
    // Never used, never modified: those fields are left out.
    assert.deepEqual(rest, { id: made.id, name: 'tök en', enabled: true, personalAccessToken: true, owner, scopes, expirationDate: made.expirationDate });
  });

  it('takes null as absent, ignores unknown members, and lets names repeat', async () => {
    const { api } = await caller();
    const made = await create(api, { personalAccessToken: null, expirationDate: null, enabled: false, owner: 'root', creationDate: 'x', colour: 1 });
    const token = await api.getApiToken({ id: made.id });
    assert.deepEqual([token.enabled, token.owner, token.personalAccessToken, 'expirationDate' in token], [true, 'mira', false, false]);
    assert.notEqual((await create(api)).id, made.id);
  });

  it('reads every form of an expiry', async () => {
    const { api } = await caller();
    for (const [sent, shown] of [
      ['1935273600000', '2031-04-30T00:00:00.000Z'],
      ['2031-05-01 12:30', '2031-05-01T12:30:00.000Z'],
      ['2031-05-01T12:30', '2031-05-01T12:30:00.000Z'],
      ['2031-05-01T12:30:15Z', '2031-05-01T12:30:15.000Z'],
      ['2031-05-01 12:30:15.250', '2031-05-01T12:30:15.250Z'],
      ['2031-05-01T12:30:15.250+02:00', '2031-05-01T10:30:15.250Z'],
    ]) assert.equal((await create(api, { expirationDate: sent })).expirationDate, shown, sent);
    const midnight = (days) => { const now = new Date(); return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + days); };
    for (const [sent, expected] of [
      ['now+90m', () => Date.now() + 90 * 60_000],
      ['now+2h', () => Date.now() + 2 * 3_600_000],
      ['now+3w', () => Date.now() + 21 * 86_400_000],
      ['now+14d/d', () => midnight(14)],
      ['now+1M', () => { const now = new Date(); const last = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 2, 0)).getUTCDate();
        return new Date(now).setUTCMonth(now.getUTCMonth() + 1, Math.min(now.getUTCDate(), last)); }],
      ['now+2y/y', () => Date.UTC(new Date().getUTCFullYear() + 2, 0, 1)],
    ]) {
      const earliest = expected();
      const got = Date.parse((await create(api, { expirationDate: sent })).expirationDate);
      assert.ok(got >= earliest - 1000 && got <= expected() + 1000, `${sent}: ${new Date(got).toISOString()}`);
    }
    const week = new Date((await create(api, { expirationDate: 'now+2w/w' })).expirationDate);
    assert.deepEqual([week.getUTCDay(), week.getTime() % 86_400_000], [1, 0], 'weeks start on Monday');
  });

  it('refuses bad bodies member by member', async () => {
    const { api } = await caller();
    for (const name of [undefined, null, '', '   ']) await inBody(create(api, { name }), 'name');
    for (const scopes of [undefined, null, []]) await inBody(create(api, { scopes }), 'scopes');
    await inBody(create(api, { scopes: ['no.such.scope.anywhere'] }), 'scopes[0]');
    await inBody(create(api, { scopes: ['metrics.read', 'Metrics.Read'] }), 'scopes[1]');
    for (const expirationDate of ['soon', 'now+14', 'now+1q', '2031-13-01T00:00', '2001-05-01T00:00:00Z', 'now-1d', 'now', '1000']) {
      await inBody(create(api, { expirationDate }), 'expirationDate');
    }
    for (const wrong of [{ name: 5 }, { scopes: 'metrics.read' }, { scopes: [1] }, { personalAccessToken: 'perhaps' }, { expirationDate: {} }]) {
      await envelope(create(api, wrong), 400);
    }
    const several = await envelope(api.createApiToken({ body: {} }), 400);
    assert.deepEqual(several.constraintViolations.map((one) => one.path).sort(), ['name', 'scopes']);
    for (const body of [[], 'text', 5]) await envelope(api.createApiToken({ body }), 400);
    assert.equal((await api.listApiTokens()).totalCount, 1, 'nothing was made');
  });

  it('answers what is no JSON by an envelope', async () => {
    const { record } = await caller();
    const headers = { authorization: `Api-Token ${record.secret}`, 'content-type': 'application/json; charset=utf-8' };
    for (const body of ['{"name":', '', 'text']) {
      const answer = await fetch(PATH, { method: 'POST', headers, body });
      assert.deepEqual([answer.status, (await answer.json()).error.code], [400, 400], body);
    }
  });

  it('grants no more than the caller holds', async () => {
    const { api } = await caller({ scopes: ['apiTokens.write', 'metrics.read', 'extras.*'] });
    for (const scopes of [['metrics.read'], ['apiTokens.write'], ['metrics.read', 'apiTokens.write'], ['extras.one.two']]) await create(api, { scopes });
    const body = { name: 'n', scopes: ['metrics.read', 'logs.ingest'] };
    const error = await failure(api.createApiToken({ body }));
    assert.ok(isErrorEnvelopeError(error) && [400, 403].includes(error.body.error.code), String(error));
  });
});

describe('get', () => {
  it('shows the last use and its address', async () => {
    const { api } = await caller();
    const made = await create(api, { scopes: ['things.read'] });
    const before = Date.now();
    assert.equal(await proxied(made.token), 200);
    const token = await until(async () => {
      const got = await api.getApiToken({ id: made.id });
      return got.lastUsedDate && got;
    }, 'the use is recorded', 30);
    assert.match(token.lastUsedDate, INSTANT);
    assert.ok(Math.abs(Date.parse(token.lastUsedDate) - before) < 60_000);
    assert.equal(token.lastUsedIpAddress, '127.0.0.1');
  });

  it('an id that nothing has, or another account\'s', async () => {
    const [{ api }, other] = [await caller(), await caller()];
    const theirs = await create(other.api);
    await missing(api.getApiToken({ id: UNKNOWN }));
    await missing(api.getApiToken({ id: theirs.id }));
    // What is no id at all may be called malformed or unknown.
    const error = await failure(api.getApiToken({ id: 'nonsense' }));
    assert.ok([400, 404].includes(error.response?.status), String(error));
    wellFormed(error, error.response.status);
  });
});

describe('update', () => {
  it('changes what it names, replaces scopes, and dates the change', async () => {
    const { api } = await caller();
    const { id } = await create(api, { scopes: ['metrics.read', 'logs.read'], expirationDate: 'now+14d' });
    const at_first = await api.getApiToken({ id });
    assert.ok(!('modifiedDate' in at_first));
    assert.equal(await api.updateApiToken({ id, body: { enabled: false } }), undefined);
    assert.deepEqual(await api.getApiToken({ id }), { ...at_first, enabled: false }, 'enabling is no modification');
    await api.updateApiToken({ id, body: { name: 'renamed' } });
    const renamed = await api.getApiToken({ id });
    assert.match(renamed.modifiedDate, INSTANT);
    assert.deepEqual(renamed, { ...at_first, enabled: false, name: 'renamed', modifiedDate: renamed.modifiedDate });
    await sleep(2);
    await api.updateApiToken({ id, body: { scopes: ['logs.ingest'] } });
    const replaced = await api.getApiToken({ id });
    assert.deepEqual(replaced.scopes, ['logs.ingest']);
    assert.ok(replaced.modifiedDate > renamed.modifiedDate);
    await sleep(2);
    await api.updateApiToken({ id, body: { enabled: true } });
    assert.deepEqual(await api.getApiToken({ id }), { ...replaced, enabled: true });
  });

  it('takes null as absent and ignores unknown members', async () => {
    const { api } = await caller();
    const { id } = await create(api);
    const first = await api.getApiToken({ id });
    for (const body of [{}, { name: null, enabled: null, scopes: null }, { owner: 'root', expirationDate: 'now+1d', personalAccessToken: true, colour: 1 }]) {
      assert.equal(await api.updateApiToken({ id, body }), undefined);
      assert.deepEqual(await api.getApiToken({ id }), first);
    }
  });

  it('stops a disabled token at once, and lets an enabled one in at once', async () => {
    const { api } = await caller();
    const made = await create(api, { scopes: ['things.read', 'apiTokens.read'] });
    for (let round = 0; round < 3; round++) {
      assert.equal(await proxied(made.token), 200);
      await connect(made.token).listApiTokens();
      await api.updateApiToken({ id: made.id, body: { enabled: false } });
      assert.equal(await proxied(made.token), 401);
      await envelope(connect(made.token).listApiTokens(), 401);
      await api.updateApiToken({ id: made.id, body: { enabled: true } });
    }
    await api.updateApiToken({ id: made.id, body: { scopes: ['metrics.read'] } });
    assert.equal(await proxied(made.token), 403, 'scopes are replaced at once too');
    await envelope(connect(made.token).listApiTokens(), 403);
  });

  it('refuses bad bodies, unknown ids and what the caller does not hold', async () => {
    const [{ api }, other] = [await caller(), await caller()];
    const { id } = await create(api);
    const first = await api.getApiToken({ id });
    for (const name of ['', '  ']) await inBody(api.updateApiToken({ id, body: { name } }), 'name');
    await inBody(api.updateApiToken({ id, body: { scopes: ['metrics.read', 'no.such.scope.anywhere'] } }), 'scopes[1]');
    for (const body of [{ name: 5 }, { enabled: 'perhaps' }, { scopes: 'x' }, []]) await envelope(api.updateApiToken({ id, body }), 400);
    assert.deepEqual(await api.getApiToken({ id }), first);
    const theirs = await create(other.api);
    for (const unknown of [UNKNOWN, theirs.id]) await envelope(api.updateApiToken({ id: unknown, body: { name: 'x' } }), 404);
    assert.equal((await other.api.getApiToken({ id: theirs.id })).name, 'n');
  });

  it('will not disable the token in use, but renames it', async () => {
    const { api, record } = await caller({ form: 'dynatrace' });
    for (const id of [record.dynatrace_id, record.secret]) await envelope(api.updateApiToken({ id, body: { enabled: false } }), 400);
    assert.equal((await api.listApiTokens()).totalCount, 1);
    assert.equal(await api.updateApiToken({ id: record.dynatrace_id, body: { name: 'me' } }), undefined);
    assert.equal((await api.getApiToken({ id: record.dynatrace_id })).name, 'me');
  });
});

describe('delete', () => {
  it('by id and by secret, and at once', async () => {
    const { api } = await caller();
    for (const which of ['id', 'token']) {
      const made = await create(api, { scopes: ['things.read'] });
      assert.equal(await proxied(made.token), 200);
      assert.equal(await api.deleteApiToken({ id: made[which] }), undefined);
      assert.equal(await proxied(made.token), 401);
      await missing(api.getApiToken({ id: made.id }));
      await missing(api.deleteApiToken({ id: made.id }));
      await missing(api.lookupApiToken({ body: { token: made.token } }));
    }
    assert.equal((await api.listApiTokens()).totalCount, 1);
  });

  it('not the token in use, an unknown one, or another account\'s', async () => {
    const [{ api, account, owner }, other] = [await caller(), await caller()];
    const own = await mint({ form: 'dynatrace', scopes: ['all.User'], account, owner });
    for (const id of [own.dynatrace_id, own.secret]) await envelope(connect(own.secret).deleteApiToken({ id }), 400);
    await missing(api.deleteApiToken({ id: UNKNOWN }));
    await missing(api.deleteApiToken({ id: `${UNKNOWN}.${'B'.repeat(64)}` }));
    const theirs = await create(other.api);
    await missing(api.deleteApiToken({ id: theirs.id }));
    await missing(api.deleteApiToken({ id: theirs.token }));
    // The right public part with a wrong secret names nobody.
    const made = await create(api);
    const last = made.token.endsWith('A') ? 'B' : 'A';
    await missing(api.deleteApiToken({ id: made.token.slice(0, -1) + last }));
    assert.equal((await api.getApiToken({ id: made.id })).id, made.id);
  });
});

describe('lookup', () => {
  it('describes a token by its secret, for any valid caller', async () => {
    const { api, account } = await caller();
    const made = await create(api, { scopes: ['logs.ingest'], personalAccessToken: true, expirationDate: 'now+1d' });
    const shown = await api.getApiToken({ id: made.id });
    assert.deepEqual(await api.lookupApiToken({ body: { token: made.token } }), shown);
    const itself = await connect(made.token).lookupApiToken({ body: { token: made.token } });
    assert.deepEqual(itself.scopes, ['logs.ingest']);
    const plain = await mint({ account, scopes: [], owner: 'tom' });
    assert.equal((await connect(plain.secret).lookupApiToken({ body: { token: made.token } })).id, made.id);
  });

  it('describes disabled and expired ones too', async () => {
    const { api } = await caller();
    const made = await create(api);
    await api.updateApiToken({ id: made.id, body: { enabled: false } });
    assert.equal((await api.lookupApiToken({ body: { token: made.token } })).enabled, false);
    const short = await create(api, { expirationDate: String(Date.now() + 1200), scopes: ['things.read'] });
    await until(async () => await proxied(short.token) === 401, 'it expires');
    const shown = await api.lookupApiToken({ body: { token: short.token } });
    assert.deepEqual([shown.id, shown.expirationDate], [short.id, short.expirationDate]);
  });

  it('refuses unknown and wrong secrets, ids, and an absent one', async () => {
    const [{ api }, other] = [await caller(), await caller()];
    const [made, theirs] = [await create(api), await create(other.api)];
    const last = made.token.endsWith('A') ? 'B' : 'A';
    for (const token of [`${UNKNOWN}.${'B'.repeat(64)}`, made.token.slice(0, -1) + last, made.id, 'x', theirs.token]) {
      await missing(api.lookupApiToken({ body: { token } }));
    }
    for (const body of [{}, { token: null }, { token: 5 }, []]) await envelope(api.lookupApiToken({ body }), 400);
    await inBody(api.lookupApiToken({ body: {} }), 'token');
  });
});

describe('list', () => {
  it('without parameters', async () => {
    const { api, record } = await caller();
    for (const name of ['first', 'second', 'third']) { await create(api, { name }); await sleep(2); }
    const page = await api.listApiTokens();
    assert.deepEqual([page.totalCount, page.pageSize, page.nextPageKey], [4, 200, null]);
    assert.ok('nextPageKey' in page);
    assert.deepEqual(names(page), ['third', 'second', 'first', 'caller']);
    for (const one of page.apiTokens) assert.deepEqual(Object.keys(one).sort(), ['creationDate', 'enabled', 'id', 'name', 'owner']);
    assert.equal(page.apiTokens[3].id, record.dynatrace_id);
  });

  it('chooses fields', async () => {
    const { api } = await caller();
    await create(api, { expirationDate: 'now+1d' });
    const usual = ['creationDate', 'enabled', 'id', 'name', 'owner'];
    for (const [fields, keys] of [
      ['+scopes', [...usual, 'scopes']],
      ['+scopes,-owner', ['creationDate', 'enabled', 'id', 'name', 'scopes']],
      ['+personalAccessToken,+expirationDate,+lastUsedDate,+lastUsedIpAddress,+modifiedDate,+additionalMetadata', [...usual, 'expirationDate', 'personalAccessToken']],
      ['-name,-enabled,-owner,-creationDate', ['id']],
      ['-id', usual],
      ['name', ['id', 'name']],
      ['scopes,name', ['id', 'name', 'scopes']],
      ['+scopes,name,-owner', ['id', 'name']],
      [' scopes', [...usual, 'scopes']],
    ]) {
      const { apiTokens } = await api.listApiTokens({ fields, apiTokenSelector: 'scope("metrics.read")' });
      assert.deepEqual(apiTokens.map((one) => Object.keys(one).sort()), [[...keys].sort()], fields);
    }
    for (const fields of ['secret', '+token', '++name']) await envelope(api.listApiTokens({ fields }), 400);
    await inQuery(api.listApiTokens({ fields: '+nothing' }), 'fields');
  });

  it('selects by owner, kind and scope', async () => {
    const { api, account } = await caller();
    const tom = await caller({ account, owner: 'tom' });
    await create(api, { name: 'm1', scopes: ['metrics.read'] });
    await create(api, { name: 'm2', scopes: ['logs.ingest', 'metrics.read'], personalAccessToken: true });
    await create(tom.api, { name: 't1', scopes: ['logs.ingest'] });
    await create(tom.api, { name: 't2', scopes: ['events.read'], personalAccessToken: true });
    for (const [apiTokenSelector, found] of [
      ['owner("tom")', ['caller', 't1', 't2']],
      ['owner("Tom")', []],
      ['owner("to")', []],
      ['personalAccessToken(true)', ['m2', 't2']],
      ['personalAccessToken(false)', ['caller', 'caller', 'm1', 't1']],
      ['scope("metrics.read")', ['m1', 'm2']],
      ['scope("metrics.read","events.read")', ['m1', 'm2', 't2']],
      ['scope("nobody.has.it")', []],
      ['owner("mira"),scope("logs.ingest","events.read")', ['m2']],
      ['owner("tom"),personalAccessToken(true),scope("events.read")', ['t2']],
      ['owner("tom"),personalAccessToken(true),scope("metrics.read")', []],
    ]) {
      const page = await api.listApiTokens({ apiTokenSelector });
      assert.deepEqual(names(page).sort(), found, apiTokenSelector);
      assert.equal(page.totalCount, found.length, apiTokenSelector);
    }
    for (const bad of ['owner(tom)', 'owner("tom"', 'owner', 'owner()', 'personalAccessToken(perhaps)', 'colour("red")', 'owner("tom");scope("a")', 'scope()']) {
      await inQuery(api.listApiTokens({ apiTokenSelector: bad }), 'apiTokenSelector');
    }
  });

  it('keeps an account to itself', async () => {
    const [one, two] = [await caller({ owner: 'mira' }), await caller({ owner: 'mira' })];
    await create(one.api, { name: 'mine' });
    assert.deepEqual(names(await one.api.listApiTokens()).sort(), ['caller', 'mine']);
    assert.deepEqual(names(await two.api.listApiTokens()), ['caller']);
    await mint({ name: 'admin', scopes: ['all.admin'], account: two.account, owner: 'mira' });
    assert.deepEqual(names(await two.api.listApiTokens()), ['caller'], 'only all.admin sees those that hold it');
  });

  it('bounds the last use', async () => {
    const { api } = await caller();
    const made = await create(api, { name: 'used', scopes: ['things.read'] });
    await create(api, { name: 'never' });
    assert.equal(await proxied(made.token), 200);
    const during = async (from, to) => names(await api.listApiTokens({ from, to, apiTokenSelector: 'scope("things.read","metrics.read")' }));
    await until(async () => (await during('now-1h')).length === 1, 'the use is recorded', 30);
    const now = Date.now();
    const text = (ms) => new Date(ms).toISOString();
    const plain = (ms) => text(ms).slice(0, 19);
    for (const [from, to, found] of [
      ['now-1h', undefined, ['used']],
      ['now-1h', 'now', ['used']],
      [undefined, 'now', ['used']],
      [undefined, 'now+1d', ['used']],
      [undefined, 'now-1h', []],
      ['now-2d', 'now-1h', []],
      ['now+1h', 'now+2h', []],
      ['now/d', 'now+1d/d', ['used']],
      ['now-1M', 'now', ['used']],
      ['now-1y/y', 'now', ['used']],
      [String(now - 3_600_000), String(now + 1000), ['used']],
      [text(now - 3_600_000), text(now + 1000), ['used']],
      [plain(now - 3_600_000), plain(now + 60_000), ['used']],
      [plain(now - 3_600_000).replace('T', ' '), undefined, ['used']],
      ['2020-01-02T03:04:05.006+00:00', undefined, ['used']],
      ['2020-01-02T03:04:05.006+00:00', '2021-01-02T03:04', []],
    ]) assert.deepEqual(await during(from, to), found, `${from} to ${to}`);
    for (const bad of ['yesterday', 'now-', 'now-1q', 'now-d', '2020-13-01T00:00', '1.5']) {
      await inQuery(api.listApiTokens({ from: bad }), 'from');
      await inQuery(api.listApiTokens({ to: bad }), 'to');
    }
  });

  it('sorts by each of its fields', async () => {
    const { api } = await caller();
    const ids = {};
    for (const [name, expirationDate, scopes] of [['b', 'now+3d', ['metrics.read']], ['a', undefined, ['metrics.read', 'things.read']], ['c', 'now+1d', ['metrics.read']]]) {
      ids[name] = await create(api, { name, expirationDate, scopes });
      await sleep(2);
    }
    await api.updateApiToken({ id: ids.c.id, body: { scopes: ['metrics.read', 'logs.read'] } });
    await sleep(2);
    await api.updateApiToken({ id: ids.b.id, body: { scopes: ['metrics.read', 'logs.read'] } });
    assert.equal(await proxied(ids.a.token), 200);
    const order = async (sort) => names(await api.listApiTokens({ sort, apiTokenSelector: 'scope("metrics.read")' })).join('');
    await until(async () => (await api.getApiToken({ id: ids.a.id })).lastUsedDate, 'the use is recorded', 30);
    for (const [sort, expected] of [
      ['+name', /^abc$/], ['name', /^abc$/], ['-name', /^cba$/], [' name', /^abc$/],
      ['+creationDate', /^bac$/], ['-creationDate', /^cab$/], [undefined, /^cab$/],
      // No expiry comes last under +; never used and never modified come first.
      ['+expirationDate', /^cba$/], ['-expirationDate', /^abc$/],
      ['+modifiedDate', /^acb$/], ['-modifiedDate', /^bca$/],
      ['+lastUsedDate', /^(bc|cb)a$/], ['-lastUsedDate', /^a(bc|cb)$/],
    ]) assert.match(await order(sort), expected, String(sort));
    for (const bad of ['owner', '+', '*name', 'name,creationDate']) await inQuery(api.listApiTokens({ sort: bad }), 'sort');
  });

  it('follows the page key through all of more than two hundred', async () => {
    const { api, account } = await caller();
    await mint({ name: 'many', account, owner: 'mira', count: 250 });
    const walk = async (params) => {
      const sizes = [];
      const seen = [];
      let page = await api.listApiTokens(params);
      for (;;) {
        sizes.push(page.apiTokens.length);
        seen.push(...page.apiTokens);
        assert.equal(page.totalCount, 251);
        assert.equal(page.pageSize, params.pageSize ?? 200);
        if (page.nextPageKey === null) break;
        assert.ok(sizes.length < 10, 'the chain ends');
        page = await api.listApiTokens({ nextPageKey: page.nextPageKey });
      }
      assert.equal(new Set(seen.map((one) => one.id)).size, 251, 'each once');
      return { sizes, seen };
    };
    assert.deepEqual((await walk({})).sizes, [200, 51]);
    assert.deepEqual((await walk({ pageSize: 100 })).sizes, [100, 100, 51]);
    assert.deepEqual((await walk({ pageSize: 10_000 })).sizes, [251]);
    const dated = (await walk({})).seen.map((one) => one.creationDate);
    assert.ok(rising([...dated].reverse()), 'newest first over the pages');
    const { seen } = await walk({ pageSize: 100, sort: '+name', fields: 'name', apiTokenSelector: 'owner("mira")' });
    assert.ok(rising(seen.map((one) => one.name)), 'sorted over the pages');
    for (const one of seen) assert.deepEqual(Object.keys(one).sort(), ['id', 'name']);
    const { nextPageKey } = await api.listApiTokens({ pageSize: 100 });
    for (const beside of [{ pageSize: 100 }, { sort: '+name' }, { fields: 'name' }, { from: 'now-1d' }, { to: 'now' }, { apiTokenSelector: 'owner("mira")' }]) {
      await envelope(api.listApiTokens({ nextPageKey, ...beside }), 400);
    }
    for (const bad of ['nonsense', `${nextPageKey}x`]) await envelope(api.listApiTokens({ nextPageKey: bad }), 400);
  });

  it('ends exactly at a full page', async () => {
    const { api, account } = await caller();
    await mint({ name: 'many', account, owner: 'mira', count: 199 });
    const page = await api.listApiTokens();
    assert.deepEqual([page.apiTokens.length, page.totalCount, page.nextPageKey], [200, 200, null]);
  });

  it('bounds the page size', async () => {
    const { api } = await caller();
    for (const pageSize of [100, 10_000]) assert.equal((await api.listApiTokens({ pageSize })).pageSize, pageSize);
    for (const pageSize of [0, 1, 99, 10_001, -100, 1.5, 'abc']) await inQuery(api.listApiTokens({ pageSize }), 'pageSize');
  });
});

describe('credentials and scopes', () => {
  const operations = (api, id, token) => ({
    list: () => api.listApiTokens(), create: () => create(api), get: () => api.getApiToken({ id }),
    update: () => api.updateApiToken({ id, body: { name: 'x' } }), remove: () => api.deleteApiToken({ id }), lookup: () => api.lookupApiToken({ body: { token } }),
  });

  it('none, unknown, disabled, expired and deleted: 401, and never told apart', async () => {
    const { api } = await caller();
    const [disabled, expired, deleted] = [await create(api), await create(api, { expirationDate: String(Date.now() + 1200), scopes: ['apiTokens.read'] }), await create(api)];
    await api.updateApiToken({ id: disabled.id, body: { enabled: false } });
    await api.deleteApiToken({ id: deleted.id });
    await until(() => connect(expired.token).listApiTokens().then(() => false, () => true), 'it expires');
    const told = new Set();
    for (const secret of [`${UNKNOWN}.${'B'.repeat(64)}`, 'x', disabled.token, expired.token, deleted.token]) {
      for (const call of Object.values(operations(connect(secret), disabled.id, disabled.token))) told.add(JSON.stringify(await envelope(call(), 401)));
    }
    assert.equal(told.size, 1, [...told].join('\n'));
    for (const call of Object.values(operations(connect(undefined), disabled.id, disabled.token))) await envelope(call(), 401);
  });

  it('a scope is missing: the beginning that programs look for', async () => {
    const { api, account } = await caller();
    const { id, token } = await create(api);
    const begin = 'Token is missing required scope. Use one of: ';
    const reader = await caller({ account, scopes: ['apiTokens.read'] });
    const writer = await caller({ account, scopes: ['apiTokens.write', 'metrics.read'] });
    const neither = await caller({ account, scopes: ['metrics.read'] });
    const needs = { list: 'apiTokens.read (Read API tokens)', get: 'apiTokens.read (Read API tokens)', create: 'apiTokens.write (', update: 'apiTokens.write (', remove: 'apiTokens.write (' };
    for (const [operation, scope] of Object.entries(needs)) {
      const reads = scope.startsWith('apiTokens.read');
      for (const who of [neither, reads ? writer : reader]) {
        const error = await envelope(operations(who.api, id, token)[operation](), 403);
        assert.ok(error.message.startsWith(begin + scope), `${operation}: ${error.message}`);
      }
    }
    for (const who of [reader, writer, neither]) assert.equal((await operations(who.api, id, token).lookup()).id, id);
    await operations(reader.api, id).list();
    await operations(reader.api, id).get();
    for (const operation of ['create', 'update', 'remove']) await operations(writer.api, id)[operation]();
  });

  it('the platform names of the scopes are enough', async () => {
    for (const prefix of ['environment-api:api-tokens', 'api-tokens:tokens']) {
      const { api, account } = await caller();
      const { id } = await create(api);
      const reader = await caller({ account, scopes: [`${prefix}:read`] });
      assert.equal((await reader.api.getApiToken({ id })).id, id);
      await envelope(reader.api.deleteApiToken({ id }), 403);
      const writer = await caller({ account, scopes: [`${prefix}:write`] });
      await envelope(writer.api.listApiTokens(), 403);
      assert.equal(await writer.api.deleteApiToken({ id }), undefined);
    }
  });

  it('the scheme in any case, and Bearer', async () => {
    const { record } = await caller();
    for (const word of ['Api-Token', 'api-token', 'API-TOKEN', 'Bearer', 'bearer']) {
      assert.equal((await connect(record.secret, { word }).listApiTokens()).totalCount, 1, word);
    }
    for (const word of ['Basic', 'Token']) await envelope(connect(record.secret, { word }).listApiTokens(), 401);
  });

  it('the client drops a path of its base address', async () => {
    const { record } = await caller();
    assert.equal((await connect(record.secret, { baseUrl: `${ADMIN}/e/abc12345/` }).listApiTokens()).totalCount, 1);
  });

  it('a token of the command line in this vendor\'s form is one', async () => {
    const record = await mint({ form: 'dynatrace', scopes: ['apiTokens.read'], account: ACCOUNT, owner: 'mira', name: fresh('formed') });
    assert.match(record.secret, /^dt0c01\.[A-Z2-7]{24}\.[A-Z2-7]{64}$/);
    assert.equal(record.secret.slice(0, 31), record.dynatrace_id);
    const shown = await connect(record.secret).getApiToken({ id: record.dynatrace_id });
    assert.deepEqual([shown.name, shown.owner], [record.name, 'mira']);
    await cli('token', 'disable', record.id);
    await until(() => connect(record.secret).listApiTokens().then(() => false, (error) => error.response.status === 401), 'the command reaches the sidecar');
  });
});

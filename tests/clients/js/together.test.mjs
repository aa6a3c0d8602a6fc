// One record under every dialect: what one vendor's client makes or changes, the others' see.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import losant from 'losant-rest';
import sdk from '@dynatrace-sdk/client-classic-environment-v2';
import http from '@dynatrace-sdk/http-client';
import { ACCOUNT, ADMIN, cli, failure, fresh, mint, proxied, until } from './lib.mjs';

const jammer = createRequire(import.meta.url)(process.env.CLIENTS_THREATJAMMER);

const byLosant = (accessToken) => losant.createClient({ url: ADMIN, accessToken });
const byDynatrace = (secret) => new sdk.AccessTokensApiTokensClient(
  new http.PlatformHttpClient({ baseUrl: ADMIN, defaultHeaders: { Authorization: `Api-Token ${secret}` } }));
const byJammer = (secret) => new Promise((resolve) => {
  const client = new jammer.ApiClient(ADMIN);
  client.authentications.HTTPBearer.accessToken = secret;
  new jammer.AuthenticationTokenManagementInThisRegionApi(client).queryTokenInfoV1TokenGet((error, data) => resolve({ error, data }));
});

async function caller() {
  const owner = fresh('owner');
  const record = await mint({ scopes: ['all.User'], owner, account: ACCOUNT });
  return { owner, record, l: byLosant(record.secret), d: byDynatrace(record.secret) };
}

const shown = async (id) => JSON.parse(await cli('token', 'show', '--json', id));

describe('made with the Losant client', () => {
  it('is found by its secret and by its id with the Dynatrace client', async () => {
    const { owner, l, d } = await caller();
    const made = await l.userApiTokens.post({ apiToken: { name: 'nightly', scope: ['metrics.read', 'things.read'], expirationDate: '2031-05-01T00:00:00Z', description: 'd' } });
    const found = await d.lookupApiToken({ body: { token: made.token } });
    assert.match(found.id, /^dt0c01\.[A-Z2-7]{24}$/);
    assert.deepEqual([found.name, found.owner, found.enabled, found.personalAccessToken], ['nightly', owner, true, false]);
    assert.deepEqual([...found.scopes].sort(), ['metrics.read', 'things.read']);
    assert.deepEqual([found.creationDate, found.expirationDate], [made.creationDate, made.expirationDate]);
    assert.deepEqual(await d.getApiToken({ id: found.id }), found);
    const page = await d.listApiTokens({ apiTokenSelector: `owner("${owner}")`, sort: '+name' });
    assert.deepEqual(page.apiTokens.map((one) => one.name), ['caller', 'nightly']);
    const record = await shown(made.id);
    assert.deepEqual([record.losant_id, record.dynatrace_id, record.name], [made.id, found.id, 'nightly']);
    assert.ok(!('secret' in record));
  });

  it('is disabled, enabled, changed and deleted with the Dynatrace client, at once', async () => {
    const { l, d } = await caller();
    const made = await l.userApiTokens.post({ apiToken: { name: 'n', scope: ['things.read', 'userApiTokens.get'] } });
    const { id } = await d.lookupApiToken({ body: { token: made.token } });
    const own = byLosant(made.token);
    await own.userApiTokens.get();
    await d.updateApiToken({ id, body: { enabled: false } });
    assert.equal((await l.userApiToken.get({ apiTokenId: made.id })).status, 'inactive');
    assert.equal((await failure(own.userApiTokens.get())).statusCode, 401);
    assert.equal(await proxied(made.token), 401);
    assert.equal((await byJammer(made.token)).error?.status, 401);
    await d.updateApiToken({ id, body: { enabled: true, name: 'other', scopes: ['things.read', 'logs.read'] } });
    const now = await l.userApiToken.get({ apiTokenId: made.id });
    assert.deepEqual([now.status, now.name, [...now.scope].sort()], ['active', 'other', ['logs.read', 'things.read']]);
    assert.equal(await proxied(made.token), 200);
    assert.equal((await failure(own.userApiTokens.get())).statusCode, 403);
    await d.deleteApiToken({ id: made.token.startsWith('dt0') ? made.token : id });
    assert.equal((await failure(l.userApiToken.get({ apiTokenId: made.id }))).statusCode, 404);
    assert.equal(await proxied(made.token), 401);
  });
});

describe('made with the Dynatrace client', () => {
  it('is listed, changed and deleted with the Losant client, at once', async () => {
    const { owner, record, l, d } = await caller();
    const made = await d.createApiToken({ body: { name: 'edge', scopes: ['things.read', 'logs.ingest'], expirationDate: '2031-05-01T00:00' } });
    const page = await l.userApiTokens.get({ filterField: 'name', filter: 'ed?e' });
    assert.equal(page.totalCount, 1);
    const [item] = page.items;
    assert.match(item.id, /^[0-9a-f]{24}$/);
    assert.deepEqual([item.ownerId, item.ownerType, item.creatorId, item.status], [record.owner.hex, 'user', record.losant_id, 'active']);
    assert.deepEqual([item.scope, item.expirationDate], [['things.read', 'logs.ingest'], '2031-05-01T00:00:00.000Z']);
    assert.equal(await proxied(made.token), 200);
    await l.userApiToken.patch({ apiTokenId: item.id, apiToken: { status: 'inactive', name: 'edge two' } });
    assert.equal(await proxied(made.token), 401);
    const got = await d.getApiToken({ id: made.id });
    assert.deepEqual([got.enabled, got.name, got.owner], [false, 'edge two', owner]);
    await l.userApiToken.delete({ apiTokenId: item.id });
    for (const call of [() => d.getApiToken({ id: made.id }), () => d.lookupApiToken({ body: { token: made.token } })]) assert.equal((await failure(call())).response.status, 404);
  });

  it('is a credential for the Losant client, and the other way round', async () => {
    const { l, d } = await caller();
    const one = await d.createApiToken({ body: { name: 'n', scopes: ['apiTokens.read', 'things.read'] } });
    // Without a scope of that vendor it is known there and may do nothing.
    assert.equal((await failure(byLosant(one.token).userApiTokens.get())).statusCode, 403);
    const two = await l.userApiTokens.post({ apiToken: { name: 'n', scope: ['apiTokens.read', 'userApiTokens.get'] } });
    assert.ok((await byDynatrace(two.token).listApiTokens()).totalCount >= 3);
    assert.equal((await byLosant(two.token).userApiTokens.get()).totalCount, 3);
  });
});

describe('the ThreatJammer client', () => {
  it('reads what the others made', async () => {
    const { l, d } = await caller();
    const one = await l.userApiTokens.post({ apiToken: { name: 'n', scope: ['things.read'] } });
    const two = await d.createApiToken({ body: { name: 'n', scopes: ['things.read'] } });
    const created = [Date.parse(one.creationDate), Date.parse((await d.getApiToken({ id: two.id })).creationDate)];
    for (const [at, secret] of [one.token, two.token].entries()) {
      const { error, data } = await byJammer(secret);
      assert.equal(error, null, String(error));
      assert.deepEqual([data.status, data.created_at, data.region_id], ['ENABLED', created[at], 'local']);
    }
  });
});

describe('the command line', () => {
  it('a token it revokes is gone from both, one it makes is in both', async () => {
    const { owner, l, d } = await caller();
    const made = await mint({ name: 'by hand', scopes: ['things.read'], owner, account: ACCOUNT });
    assert.equal((await l.userApiToken.get({ apiTokenId: made.losant_id })).name, 'by hand');
    assert.equal((await d.getApiToken({ id: made.dynatrace_id })).name, 'by hand');
    await cli('token', 'revoke', made.id);
    await until(() => d.getApiToken({ id: made.dynatrace_id }).then(() => false, (error) => error.response.status === 404), 'the command reaches the sidecar');
    assert.equal((await failure(l.userApiToken.get({ apiTokenId: made.losant_id }))).statusCode, 404);
  });

  it('what the clients made is in its list, without secrets', async () => {
    const { owner, l, d } = await caller();
    const secrets = [(await l.userApiTokens.post({ apiToken: { name: 'from l' } })).token,
      (await d.createApiToken({ body: { name: 'from d', scopes: ['things.read'] } })).token];
    const printed = await cli('token', 'list', '--json', '--owner', owner, '--account', ACCOUNT);
    for (const name of ['caller', 'from l', 'from d']) assert.ok(printed.includes(`"${name}"`), name);
    for (const secret of secrets) assert.ok(!printed.includes(secret));
  });
});

// losant-rest 2.8.1: every operation, parameter and error of the user's API tokens.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import losant from 'losant-rest';
import { ACCOUNT, ADMIN, INSTANT, failure, fresh, mint, proxied, rising, until } from './lib.mjs';

const connect = (accessToken, options = {}) => losant.createClient({ url: ADMIN, accessToken, ...options });

/** A caller of its own: nobody else's tokens are in its lists. */
async function person(scopes = ['all.User'], owner = fresh('owner')) {
  const record = await mint({ scopes, owner, account: ACCOUNT });
  return { record, owner, ...resources(connect(record.secret)) };
}

function resources(client) {
  return {
    client,
    list: (params = {}, opts) => client.userApiTokens.get(params, opts),
    post: (apiToken, params = {}, opts) => client.userApiTokens.post({ apiToken, ...params }, opts),
    get: (apiTokenId, params = {}) => client.userApiToken.get({ apiTokenId, ...params }),
    patch: (apiTokenId, apiToken, params = {}) => client.userApiToken.patch({ apiTokenId, apiToken, ...params }),
    remove: (apiTokenId, params = {}) => client.userApiToken.delete({ apiTokenId, ...params }),
  };
}

async function refused(promise, status, type, message) {
  const error = await failure(promise);
  assert.ok(error instanceof Error);
  assert.deepEqual([error.statusCode, error.type], [status, type], `${error.message}`);
  if (message instanceof RegExp) assert.match(error.message, message);
  else if (message !== undefined) assert.equal(error.message, message);
  else assert.equal(typeof error.message, 'string');
  // The body is an object of these two members; anything more would land on the error.
  assert.deepEqual(Object.keys(error).sort(), ['statusCode', 'type']);
  return error;
}

const invalid = (promise, message) => refused(promise, 400, 'Validation', message);
const forbidden = (promise) => refused(promise, 403, 'Forbidden', 'Access is forbidden');
const unknown = (promise) => refused(promise, 404, 'NotFound', 'API Token was not found');
const unauthorized = (promise) => refused(promise, 401, 'Unauthorized', 'Invalid access token');
const NOBODY = '95738466ffeea753d6b533cd';

const names = (page) => page.items.map((item) => item.name);
const matching = (filter, more = {}) => ({ filterField: 'name', filter, ...more });

describe('create', () => {
  it('takes every field and shows the secret', async () => {
    const me = await person();
    const before = Date.now();
    const orgRoles = [{ orgId: 'sandbox', role: 'view', applicationRoles: [{ resourceId: NOBODY, role: 'view' }], dashboardRoles: [] }];
    const made = await me.post({
      name: 'tök en', description: 'for the export', expirationDate: '2031-05-01T02:00:00+02:00', defaultRole: 'view', orgRoles,
      scope: ['things.read', 'userApiTokens.get'], status: 'inactive',
    });
    assert.match(made.id, /^[0-9a-f]{24}$/);
    assert.match(made.token, /^tg_/);
    for (const field of ['creationDate', 'lastUpdated']) {
      assert.match(made[field], INSTANT);
      assert.ok(Math.abs(Date.parse(made[field]) - before) < 60_000, field);
    }
    const { token, id, creationDate, lastUpdated, ...rest } = made;
    assert.deepEqual(rest, {
      apiTokenId: id, ownerId: me.record.owner.hex, ownerType: 'user', creatorId: me.record.losant_id, creatorType: 'apiToken',
      creatorName: 'caller', name: 'tök en', description: 'for the export', expirationDate: '2031-05-01T00:00:00.000Z',
      defaultRole: 'view', orgRoles, scope: ['things.read', 'userApiTokens.get'], status: 'inactive', _type: 'userApiToken',
      _links: { self: { href: `/me/tokens/${id}` }, userApiTokens: { href: '/me/tokens' } },
    });
  });

  it('needs no more than a name, and gives the caller\'s scopes', async () => {
    const me = await person(['userApiTokens.*', 'things.read']);
    const made = await me.post({ name: 'n' });
    assert.deepEqual([...made.scope].sort(), ['things.read', 'userApiTokens.*']);
    assert.equal(made.status, 'active');
    for (const absent of ['description', 'expirationDate', 'defaultRole', 'orgRoles', '_actions', '_embedded']) {
      assert.ok(!(absent in made), absent);
    }
    assert.deepEqual((await (await person()).post({ name: 'n' })).scope, ['all.User']);
  });

  it('lets names repeat, up to 255 characters', async () => {
    const me = await person();
    const name = 'é'.repeat(255);
    const [one, two] = [await me.post({ name }), await me.post({ name })];
    assert.notEqual(one.id, two.id);
    assert.notEqual(one.token, two.token);
    assert.equal((await me.list(matching(name))).totalCount, 2);
  });

  it('takes dates with an offset, without decimals and with more', async () => {
    const me = await person();
    for (const [sent, shown] of [
      ['2031-05-01T00:00:00Z', '2031-05-01T00:00:00.000Z'],
      ['2031-05-01T00:00:00.250Z', '2031-05-01T00:00:00.250Z'],
      ['2031-05-01T00:30:00-01:30', '2031-05-01T02:00:00.000Z'],
    ]) assert.equal((await me.post({ name: 'n', expirationDate: sent })).expirationDate, shown, sent);
  });

  it('grants no more than the caller holds', async () => {
    for (const [held, may, mayNot] of [
      [['things.read'], ['things.read'], ['things.write', 'things.*', 'all.User', 'all.admin']],
      [['extras.*'], ['extras.one', 'extras.one.two', 'extras.*'], ['things.read']],
      [['all.Application'], ['all.Application', 'all.Application.read', 'all.Application.bounded'], ['all.Instance', 'things.read']],
      [['only.User'], ['only.User.read', 'userApiToken.get', 'userApiTokens.*', 'me.get'], ['things.read', 'all.User', 'all.admin']],
      [['all.User'], ['things.write', 'only.User', 'all.Application'], ['all.admin']],
    ]) {
      const me = await person(['userApiTokens.post', ...held]);
      for (const scope of may) assert.deepEqual((await me.post({ name: 'n', scope: [scope] })).scope, [scope], `${held}: ${scope}`);
      for (const scope of mayNot) await refused(me.post({ name: 'n', scope: [scope] }), 403, 'Forbidden');
    }
  });
});

describe('the secret', () => {
  it('is shown once', async () => {
    const me = await person();
    const { token, ...made } = await me.post({ name: 'once' });
    const later = [await me.get(made.id), await me.patch(made.id, {}), await me.list(), await me.get(made.id, { _actions: true })];
    assert.deepEqual(later[0], made);
    assert.ok(!JSON.stringify(later).includes(token));
    for (const one of [later[0], later[1], ...later[2].items]) assert.ok(!('token' in one));
  });

  it('is a credential here and on the proxy, in every place the client has for it', async () => {
    const me = await person();
    const { token } = await me.post({ name: 'n', scope: ['things.read', 'userApiTokens.get'] });
    assert.equal(await proxied(token), 200);
    const client = connect(undefined);
    await forbidden(client.userApiTokens.get());
    assert.equal((await client.userApiTokens.get({}, { accessToken: token })).ownerId, me.record.owner.hex);
    client.setOption('accessToken', token);
    assert.equal((await client.userApiTokens.get()).ownerId, me.record.owner.hex);
  });

  it('stops at once when inactive, and works at once when active again', async () => {
    const me = await person();
    const made = await me.post({ name: 'n', scope: ['things.read', 'userApiTokens.get'] });
    const own = resources(connect(made.token));
    for (let round = 0; round < 3; round++) {
      await own.list();
      assert.equal(await proxied(made.token), 200);
      assert.equal((await me.patch(made.id, { status: 'inactive' })).status, 'inactive');
      assert.equal(await proxied(made.token), 401);
      await unauthorized(own.list());
      assert.equal((await me.patch(made.id, { status: 'active' })).status, 'active');
    }
    const off = await me.post({ name: 'n', status: 'inactive' });
    await unauthorized(resources(connect(off.token)).list());
  });

  it('stops at once when deleted', async () => {
    const me = await person();
    const made = await me.post({ name: 'n', scope: ['things.read', 'userApiTokens.get'] });
    assert.equal(await proxied(made.token), 200);
    await me.remove(made.id);
    assert.equal(await proxied(made.token), 401);
    await unauthorized(resources(connect(made.token)).list());
  });

  it('ends at its date, and the token stays listed as it was', async () => {
    const me = await person();
    const made = await me.post({ name: 'short', expirationDate: new Date(Date.now() + 1500).toISOString(), scope: ['things.read', 'userApiTokens.get'] });
    const own = resources(connect(made.token));
    const error = await until(() => own.list().then(() => null, (thrown) => thrown), 'the token expires');
    assert.deepEqual([error.statusCode, error.type, error.message], [401, 'Unauthorized', 'Access token has expired']);
    assert.ok(Date.now() >= Date.parse(made.expirationDate) - 1);
    assert.equal(await proxied(made.token), 401);
    assert.equal((await me.get(made.id)).status, 'active');
  });
});

describe('get, patch and delete', () => {
  it('get takes the id in either case', async () => {
    const me = await person();
    const { token, ...made } = await me.post({ name: 'n', description: 'd' });
    assert.deepEqual(await me.get(made.id), made);
    assert.deepEqual(await me.get(made.id.toUpperCase()), made);
  });

  it('patch changes what it names and nothing else', async () => {
    const me = await person();
    const { token, ...made } = await me.post({ name: 'n', description: 'd', expirationDate: '2031-05-01T00:00:00.000Z', scope: ['things.read'] });
    let last = made;
    for (const change of [{ name: 'renamed' }, { description: 'other' }, { status: 'inactive' }, { defaultRole: 'edit' },
      { orgRoles: [{ orgId: NOBODY, role: 'admin' }] }, { name: 'both', status: 'active' }]) {
      await new Promise((resolve) => { setTimeout(resolve, 2); }); // The dates are of a millisecond.
      const now = await me.patch(made.id, change);
      assert.deepEqual({ ...now, lastUpdated: null }, { ...last, ...change, lastUpdated: null });
      assert.ok(now.lastUpdated > last.lastUpdated, JSON.stringify(change));
      last = now;
    }
    assert.deepEqual(await me.get(made.id), last);
  });

  it('an empty patch changes nothing', async () => {
    const me = await person();
    const { token, ...made } = await me.post({ name: 'n' });
    await new Promise((resolve) => { setTimeout(resolve, 2); });
    assert.deepEqual(await me.patch(made.id, {}), made);
    assert.deepEqual(await me.patch(made.id, undefined), made);
  });

  it('delete says success and no more, and the token is gone', async () => {
    const me = await person();
    const made = await me.post({ name: 'n' });
    assert.deepEqual(await me.remove(made.id, { _actions: true, _links: true, _embedded: true }), { success: true });
    for (const again of [() => me.get(made.id), () => me.patch(made.id, { name: 'x' }), () => me.remove(made.id)]) await unknown(again());
    assert.deepEqual(names(await me.list()), ['caller']);
  });

  it('an unknown or malformed id', async () => {
    const me = await person();
    for (const call of [() => me.get(NOBODY), () => me.patch(NOBODY, { name: 'x' }), () => me.remove(NOBODY)]) await unknown(call());
    for (const id of ['xyz', `${NOBODY}0`, 'a/b c', 'z'.repeat(24)]) {
      for (const call of [() => me.get(id), () => me.patch(id, { name: 'x' }), () => me.remove(id)]) await invalid(call(), 'apiTokenId pattern mismatch');
    }
  });

  it('a missing id: get is the list, the others are not allowed', async () => {
    const { client, record } = await person();
    assert.deepEqual((await client.userApiToken.get({})).items.map((item) => item.id), [record.losant_id]);
    await refused(client.userApiToken.delete({}), 405, 'MethodNotAllowed');
    await refused(client.userApiToken.patch({ apiToken: { name: 'x' } }), 405, 'MethodNotAllowed');
    assert.equal((await client.userApiTokens.get()).totalCount, 1);
  });
});

describe('list', () => {
  it('without parameters', async () => {
    const me = await person();
    const { token, ...made } = await me.post({ name: 'zebra' });
    const page = await me.list();
    assert.deepEqual(page.items[1], made);
    const { items, ...rest } = page;
    assert.deepEqual(rest, {
      count: 2, totalCount: 2, page: 0, perPage: 100, sortField: 'name', sortDirection: 'asc', ownerId: me.record.owner.hex,
      ownerType: 'user', _type: 'userApiTokens', _links: { self: rest._links?.self },
    });
    assert.match(rest._links.self.href, /^\/me\/tokens/);
    assert.deepEqual([items[0].name, items[0].id, items[0].status], ['caller', me.record.losant_id, 'active']);
  });

  it('sorts by every field in both directions', async () => {
    const me = await person();
    const plan = [['b', '2033-01-01T00:00:00Z', 'active'], ['A', undefined, 'inactive'], ['d', '2031-01-01T00:00:00Z', 'active'],
      ['C', '2032-01-01T00:00:00Z', 'inactive'], ['E', undefined, 'active']];
    const ids = [];
    for (const [name, expirationDate, status] of plan) {
      ids.push((await me.post({ name: `sort ${name}`, expirationDate, status })).id);
      await new Promise((resolve) => { setTimeout(resolve, 2); });
    }
    await me.patch(ids[1], { description: 'touched last' });
    const order = async (sortField, sortDirection) => {
      const page = await me.list(matching('sort *', { sortField, sortDirection }));
      assert.deepEqual([page.count, page.sortField, page.sortDirection], [5, sortField, sortDirection]);
      assert.deepEqual(page.items.map((item) => item.id).sort(), [...ids].sort());
      return page.items.map((item) => item.name.slice(5)).join('');
    };
    assert.equal(await order('name', 'asc'), 'AbCdE');
    assert.equal(await order('name', 'desc'), 'EdCbA');
    assert.equal(await order('creationDate', 'asc'), 'bAdCE');
    assert.equal(await order('creationDate', 'desc'), 'ECdAb');
    assert.equal(await order('lastUpdated', 'asc'), 'bdCEA');
    assert.equal(await order('lastUpdated', 'desc'), 'AECdb');
    // Those without a date come last in both directions, ties by id.
    assert.match(await order('expirationDate', 'asc'), /^dCb(AE|EA)$/);
    assert.match(await order('expirationDate', 'desc'), /^bCd(AE|EA)$/);
    assert.match(await order('status', 'asc'), /^[bdE]{3}[AC]{2}$/);
    assert.match(await order('status', 'desc'), /^[AC]{2}[bdE]{3}$/);
    for (const direction of ['asc', 'desc']) {
      const got = (await me.list(matching('sort *', { sortField: 'id', sortDirection: direction }))).items.map((item) => item.id);
      assert.ok(rising(direction === 'asc' ? got : got.reverse()), direction);
    }
    const tied = (await me.list(matching('sort *', { sortField: 'status' }))).items;
    assert.ok(rising(tied.filter((item) => item.status === 'active').map((item) => item.id)), 'ties by id');
  });

  it('takes the direction in either case, and blank values as absent', async () => {
    const me = await person();
    await me.post({ name: 'zebra' });
    assert.deepEqual(names(await me.list({ sortDirection: 'DESC' })), ['zebra', 'caller']);
    assert.deepEqual(names(await me.list({ sortDirection: 'ASC' })), ['caller', 'zebra']);
    const blank = await me.list({ page: null, perPage: null, filterField: null, filter: null });
    assert.deepEqual([blank.page, blank.perPage, blank.count], [0, 100, 2]);
    for (const absent of ['filter', 'filterField']) assert.ok(!(absent in blank), absent);
  });

  it('gives pages', async () => {
    const me = await person();
    for (let at = 0; at < 7; at++) await me.post({ name: `page ${at}` });
    const seen = [];
    for (const [page, count] of [[0, 3], [1, 3], [2, 1], [3, 0], [1000, 0]]) {
      const got = await me.list(matching('page *', { page, perPage: 3 }));
      assert.deepEqual([got.page, got.perPage, got.count, got.items.length, got.totalCount], [page, 3, count, count, 7]);
      seen.push(...names(got));
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6].map((at) => `page ${at}`));
    assert.equal((await me.list({ perPage: 1000 })).count, 8);
    assert.equal((await me.list({ perPage: 1 })).count, 1);
  });

  it('gives more than a hundred in pages of the default size', async () => {
    const me = await person();
    await mint({ name: 'many', owner: me.owner, account: ACCOUNT, count: 130 });
    const [first, second] = [await me.list(), await me.list({ page: 1 })];
    assert.deepEqual([first.count, second.count, first.totalCount, second.totalCount], [100, 31, 131, 131]);
    assert.equal(new Set([...first.items, ...second.items].map((item) => item.id)).size, 131);
  });

  it('filters names by a glob over the whole value, without case', async () => {
    const me = await person();
    const all = ['Alpha one', 'alpha two', 'Beta*star', '100% [x].(y)+\\', 'ÄRGER', 'a+b', 'a b', 'a&b=c#d', '^a.b$', 'тест'];
    for (const name of all) await me.post({ name });
    for (const [filter, found] of [
      ['alpha*', ['Alpha one', 'alpha two']],
      ['*ONE', ['Alpha one']],
      ['*a*', ['Alpha one', 'alpha two', 'Beta*star', 'a+b', 'a b', 'a&b=c#d', '^a.b$', 'caller']],
      ['alpha', []],
      ['lpha*', []],
      ['ALPHA ONE', ['Alpha one']],
      ['beta?star', ['Beta*star']],
      ['beta*star', ['Beta*star']],
      ['100% [x].(y)+\\', ['100% [x].(y)+\\']],
      ['*[x]*', ['100% [x].(y)+\\']],
      ['[a]*', []],
      ['ärger', ['ÄRGER']],
      ['?rger', ['ÄRGER']],
      ['????', ['тест']],
      ['ТЕСТ', ['тест']],
      ['a+b', ['a+b']],
      ['a b', ['a b']],
      ['a?b', ['a+b', 'a b']],
      ['a&b=c#d', ['a&b=c#d']],
      ['^a.b$', ['^a.b$']],
      ['.*', []],
      ['a**b', ['a+b', 'a b']],
      ['*', [...all, 'caller']],
      ['?*', [...all, 'caller']],
    ]) {
      const page = await me.list(matching(filter));
      assert.deepEqual(names(page).sort(), [...found].sort(), filter);
      assert.deepEqual([page.count, page.totalCount, page.filterField, page.filter], [found.length, found.length, 'name', filter]);
    }
  });

  it('filters by status', async () => {
    const me = await person();
    await me.post({ name: 'off', status: 'inactive' });
    for (const [filter, found] of [['inactive', ['off']], ['in*', ['off']], ['ACTIVE', ['caller']], ['active', ['caller']],
      ['*active', ['caller', 'off']], ['off', []]]) {
      assert.deepEqual(names(await me.list({ filterField: 'status', filter })), found, filter);
    }
  });

  it('ignores a filter without its field, a field without its filter, and lists', async () => {
    const me = await person();
    for (const params of [{ filter: 'nothing' }, { filterField: 'name' }, { filterField: '', filter: 'nothing' },
      { filterField: 'name', filter: '' }, { filterField: 'name', filter: ['nothing', 'none'] }, { filterField: ['name'], filter: 'nothing' }]) {
      assert.equal((await me.list(params)).totalCount, 1, JSON.stringify(params));
    }
  });

  it('refuses bad parameters by name', async () => {
    const me = await person();
    await invalid(me.list({ sortField: 'owner' }), 'sortField must be an enum value');
    await invalid(me.list({ sortDirection: 'up' }), /^sortDirection /);
    await invalid(me.list({ filterField: 'scope', filter: 'a' }), /^filterField /);
    for (const perPage of [0, 1001, -1, 1.5, 'abc', '1e2', '99999999999999999999']) await invalid(me.list({ perPage }), /^perPage /);
    for (const page of [-1, 1.5, 'abc', '0x1']) await invalid(me.list({ page }), /^page /);
  });
});

describe('bodies that are refused', () => {
  const role = { orgId: 'sandbox', role: 'view' };
  const both = [
    [[], 'apiToken is the wrong type'],
    [{ name: 5 }, 'apiToken.name is the wrong type'],
    [{ name: '' }, 'apiToken.name has less length than allowed'],
    [{ name: 'x'.repeat(256) }, 'apiToken.name has longer length than allowed'],
    [{ name: 'n', description: 'x'.repeat(32768) }, 'apiToken.description has longer length than allowed'],
    [{ name: 'n', description: 1 }, 'apiToken.description is the wrong type'],
    [{ name: 'n', colour: 'red' }, 'apiToken has additional properties'],
    [{ name: 'n', status: 'off' }, 'apiToken.status must be an enum value'],
    [{ name: 'n', defaultRole: 'owner' }, 'apiToken.defaultRole must be an enum value'],
    [{ name: 'n', orgRoles: Array(26).fill(role) }, 'apiToken.orgRoles has more items than allowed'],
    [{ name: 'n', orgRoles: [{ role: 'view' }] }, 'apiToken.orgRoles.0.orgId is required'],
    [{ name: 'n', orgRoles: [role, { orgId: 'sandbox' }] }, 'apiToken.orgRoles.1.role is required'],
  ];
  const only_post = [
    [{}, 'apiToken.name is required'],
    [undefined, 'apiToken.name is required'],
    [null, 'apiToken is required'],
    [{ name: 'n', scope: ['things.read', 'things.read'] }, 'apiToken.scope must be unique'],
    [{ name: 'n', scope: ['not a scope!'] }, 'apiToken.scope.0 no (or more than one) schemas match'],
    [{ name: 'n', scope: ['things.read', 'single'] }, 'apiToken.scope.1 no (or more than one) schemas match'],
    [{ name: 'n', scope: [`a.${'b'.repeat(1023)}`] }, 'apiToken.scope.0 no (or more than one) schemas match'],
    [{ name: 'n', scope: [''] }, /^apiToken\.scope\.0 /],
    [{ name: 'n', scope: 'things.read' }, 'apiToken.scope is the wrong type'],
    [{ name: 'n', expirationDate: '2031-05-01' }, 'apiToken.expirationDate must be date-time format'],
    [{ name: 'n', expirationDate: 'soon' }, 'apiToken.expirationDate must be date-time format'],
    [{ name: 'n', expirationDate: null }, 'apiToken.expirationDate is the wrong type'],
    [{ name: 'n', expirationDate: 1935273600000 }, 'apiToken.expirationDate is the wrong type'],
    [{ name: 'n', expirationDate: '2001-05-01T00:00:00Z' }, /^apiToken\.expirationDate /],
  ];
  const only_patch = [
    [{ scope: ['things.read'] }, 'apiToken has additional properties'],
    [{ expirationDate: '2031-05-01T00:00:00Z' }, 'apiToken has additional properties'],
    [{ token: 'chosen' }, 'apiToken has additional properties'],
  ];

  it('by post, and nothing is made', async () => {
    const me = await person();
    for (const [body, message] of [...both, ...only_post]) await invalid(me.post(body), message);
    await refused(me.post('no JSON at all'), 400, 'InvalidContent');
    assert.equal((await me.list()).totalCount, 1);
  });

  it('by patch, and nothing is changed', async () => {
    const me = await person();
    const { token, ...made } = await me.post({ name: 'n' });
    for (const [body, message] of [...both, ...only_patch]) await invalid(me.patch(made.id, body), message);
    await refused(me.patch(made.id, 'no JSON at all'), 400, 'InvalidContent');
    assert.deepEqual(await me.get(made.id), made);
  });

  it('a huge one is answered by an object too', async () => {
    const me = await person();
    const error = await failure(me.post({ name: 'n', description: 'x'.repeat(4 << 20) }));
    assert.ok([400, 413].includes(error.statusCode), String(error));
    assert.equal(error.type, error.statusCode === 400 ? 'Validation' : 'RequestEntityTooLarge');
  });
});

describe('credentials and scopes', () => {
  const operations = (own, id) => ({
    list: () => own.list(), post: () => own.post({ name: 'n' }), get: () => own.get(id), patch: () => own.patch(id, { description: 'd' }), remove: () => own.remove(id),
  });

  it('none is forbidden, a wrong one is unauthorized, in every operation', async () => {
    for (const call of Object.values(operations(resources(connect(undefined)), NOBODY))) await forbidden(call());
    for (const secret of ['tg_nothing', 'x', `dt0c01.${'A'.repeat(24)}.${'B'.repeat(64)}`, 'f'.repeat(32)]) {
      for (const call of Object.values(operations(resources(connect(secret)), NOBODY))) await unauthorized(call());
    }
  });

  const reading = ['all.User', 'all.User.bounded', 'all.User.read', 'only.User', 'only.User.bounded', 'only.User.read'];
  const writing = ['all.User', 'only.User'];
  const enough = {
    list: [...reading, 'userApiTokens.*', 'userApiTokens.get'],
    post: [...writing, 'userApiTokens.*', 'userApiTokens.post'],
    get: [...reading, 'userApiToken.*', 'userApiToken.get'],
    patch: [...writing, 'userApiToken.*', 'userApiToken.patch'],
    remove: [...writing, 'userApiToken.*', 'userApiToken.delete'],
  };
  const every = [...new Set(Object.values(enough).flat()), 'things.read', 'applicationApiTokens.*', 'all.Application', 'instanceApiToken.*'];
  for (const [operation, scopes] of Object.entries(enough)) {
    it(`${operation}: each of ${scopes.join(' ')} is enough, no other is`, async () => {
      const me = await person();
      for (const scope of every) {
        const { token } = await me.post({ name: 'holder', scope: [scope] });
        const victim = await me.post({ name: 'victim', scope: ['things.read'] });
        const call = operations(resources(connect(token)), victim.id)[operation]();
        if (scopes.includes(scope)) assert.ok(await call, scope);
        else await forbidden(call);
      }
    });
  }

  it('a caller sees and changes only what its owner has', async () => {
    const [me, other] = [await person(), await person()];
    const made = await other.post({ name: 'theirs' });
    for (const call of [() => me.get(made.id), () => me.patch(made.id, { name: 'mine' }), () => me.remove(made.id)]) await unknown(call());
    assert.deepEqual(names(await me.list()), ['caller']);
    assert.equal((await other.get(made.id)).name, 'theirs');
    const twin = await mint({ scopes: ['all.User'], owner: me.owner, account: fresh('account') });
    assert.deepEqual(names(await resources(connect(twin.secret)).list()), ['caller'], 'a name in another account is another owner');
  });

  it('tokens that hold all.admin are seen only by all.admin', async () => {
    const me = await person();
    const admin = await mint({ name: 'admin', scopes: ['all.admin'], owner: me.owner, account: ACCOUNT });
    assert.deepEqual(names(await me.list()), ['caller']);
    for (const call of [() => me.get(admin.losant_id), () => me.patch(admin.losant_id, { status: 'inactive' }), () => me.remove(admin.losant_id)]) await unknown(call());
    const own = resources(connect(admin.secret));
    assert.deepEqual(names(await own.list()), ['admin', 'caller']);
    assert.deepEqual((await own.post({ name: 'n' })).scope, ['all.admin']);
  });
});

describe('hypermedia', () => {
  it('links are switched', async () => {
    const me = await person();
    const { id } = await me.post({ name: 'n' });
    const [on, off] = [await me.list({ _links: true }), await me.list({ _links: false })];
    assert.ok(on._links.self.href && on.items.every((item) => item._links.self.href === `/me/tokens/${item.id}`));
    assert.ok(!('_links' in off) && off.items.every((item) => !('_links' in item)));
    assert.ok(!('_links' in await me.get(id, { _links: false })));
    assert.ok(!('_links' in await me.patch(id, { name: 'm' }, { _links: false })));
    assert.ok(!('_links' in await me.post({ name: 'n' }, { _links: false })));
    assert.equal(off._type, 'userApiTokens');
  });

  const methods = (entity) => Object.values(entity._actions).map((action) => {
    assert.equal(typeof action.href, 'string');
    return action.method.toUpperCase();
  }).sort();

  it('actions are those the caller may use', async () => {
    const me = await person();
    const { id } = await me.post({ name: 'n' });
    const page = await me.list({ _actions: true });
    assert.deepEqual(methods(page), ['GET', 'POST']);
    for (const entity of [...page.items, await me.get(id, { _actions: true }), await me.patch(id, { name: 'm' }, { _actions: true }),
      await me.post({ name: 'n' }, { _actions: true })]) assert.deepEqual(methods(entity), ['DELETE', 'GET', 'PATCH']);
    const reader = await person(['all.User.read'], me.owner);
    assert.deepEqual(methods(await reader.list({ _actions: true })), ['GET']);
    assert.deepEqual(methods(await reader.get(id, { _actions: true })), ['GET']);
    assert.ok(!('_actions' in await me.list({ _actions: false })));
  });

  it('a switch is on by true, 1 and yes, off by all else, and on when absent', async () => {
    const me = await person();
    for (const on of [true, 'true', 'TRUE', 1, 'yes', 'Yes']) assert.ok('_actions' in await me.list({ _actions: on }), String(on));
    for (const off of [false, 'no', 0, 'on', 'y', '2']) assert.ok(!('_actions' in await me.list({ _actions: off })), String(off));
    // The client always sends its switches.
    const bare = await (await fetch(`${ADMIN}/me/tokens`, { headers: { authorization: `JWT ${me.record.secret}` } })).json();
    assert.ok('_actions' in bare && '_links' in bare && !('_embedded' in bare));
    assert.ok(!('_embedded' in await me.list({ _embedded: true })));
  });
});

describe('the client\'s habits', () => {
  const told = (call) => new Promise((resolve) => { call((error, value) => resolve({ error, value })); });

  it('callbacks, with and without parameters and options', async () => {
    const me = await person();
    const { client, record: { secret: accessToken } } = me;
    const made = (await told((done) => client.userApiTokens.post({ apiToken: { name: 'n' } }, done))).value;
    assert.ok(made.token);
    assert.equal((await told((done) => client.userApiTokens.get(done))).value.count, 2);
    assert.equal((await told((done) => client.userApiTokens.get({ perPage: 1 }, { accessToken }, done))).value.count, 1);
    const apiTokenId = made.id;
    assert.equal((await told((done) => client.userApiToken.get({ apiTokenId }, done))).value.name, 'n');
    assert.equal((await told((done) => client.userApiToken.patch({ apiTokenId, apiToken: { name: 'm' } }, done))).value.name, 'm');
    assert.deepEqual((await told((done) => client.userApiToken.delete({ apiTokenId }, done))).value, { success: true });
    const { error } = await told((done) => client.userApiToken.get({ apiTokenId }, done));
    assert.deepEqual([error.statusCode, error.type, error.message], [404, 'NotFound', 'API Token was not found']);
  });

  it('a domain header, any version range and a trailing slash are taken', async () => {
    const me = await person();
    assert.equal((await me.list({ losantdomain: 'example.com' })).count, 1);
    assert.equal((await me.list({}, { acceptVersion: '^99.0.0' })).count, 1);
    assert.equal((await me.list({}, { acceptVersion: 'anything' })).count, 1);
    assert.equal((await me.list({}, { url: `${ADMIN}/` })).count, 1);
  });

  it('an unknown path and an unknown method are answered by objects', async () => {
    const { client } = await person();
    await refused(client.request({ method: 'GET', url: '/me/tokens/a/b' }), 404, 'NotFound');
    await refused(client.request({ method: 'PUT', url: '/me/tokens', data: {} }), 405, 'MethodNotAllowed');
    await refused(client.request({ method: 'POST', url: `/me/tokens/${NOBODY}`, data: {} }), 405, 'MethodNotAllowed');
  });
});

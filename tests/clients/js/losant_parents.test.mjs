// losant-rest 2.8.1: the tokens of applications and instances, which act like a user's below another path.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import losant from 'losant-rest';
import { ACCOUNT, ADMIN, APPLICATION, INSTANCE, INSTANT, OTHER_APPLICATION, failure, fresh, mint, proxied } from './lib.mjs';

const connect = (accessToken) => losant.createClient({ url: ADMIN, accessToken });
const NOBODY = '95738466ffeea753d6b533cd';

const kinds = [
  { word: 'application', id: APPLICATION, key: 'applicationId', many: 'applicationApiTokens', one: 'applicationApiToken', families: ['all.Application', 'all.Organization', 'all.User'] },
  { word: 'instance', id: INSTANCE, key: 'instanceId', many: 'instanceApiTokens', one: 'instanceApiToken', families: ['all.Instance', 'all.User'] },
];

for (const { word, id: parent, key, many, one, families } of kinds) {
  const resources = (client, of = parent) => ({
    client,
    list: (params = {}) => client[many].get({ [key]: of, ...params }),
    post: (apiToken, params = {}) => client[many].post({ [key]: of, apiToken, ...params }),
    get: (apiTokenId, params = {}) => client[one].get({ [key]: of, apiTokenId, ...params }),
    patch: (apiTokenId, apiToken, params = {}) => client[one].patch({ [key]: of, apiTokenId, apiToken, ...params }),
    remove: (apiTokenId, params = {}) => client[one].delete({ [key]: of, apiTokenId, ...params }),
  });
  const caller = async (scopes = ['all.User'], of = parent) => {
    const record = await mint({ scopes, owner: fresh('owner'), account: ACCOUNT });
    return { record, ...resources(connect(record.secret), of) };
  };
  const refused = async (promise, status, type, message) => {
    const error = await failure(promise);
    assert.deepEqual([error.statusCode, error.type], [status, type], error.message);
    if (message instanceof RegExp) assert.match(error.message, message);
    else if (message !== undefined) assert.equal(error.message, message);
  };
  const unknown = (promise) => refused(promise, 404, 'NotFound', 'API Token was not found');
  const base = `/${word}s/${parent}/tokens`;

  describe(`tokens of an ${word}`, () => {
    it('the five actions', async () => {
      const me = await caller();
      const name = fresh('n');
      const { token, ...made } = await me.post({ name, description: 'd', scope: ['things.read'], expirationDate: '2031-05-01T00:00:00Z' });
      assert.equal(typeof token, 'string');
      const { id, creationDate, lastUpdated, _links, ...rest } = made;
      assert.match(id, /^[0-9a-f]{24}$/);
      for (const date of [creationDate, lastUpdated]) assert.match(date, INSTANT);
      assert.equal(_links.self.href, `${base}/${id}`);
      assert.deepEqual(rest, {
        apiTokenId: id, ownerId: parent, ownerType: 'application', creatorId: me.record.losant_id, creatorType: 'apiToken', creatorName: 'caller',
        name, description: 'd', expirationDate: '2031-05-01T00:00:00.000Z', scope: ['things.read'], status: 'active', _type: one,
      });
      assert.deepEqual(await me.get(id), made);
      const page = await me.list({ filterField: 'name', filter: `${name.slice(0, -1)}?`, sortField: 'id', sortDirection: 'desc', page: 0, perPage: 10 });
      assert.deepEqual([page.count, page.totalCount, page.ownerId, page.ownerType, page._type], [1, 1, parent, 'application', many]);
      assert.deepEqual(page.items, [made]);
      assert.equal(await proxied(token), 200);
      const patched = await me.patch(id, { name: `${name} renamed`, status: 'inactive' });
      assert.deepEqual([patched.name, patched.status, 'token' in patched], [`${name} renamed`, 'inactive', false]);
      assert.equal(await proxied(token), 401);
      await me.patch(id, { status: 'active' });
      assert.equal(await proxied(token), 200);
      assert.deepEqual(await me.remove(id), { success: true });
      assert.equal(await proxied(token), 401);
      for (const call of [() => me.get(id), () => me.patch(id, { name: 'x' }), () => me.remove(id)]) await unknown(call());
    });

    it('callbacks and switches', async () => {
      const me = await caller();
      const name = fresh('n');
      const made = await new Promise((resolve, reject) => {
        me.client[many].post({ [key]: parent, apiToken: { name, scope: ['things.read'] }, _links: false, _actions: true }, (error, value) => (error ? reject(error) : resolve(value)));
      });
      assert.ok(!('_links' in made));
      assert.deepEqual(Object.values(made._actions).map((action) => action.method.toUpperCase()).sort(), ['DELETE', 'GET', 'PATCH']);
      const error = await new Promise((resolve) => { me.client[one].get({ [key]: parent, apiTokenId: NOBODY }, resolve); });
      assert.deepEqual([error.statusCode, error.message], [404, 'API Token was not found']);
    });

    it('belong to it alone', async () => {
      const me = await caller();
      const { id } = await me.post({ name: fresh('n'), scope: ['things.read'] });
      await unknown(me.client.userApiToken.get({ apiTokenId: id }));
      assert.equal((await me.client.userApiTokens.get()).totalCount, 1);
      const mine = await me.client.userApiTokens.post({ apiToken: { name: 'mine' } });
      for (const call of [() => me.get(mine.id), () => me.patch(mine.id, { name: 'x' }), () => me.remove(mine.id)]) await unknown(call());
      if (word === 'application') await unknown(resources(me.client, OTHER_APPLICATION).get(id));
    });

    it('an unknown, malformed or foreign one', async () => {
      const me = await caller();
      const { id } = await me.post({ name: fresh('n'), scope: ['things.read'] });
      for (const call of ['list', 'get', 'patch', 'remove']) {
        const ask = (of) => resources(me.client, of)[call](...(call === 'list' ? [] : [id, { name: 'x' }]));
        await refused(ask(NOBODY), 404, 'NotFound');
        await refused(ask('xyz'), 400, 'Validation', `${key} pattern mismatch`);
      }
      await refused(me.get('xyz'), 400, 'Validation', 'apiTokenId pattern mismatch');
      const stranger = await mint({ scopes: ['all.User'], owner: 'mira', account: fresh('account') });
      await refused(resources(connect(stranger.secret)).get(id), 404, 'NotFound');
      await refused(resources(connect(stranger.secret)).list(), 404, 'NotFound');
    });

    it('bodies are checked the same', async () => {
      const me = await caller();
      const { id } = await me.post({ name: fresh('n'), scope: ['things.read'] });
      for (const [call, message] of [
        [() => me.post({}), 'apiToken.name is required'],
        [() => me.post({ name: 'n', colour: 1 }), 'apiToken has additional properties'],
        [() => me.post({ name: 'n', scope: ['a.b', 'a.b'] }), 'apiToken.scope must be unique'],
        [() => me.post({ name: 'n', expirationDate: null }), 'apiToken.expirationDate is the wrong type'],
        [() => me.patch(id, { scope: ['a.b'] }), 'apiToken has additional properties'],
        [() => me.patch(id, { status: 'off' }), 'apiToken.status must be an enum value'],
        [() => me.list({ sortField: 'owner' }), 'sortField must be an enum value'],
        [() => me.list({ perPage: 0 }), /^perPage /],
      ]) await refused(call(), 400, 'Validation', message);
    });

    const calls = (own, id) => ({
      [`${many}.get`]: () => own.list(), [`${many}.post`]: () => own.post({ name: 'n', scope: [] }), [`${one}.get`]: () => own.get(id),
      [`${one}.patch`]: () => own.patch(id, { description: 'd' }), [`${one}.delete`]: () => own.remove(id),
    });
    for (const action of Object.keys(calls({}, ''))) {
      it(`scopes of ${action}`, async () => {
        const me = await caller();
        const reads = action.endsWith('.get');
        const may = [action, `${action.split('.')[0]}.*`, ...families];
        if (reads) may.push(...families.flatMap((family) => [`${family}.read`, `${family}.bounded`]));
        const mayNot = ['things.read', 'userApiToken.*', 'userApiTokens.*', `${action.startsWith(many) ? one : many}.*`, word === 'application' ? 'all.Instance' : 'all.Application'];
        if (!reads) mayNot.push(...families.map((family) => `${family}.read`));
        for (const scope of [...may, ...mayNot]) {
          const holder = await mint({ scopes: [scope], owner: fresh('owner'), account: ACCOUNT });
          const victim = await me.post({ name: fresh('victim'), scope: ['things.read'] });
          const call = calls(resources(connect(holder.secret)), victim.id)[action]();
          if (may.includes(scope)) assert.ok(await call, scope);
          else await refused(call, 403, 'Forbidden', 'Access is forbidden');
        }
      });
    }

    it('credentials: none, wrong', async () => {
      for (const call of Object.values(calls(resources(connect(undefined)), NOBODY))) await refused(call(), 403, 'Forbidden', 'Access is forbidden');
      for (const call of Object.values(calls(resources(connect('wrong')), NOBODY))) await refused(call(), 401, 'Unauthorized', 'Invalid access token');
    });
  });
}

// The client generated from ThreatJammer's description: both operations, on the admin port and on a route of the proxy.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { ADMIN, PROXY, cli, mint, proxied, rising, until } from './lib.mjs';

const vendor = createRequire(import.meta.url)(process.env.CLIENTS_THREATJAMMER);

const FIELDS = ['self', 'region_id', 'last_month_bucket_init_value', 'last_month_bucket_value', 'last_month_bucket_refresh',
  'last_minute_bucket_init_value', 'last_minute_bucket_refill_ratio', 'last_minute_bucket_value',
  'last_minute_bucket_refresh', 'status', 'created_at', 'updated_at'];

const told = (run) => new Promise((resolve) => { run((error, data, response) => resolve({ error, data, response })); });

/** Both operations for a token, at an address. */
function connect(base, token, change = () => {}) {
  const client = new vendor.ApiClient(base);
  if (token !== undefined) client.authentications.HTTPBearer.accessToken = token;
  change(client);
  const api = new vendor.AuthenticationTokenManagementInThisRegionApi(client);
  return {
    info: () => told((done) => api.queryTokenInfoV1TokenGet(done)),
    activity: (options) => told((done) => api.queryTokenActivityV1TokenActivityGet(options, done)),
  };
}

function well({ error, data, response }) {
  assert.equal(error, null, String(error));
  assert.match(response.headers['content-type'], /^application\/json/, 'else the client gives an empty model');
  return data;
}

function problem({ error, data }, status, title, page) {
  assert.equal(error?.status, status, String(error));
  assert.equal(data, null);
  const { body } = error.response;
  assert.deepEqual(Object.keys(body).sort(), ['detail', 'title', 'type']);
  assert.equal(body.title, title);
  assert.ok(body.detail.length > 0 && body.type.endsWith(page), JSON.stringify(body));
  return error.response;
}

function unauthorized(answer) {
  const response = problem(answer, 401, 'Unauthorized', '/error-unauthorized');
  assert.match(response.headers['www-authenticate'], /^Bearer\b/);
  return response.body.detail;
}

for (const [port, base] of [['admin', ADMIN], ['proxy', PROXY]]) {
  const caller = async (plan = 'vendor', more = {}) => {
    const record = await mint({ plan, scopes: ['things.read'], ...more });
    return { record, ...connect(base, record.secret) };
  };

  describe(`token info, ${port}`, () => {
    it('has every field, of the right type and the plan\'s size', async () => {
      const { info, record } = await caller();
      const answer = await info();
      const data = well(answer);
      vendor.TokenOutput.validateJSON(answer.response.body);
      assert.deepEqual(Object.keys(answer.response.body).sort(), [...FIELDS].sort());
      for (const field of FIELDS) {
        const texts = ['self', 'region_id', 'status'];
        assert.ok(texts.includes(field) ? typeof answer.response.body[field] === 'string' : Number.isSafeInteger(answer.response.body[field]), field);
      }
      assert.deepEqual([data.status, data.region_id], ['ENABLED', 'local']);
      assert.deepEqual([data.last_month_bucket_init_value, data.last_minute_bucket_init_value, data.last_minute_bucket_refill_ratio], [5000, 3000, 10]);
      assert.equal(data.last_month_bucket_refresh, data.created_at + 30 * 86_400_000);
      assert.ok(Math.abs(data.created_at - Date.now()) < 60_000 && data.updated_at >= data.created_at);
      assert.ok(Math.abs(data.last_minute_bucket_refresh - Date.now()) < 60_000);
      assert.ok(!JSON.stringify(answer.response.body).includes(record.secret), 'the secret is in no answer');
    });

    it('costs a point, also when it is refused for bad data', async () => {
      const { info, activity } = await caller();
      const first = well(await info()).last_month_bucket_value;
      assert.equal(well(await info()).last_month_bucket_value, first + 1);
      well(await activity({}));
      assert.equal((await activity({ page: 0 })).error.status, 422);
      const last = well(await info());
      assert.equal(last.last_month_bucket_value, first + 4);
      assert.ok(last.last_minute_bucket_value >= 1);
    });

    it('the client\'s ways to ask', async () => {
      const { record } = await caller();
      well(await connect(base, () => record.secret).info());
      well(await connect(`${base}//`, record.secret).info());
      well(await connect(base, record.secret, (client) => { client.cache = false; }).info());
      well(await connect(base, record.secret, (client) => { client.defaultHeaders = {}; }).info());
    });
  });

  describe(`activity, ${port}`, () => {
    it('tells of earlier calls, newest first, in pages', async () => {
      const { info, activity, record } = await caller();
      for (let call = 0; call < 12; call++) well(await info());
      assert.equal(await proxied(record.secret), 200);
      await until(async () => { // Events are written after the answer.
        const { activities } = well(await activity({ page: 1, pageSize: 100 }));
        return activities.filter((one) => one.source.uri === '/v1/token').length >= 12 && activities.some((one) => one.source.uri === '/anything/client');
      }, 'twelve calls and the proxied one are told');
      const answer = await activity({ page: 1, pageSize: 100 });
      const page = well(answer);
      vendor.ActivityCollectionOutput.validateJSON(answer.response.body);
      assert.deepEqual(Object.keys(answer.response.body).sort(), ['activities', 'page', 'page_size', 'self']);
      assert.deepEqual([page.page, page.page_size], [1, 100]);
      assert.ok(rising(page.activities.map((one) => one.created_at).reverse()));
      const own = page.activities.find((one) => one.source.uri === '/v1/token');
      assert.equal(own.event, 'ADMIN_REQUEST');
      assert.deepEqual({ ...own.source }, { address: '127.0.0.1', ua_string: 'OpenAPI-Generator/1.2.27/Javascript', status_code: 200, uri: '/v1/token', body: '', method: 'GET' });
      assert.ok(own.description.length > 0 && own.self.length > 0 && own.data !== null && typeof own.data === 'object');
      const served = page.activities.find((one) => one.source.uri === '/anything/client');
      assert.deepEqual([served.event, served.source.method, served.source.status_code], ['API_REQUEST', 'GET', 200]);
      assert.ok(!JSON.stringify(answer.response.body).includes(record.secret));
      const sizes = [];
      for (const number of [1, 2]) {
        const small = well(await activity({ page: number, pageSize: 5 }));
        assert.deepEqual([small.page, small.page_size], [number, 5]);
        sizes.push(small.activities.length);
      }
      assert.deepEqual(sizes, [5, 5]);
      const usual = well(await activity(undefined));
      assert.deepEqual([usual.page, usual.page_size], [1, 20]);
      assert.ok(usual.activities.length <= 20);
      const far = well(await activity({ page: 1_000_000 }));
      assert.deepEqual([far.page, far.page_size, far.activities], [1_000_000, 20, []]);
    });

    it('takes the last of a repeated parameter', async () => {
      const { activity } = await caller();
      assert.equal(well(await activity({ page: [1, 2] })).page, 2);
    });

    it('refuses bad parameters, each by its place', async () => {
      const { activity } = await caller();
      const no_integer = { msg: 'value is not a valid integer', type: 'type_error.integer' };
      const at_least = (limit_value) => ({ msg: `ensure this value is greater than or equal to ${limit_value}`, type: 'value_error.number.not_ge', ctx: { limit_value } });
      const at_most = (limit_value) => ({ msg: `ensure this value is less than or equal to ${limit_value}`, type: 'value_error.number.not_le', ctx: { limit_value } });
      const page = (told_of) => ({ loc: ['query', 'page'], ...told_of });
      const size = (told_of) => ({ loc: ['query', 'page_size'], ...told_of });
      for (const [options, detail] of [
        [{ page: 'abc', pageSize: 101 }, [page(no_integer), size(at_most(100))]],
        [{ page: 0 }, [page(at_least(1))]],
        [{ page: -3 }, [page(at_least(1))]],
        [{ pageSize: 4 }, [size(at_least(5))]],
        [{ pageSize: 1000 }, [size(at_most(100))]],
        [{ page: null, pageSize: NaN }, [size(no_integer)]],
        [{ page: 1.5, pageSize: '' }, [page(no_integer), size(no_integer)]],
      ]) {
        const { error, data } = await activity(options);
        assert.deepEqual([error?.status, error?.response.body, data], [422, { detail }, null], JSON.stringify(options));
      }
      for (const pageSize of [5, 100]) assert.equal(well(await activity({ pageSize })).page_size, pageSize);
    });
  });

  describe(`refusals, ${port}`, () => {
    it('no credential, another scheme, unknown, disabled and expired: 401', async () => {
      const disabled = await caller();
      const expired = await caller('vendor', { expires: '1s' });
      await cli('token', 'disable', disabled.record.id);
      await until(async () => (await disabled.info()).error, 'the command reaches the sidecar');
      await until(async () => (await expired.info()).error, 'it expires');
      for (const { info, activity } of [connect(base), connect(base, 'no-such-token-anywhere'), connect(base, `tja_${'a'.repeat(36)}`), disabled, expired]) {
        unauthorized(await info());
        unauthorized(await activity({ page: 1 }));
      }
    });

    it('a quota used up: 429 and when to come back', async () => {
      const { info, activity } = await caller('single');
      well(await info());
      for (const call of [info, () => activity({})]) {
        const response = problem(await call(), 429, 'Too many requests', '/error-too-many-requests');
        assert.match(response.headers['retry-after'], /^[1-9]\d*$/);
        assert.ok(Number(response.headers['retry-after']) <= 20);
      }
    });
  });
}

// Calls both operations of the vendor's client, and looks at what the client makes of every kind of answer.
const assert = require('node:assert/strict');
const vendor = require(process.env.CLIENT);

const FIELDS = ['self', 'region_id', 'last_month_bucket_init_value', 'last_month_bucket_value', 'last_month_bucket_refresh',
  'last_minute_bucket_init_value', 'last_minute_bucket_refill_ratio', 'last_minute_bucket_value',
  'last_minute_bucket_refresh', 'status', 'created_at', 'updated_at'];

function api(token) {
  const client = new vendor.ApiClient(process.env.BASE);
  client.authentications.HTTPBearer.accessToken = token;
  return new vendor.AuthenticationTokenManagementInThisRegionApi(client);
}

const call = (run) => new Promise((resolve) => run((error, data, response) => resolve({ error, data, response })));
const info = (token) => call((done) => api(token).queryTokenInfoV1TokenGet(done));
const activity = (token, options) => call((done) => api(token).queryTokenActivityV1TokenActivityGet(options, done));

async function main() {
  const { USUAL: usual, LIMITED: limited } = process.env;

  const first = await info(usual);
  assert.equal(first.error, null, String(first.error));
  for (const field of FIELDS) assert.notEqual(first.data[field], undefined, field);
  vendor.TokenOutput.validateJSON(first.response.body);
  assert.equal(first.data.status, 'ENABLED');
  assert.equal(first.data.region_id, 'local');
  assert.equal(first.data.last_month_bucket_init_value, 5000);
  assert.equal(first.data.last_month_bucket_refresh, first.data.created_at + 30 * 86400 * 1000);
  const second = await info(usual);
  assert.equal(second.data.last_month_bucket_value, first.data.last_month_bucket_value + 1, 'each call costs a point');
  assert.ok(second.data.last_minute_bucket_refresh >= Date.now() - 60000);
  assert.ok(!JSON.stringify(second.response.body).includes(usual), 'the secret is in no answer');

  const deadline = Date.now() + 10000;
  let page;
  do { // Events are written after the answer.
    await new Promise((resolve) => setTimeout(resolve, 20));
    page = await activity(usual, { page: 1, pageSize: 100 });
    assert.equal(page.error, null, String(page.error));
  } while (!page.data.activities.some((one) => one.source.uri === '/v1/token') && Date.now() < deadline);
  vendor.ActivityCollectionOutput.validateJSON(page.response.body);
  assert.deepEqual([page.data.page, page.data.page_size], [1, 100]);
  const call_of_info = page.data.activities.find((one) => one.source.uri === '/v1/token');
  assert.equal(call_of_info.event, 'ADMIN_REQUEST');
  assert.deepEqual([call_of_info.source.method, call_of_info.source.status_code, call_of_info.source.body], ['GET', 200, '']);
  assert.equal(call_of_info.source.ua_string, 'OpenAPI-Generator/1.2.27/Javascript');
  assert.equal(call_of_info.source.address, '127.0.0.1');
  const far = await activity(usual, { page: 1000000 });
  assert.deepEqual([far.error, far.data.page_size, far.data.activities], [null, 20, []]);

  const bad = await activity(usual, { page: 'abc', pageSize: 101 });
  assert.equal(bad.error.status, 422);
  assert.deepEqual(bad.error.response.body.detail.map((one) => [one.loc[1], one.type]),
    [['page', 'type_error.integer'], ['page_size', 'value_error.number.not_le']]);

  for (const token of [null, 'no-such-token-anywhere']) {
    const refused = await info(token);
    assert.equal(refused.error.status, 401);
    for (const field of ['title', 'detail', 'type']) assert.equal(typeof refused.error.response.body[field], 'string');
    assert.equal(refused.error.response.headers['www-authenticate'], 'Bearer');
  }

  await info(limited);
  const empty = await info(limited);
  assert.equal(empty.error.status, 429);
  assert.ok(Number(empty.error.response.headers['retry-after']) >= 1);
  console.log(`${process.env.BASE}: the client is content`);
}

main().catch((error) => { console.error(error); process.exit(1); });

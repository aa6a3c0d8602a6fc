// What the suites share: where the sidecar listens, tokens from its command line, and how a client's failure is caught.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; start this suite by pytest tests/clients/test_js.py`);
  return value;
}

/** Addresses of the admin and the proxy listener. */
export const ADMIN = given('CLIENTS_ADMIN');
export const PROXY = given('CLIENTS_PROXY');
/** What the configuration pins: account, and the ids that vendors call application and instance. */
export const ACCOUNT = given('CLIENTS_ACCOUNT');
export const APPLICATION = given('CLIENTS_APPLICATION');
export const OTHER_APPLICATION = given('CLIENTS_OTHER_APPLICATION');
export const INSTANCE = given('CLIENTS_INSTANCE');

/** A name nothing else in this run has. */
export const fresh = (word) => `${word}-${randomBytes(6).toString('hex')}`;

/** Runs a command of the sidecar's binary and gives its standard output. */
export async function cli(...words) {
  const { stdout } = await run(given('CLIENTS_BIN'), [...words, '--config', given('CLIENTS_CONFIG')], { maxBuffer: 1 << 26 });
  return stdout;
}

/** A token made on the command line; `{ scopes: [], owner, account, plan, form, expires, count }`. */
export async function mint({ name = 'caller', scopes = [], ...options } = {}) {
  const words = ['token', 'create', '--json', '--name', name];
  for (const scope of scopes) words.push('--scope', scope);
  for (const [option, value] of Object.entries(options)) words.push(`--${option}`, String(value));
  const first = (await cli(...words)).trim();
  return JSON.parse(options.count ? first.split('\n')[0] : first);
}

/** The error that a promise ends with; a promise that succeeds is a failed test. */
export async function failure(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  assert.fail(`expected an error, got ${JSON.stringify(value)}`);
}

/** Asks until the answer is true; fails, naming `what` and the last answer, when the time is up. */
export async function until(ask, what, seconds = 15) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `not within ${seconds} s: ${what} (last: ${JSON.stringify(answer)})`);
    await sleep(20);
  }
}

/** The status that a protected route of the proxy (scope things.read) gives to a secret. */
export async function proxied(secret) {
  const answer = await fetch(`${PROXY}/anything/client`, { headers: { authorization: `Bearer ${secret}` } });
  await answer.arrayBuffer();
  return answer.status;
}

/** UTC with three decimals, as both vendors print it. */
export const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Whether each value is at least the one before it. */
export function rising(values) {
  return values.every((value, at) => at === 0 || values[at - 1] <= value);
}

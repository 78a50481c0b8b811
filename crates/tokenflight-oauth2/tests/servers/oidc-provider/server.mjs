// oidc-provider on loopback, for tests. ../README.md has the contract, which the Django server keeps as well.

import { createHash, generateKeyPairSync, webcrypto } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { Store } from './store.mjs';

// Modules are looked for beside this file, and the packages are installed elsewhere.
const packages = process.env.TOKENFLIGHT_OIDC_PROVIDER ?? path.dirname(fileURLToPath(import.meta.url));
const installed = createRequire(path.join(packages, 'package.json'));
// What Node.js 18, which stable distributions still carry, lacks of what the packages use.
globalThis.crypto ??= webcrypto;
URL.parse ??= (...of) => (URL.canParse(...of) ? new URL(...of) : null);
// The first line on stdout is ours, and the library greets.
console.info = console.error;
const { Provider } = await import(pathToFileURL(installed.resolve('oidc-provider')).href);

const LIFETIME = Number(process.env.SERVER_ACCESS_SECONDS ?? 3);
const REFRESH_LIFETIME = 14 * 24 * 3600;
const SCOPES = ['openid', 'offline_access', 'read', 'write'];

const store = new Store(process.env.SERVER_STATE);
const counts = {
  logins: 0, refreshes: 0, graced: 0, reuses: 0, revocations: 0, introspections: 0, credentials: 0, denied: 0, cuts: 0,
  served: 0, refused: 0,
};
let cuts = 0;

function log(event, count, fields) {
  counts[count] += 1;
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

// Enough to tell tokens apart, and no secret.
function print(token) {
  return token && createHash('sha256').update(token).digest('hex').slice(0, 8);
}

// ===== the clients =====

const LOGIN = {
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  redirect_uris: ['http://127.0.0.1/callback'],
};
const MACHINE = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
const BASIC = 'client_secret_basic';

const clients = [
  { client_id: 'public', token_endpoint_auth_method: 'none', ...LOGIN },
  // A secret that has to be encoded before it becomes half of a header.
  { client_id: 'basic', client_secret: 'basic secret: %+', token_endpoint_auth_method: BASIC, ...LOGIN },
  { client_id: 'machine', client_secret: 'machine-secret', token_endpoint_auth_method: BASIC, ...MACHINE },
];
if (process.env.SERVER_JWKS) {
  const jwks = JSON.parse(process.env.SERVER_JWKS);
  clients.push({ client_id: 'jwt', jwks, token_endpoint_auth_method: 'private_key_jwt', ...LOGIN });
}

// ===== the provider =====

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'signing' };
}

function configuration() {
  return {
    adapter: (model) => store.adapter(model),
    clients,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clockTolerance: 0,
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
    },
    // A browser that asks for a code is sent to us, who know the answer, and back. It has to keep cookies.
    interactions: { url: (_, { uid }) => `/test/interaction/${uid}` },
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    jwks: { keys: [store.once('key', newKey)] },
    cookies: { keys: ['loopback'] },
    rotateRefreshToken: true,
    scopes: SCOPES,
    ttl: {
      AccessToken: LIFETIME,
      ClientCredentials: LIFETIME,
      DeviceCode: 60,
      Grant: REFRESH_LIFETIME,
      IdToken: LIFETIME,
      Interaction: 60,
      RefreshToken: REFRESH_LIFETIME,
      Session: REFRESH_LIFETIME,
    },
  };
}

function newProvider(issuer) {
  const provider = new Provider(issuer, configuration());
  provider.on('grant.success', ({ oidc }) => {
    const client = oidc.client.clientId;
    if (oidc.params.grant_type === 'refresh_token') {
      const { grantId: session, jti: issued } = oidc.entities.RefreshToken;
      const presented = print(oidc.params.refresh_token);
      log('refresh', 'refreshes', { client, graced: false, session, presented, issued: print(issued) });
    } else if (oidc.entities.RefreshToken) {
      const { grantId: session, jti: issued } = oidc.entities.RefreshToken;
      log('login', 'logins', { client, session, issued: print(issued) });
    } else {
      log('credentials', 'credentials', { client });
    }
  });
  provider.on('grant.error', ({ oidc }, error) => {
    const { RefreshToken: token, Client: client } = oidc.entities;
    const known = { client: client?.clientId, session: token?.grantId, presented: print(oidc.params?.refresh_token) };
    if (error.error_detail === 'refresh token already used') {
      log('reuse', 'reuses', known);
    } else {
      log('denied', 'denied', { ...known, status: error.status, error: error.error, detail: error.error_detail });
    }
  });
  for (const event of ['introspection.error', 'revocation.error']) {
    provider.on(event, ({ oidc }, { status, error, error_detail: detail }) => {
      log('denied', 'denied', { client: oidc.client?.clientId, status, error, detail });
    });
  }
  provider.on('server_error', (_, error) => console.error(error));
  provider.use(aroundEveryRequest);
  return provider;
}

async function aroundEveryRequest(ctx, next) {
  await next();
  if (ctx.status === 200 && ctx.oidc?.route === 'revocation') {
    log('revoke', 'revocations', { client: ctx.oidc.client.clientId, by: 'client' });
  } else if (ctx.status === 200 && ctx.oidc?.route === 'introspection') {
    log('introspect', 'introspections', { client: ctx.oidc.client.clientId, active: ctx.body.active });
  }
  // What was answered is also what a restart finds.
  store.flush();
  if (cuts > 0 && ctx.method === 'POST' && ctx.path === '/token') {
    cuts -= 1;
    log('cut', 'cuts', { status: ctx.status });
    ctx.respond = false;
    ctx.req.socket.destroy();
  }
}

// ===== for tests only =====

async function login(provider, query) {
  const client = await provider.Client.find(query.get('client') ?? 'public');
  if (!client?.grantTypeAllowed('refresh_token')) return [400, { error: 'no such client, or none with logins' }];
  const scope = query.get('scope') ?? 'read';
  const accountId = query.get('user') ?? 'alice';

  const grant = new provider.Grant({ clientId: client.clientId, accountId });
  grant.addOIDCScope(scope);
  const session = await grant.save();
  const common = { accountId, client, grantId: session, gty: 'authorization_code', scope };
  const access = new provider.AccessToken(common);
  const refresh = new provider.RefreshToken({ ...common, authTime: Math.floor(Date.now() / 1000), rotations: 0 });
  const tokens = {
    access_token: await access.save(),
    token_type: 'Bearer',
    expires_in: LIFETIME,
    refresh_token: await refresh.save(),
    scope,
  };
  log('login', 'logins', { client: client.clientId, session, issued: print(tokens.refresh_token) });
  return [200, tokens, { 'x-session': session, 'cache-control': 'no-store' }];
}

async function consent(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: 'alice', clientId: params.client_id });
  grant.addOIDCScope(params.scope ?? 'read');
  const result = { login: { accountId: 'alice' }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result);
}

async function resource(provider, authorization) {
  const value = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!value) {
    log('refused', 'refused', { presented: null });
    return [401, { error: 'no token' }, { 'www-authenticate': 'Bearer realm="test"' }];
  }
  const token = await provider.AccessToken.find(value) ?? await provider.ClientCredentials.find(value);
  if (!token?.isValid) {
    log('refused', 'refused', { presented: print(value) });
    const challenge = 'Bearer realm="test", error="invalid_token", error_description="the token is expired or revoked"';
    return [401, { error: 'invalid_token' }, { 'www-authenticate': challenge }];
  }
  log('served', 'served', { presented: print(value), session: token.grantId });
  const { clientId: client, accountId: sub = null, scope = null, grantId: session = null } = token;
  return [200, { client, sub, scope, session }];
}

async function answer(provider, request, url) {
  const query = url.searchParams;
  switch (`${request.method} ${url.pathname}`) {
    case 'POST /test/login':
      return login(provider, query);
    case 'GET /test/resource':
      return resource(provider, request.headers.authorization);
    case 'POST /test/cut':
      cuts = Number(query.get('n') ?? 1);
      return [200, { cut: cuts }];
    case 'POST /test/expire':
      return [200, { expired: store.remove(['AccessToken', 'ClientCredentials'], query.get('session')) }];
    case 'POST /test/revoke': {
      const session = query.get('session');
      const ended = store.remove(['Grant'], session);
      store.remove(['AccessToken', 'RefreshToken', 'ClientCredentials'], session);
      log('revoke', 'revocations', { session, by: 'test' });
      return [200, { ended }];
    }
    case 'GET /test/log':
      return [200, counts];
    default:
      return [404, { error: 'no such endpoint' }];
  }
}

async function test(provider, request, response, url) {
  if (url.pathname.startsWith('/test/interaction/')) return consent(provider, request, response);
  const [status, body, headers] = await answer(provider, request, url);
  store.flush();
  request.resume();
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(`${JSON.stringify(body)}\n`);
}

// ===== start and end =====

const server = createServer();
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env.SERVER_PORT ?? 0), '127.0.0.1', () => {
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = newProvider(issuer);
  const authorize = provider.callback();
  server.on('request', (request, response) => {
    const url = new URL(request.url, issuer);
    if (!url.pathname.startsWith('/test/')) return authorize(request, response);
    return test(provider, request, response, url).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  process.stdout.write(`${JSON.stringify({
    server: 'oidc-provider',
    issuer,
    discovery: `${issuer}/.well-known/openid-configuration`,
    authorization: `${issuer}/auth`,
    device: `${issuer}/device/auth`,
    token: `${issuer}/token`,
    revocation: `${issuer}/token/revocation`,
    introspection: `${issuer}/token/introspection`,
    resource: `${issuer}/test/resource`,
    test: `${issuer}/test`,
    port,
    access_seconds: LIFETIME,
    grace_seconds: 0,
    clients: Object.fromEntries(clients.map((client) => [
      client.client_id,
      { auth: client.token_endpoint_auth_method, secret: client.client_secret ?? null },
    ])),
  })}\n`);
});

// The reader of the first line may have gone.
process.stdout.on('error', () => {});
// The process that started this one is gone, or has had enough.
process.stdin.on('close', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
process.stdin.resume();

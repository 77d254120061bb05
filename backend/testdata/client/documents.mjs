// The examples of the documents, as a page runs them: each is a module of its own, and what
// it takes as given is a global variable. The folder "blocks" has them as they are written.
// Usage: node documents.mjs BASE_URL MAIL_DIR INVITE
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createAuthClient } from "better-auth/client";
import { twoFactorClient } from "better-auth/client/plugins";
import { attach, Authenticator } from "./authenticator.mjs";
import { AuthenticatorApp } from "./authenticator-app.mjs";
import { browser, ok, pageOf, refused } from "./browser.mjs";

const [baseURL, mailDir, invite] = process.argv.slice(2);
const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const modules = mkdtempSync(new URL("./modules-", import.meta.url).pathname);

// The page that the examples run in. Its user scans every QR code, and saves the backup codes.
const page = pageOf(baseURL, userAgent);
let app, backupCodes;
const refusals = [];
globalThis.fetch = async (url, init) => {
  assert.equal(init.credentials, "include", `${url}: a page of another origin would send no cookies`);
  const response = await page.fetch(url, init);
  const answer = await response.clone().json();
  if (!response.ok) {
    refusals.push(`${response.status} ${answer.code}`);
  }
  if (answer?.totpURI) {
    app = new AuthenticatorApp(answer.totpURI);
    backupCodes = answer.backupCodes;
  }
  return response;
};

// load runs an example. The names are of what it defines and others use.
function load(name, names = []) {
  const source = readFileSync(new URL(`./blocks/${name}.js`, import.meta.url), "utf8")
    .replaceAll("https://accounts.example.com", baseURL).replaceAll("http://localhost:8080", baseURL);
  const file = `${modules}/${name}.mjs`;
  writeFileSync(file, `${source}\nexport { ${names.join(", ")} };\n`);
  return import(file);
}

// run runs an example that the server refuses these calls of, in order.
async function run(name, expected = []) {
  console.log(name);
  refusals.length = 0;
  await load(name);
  assert.deepEqual(refusals, expected, name);
}

// newToken waits for an email to an address, and returns the token of its link. It blocks:
// the examples take the token as given.
function newToken(to, path) {
  for (let tries = 0; tries < 3000; tries++) {
    for (const file of existsSync(mailDir) ? readdirSync(mailDir).filter((name) => name.endsWith(".json")) : []) {
      const mail = JSON.parse(readFileSync(`${mailDir}/${file}`, "utf8"));
      const found = mail.to === to && mail.text.match(new RegExp(`${path}\\?token=([\\w-]+)`));
      if (found) {
        return found[1];
      }
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  assert.fail(`${to} got no link to ${path}`);
}

// given defines what the examples take as given.
function given(values) {
  for (const [name, get] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { get, configurable: true });
  }
}

const email = "ada@documents.example.com";
const password = "analytical engines 1843";
given({ email: () => email, password: () => password, code: () => app.code() });

const { authClient } = await load("client", ["authClient"]);
given({ authClient: () => authClient });
const desk = browser(baseURL, userAgent, [twoFactorClient()]);
const methodOf = async (client) => (await ok(client.getSession())).session.method;

// The link of the first administrator makes one who may change settings.
await ok(authClient.$fetch("/sign-up/email", { method: "POST", body: { name: "Ada", email, password, invite } }));

for (const name of ["sessions", "page"]) {
  await ok(desk.auth.signIn.email({ email, password }));
  await run(name);
  assert.equal(await ok(desk.auth.getSession()), null, `${name} revokes the other session`);
  assert.equal(await methodOf(authClient), "password");
}

await run("two-factor", ["403 TWO_FACTOR_REQUIRED"]);
assert.equal(await methodOf(authClient), "password+totp");
assert.equal((await ok(authClient.getSession())).user.twoFactorEnabled, true);

const device = new Authenticator("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4");
attach(device, baseURL);
const signaled = [];
globalThis.PublicKeyCredential.signalAllAcceptedCredentials = async (accepted) => signaled.push(accepted);
await run("passkeys");
assert.equal(await methodOf(authClient), "passkey");
assert.deepEqual(await ok(authClient.passkey.listUserPasskeys()), []);
assert.equal(signaled.length, 1);
assert.deepEqual(signaled[0].allAcceptedCredentialIds, []);
assert.equal(signaled[0].rpId, new URL(baseURL).hostname);

// A trusted device asks for no second factor, so that it has to be shown later.
await ok(authClient.passkey.addPasskey({ name: "My phone" }));
await ok(authClient.signOut());
await refused(authClient.signIn.email({ email, password }), 403, "TWO_FACTOR_REQUIRED");
await ok(authClient.twoFactor.verifyBackupCode({ code: backupCodes[0], trustDevice: true }));
await ok(authClient.signOut());
await ok(authClient.signIn.email({ email, password }));
const needs = [];
given({
  newEmail: () => "lovelace@documents.example.com",
  askForProof: () => async (need) => {
    needs.push(need);
    return (await load("proof", ["proof"])).proof;
  },
});
await run("step-up", ["403 SESSION_NOT_FRESH"]);
assert.deepEqual(needs, ["second-factor"]);
newToken(email, "/email");

await run("settings");
assert.equal((await (await page.fetch(`${baseURL}/api/about`)).json()).name, "Accounts");

await ok(authClient.signOut());
const forgetful = "grace@documents.example.com";
const newPassword = "flow-matic, then cobol";
await ok(authClient.signUp.email({ name: "Grace", email: forgetful, password }));
given({ email: () => forgetful, newPassword: () => newPassword, token: () => newToken(forgetful, "/reset-password") });
await run("emails");
await refused(authClient.signIn.email({ email: forgetful, password: newPassword }), 401, "INVALID_EMAIL_OR_PASSWORD");

const enrolled = "hedy@documents.example.com";
given({ email: () => enrolled });
const laptop = createAuthClient({ baseURL, plugins: [twoFactorClient()] });
await ok(laptop.signUp.email({ name: "Hedy", email: enrolled, password }));
await ok(laptop.twoFactor.enable({ password }));
await ok(laptop.twoFactor.verifyTotp({ code: app.code() }));
page.cookies.clear();
await run("readme", ["403 TWO_FACTOR_REQUIRED"]);
assert.equal(await methodOf(authClient), "password+totp");
assert.equal((await ok(authClient.listSessions())).length, 1, "readme revokes the other session");

// A browser whose application moves from Better Auth to another server: it goes on in its
// session, and its user signs in as before. All by Better Auth's own client.
// Usage: node moved.mjs before|after BASE_URL STATE_FILE
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { twoFactorClient } from "better-auth/client/plugins";
import { AuthenticatorApp } from "./authenticator-app.mjs";
import { browser, ok, refused } from "./browser.mjs";

const [phase, baseURL, file] = process.argv.slice(2);
const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const email = "grace@example.test";
const password = "nanoseconds of wire 1952";
const open = () => browser(baseURL, agent, [twoFactorClient()]);

if (phase === "before") {
  const { auth, cookies } = open();
  await ok(auth.signUp.email({ email, password, name: "Grace" }));
  const { totpURI, backupCodes } = await ok(auth.twoFactor.enable({ password }));
  await ok(auth.twoFactor.verifyTotp({ code: await new AuthenticatorApp(totpURI).code() }));
  const { session } = await ok(auth.getSession());
  writeFileSync(file, JSON.stringify({ totpURI, backupCodes, cookies: [...cookies], session: session.id }));
} else {
  const state = JSON.parse(readFileSync(file, "utf8"));
  const app = new AuthenticatorApp(state.totpURI);

  console.log("the session goes on");
  const { auth, cookies } = open();
  for (const [name, value] of state.cookies) cookies.set(name, value);
  const { session, user } = await ok(auth.getSession());
  assert.equal(session.id, state.session);
  assert.equal(user.email, email);
  assert.equal(user.twoFactorEnabled, true);
  const old = cookies.get("better-auth.session_token");
  assert.ok(old);
  await ok(auth.updateUser({ name: "Grace Hopper" }));
  assert.notEqual(cookies.get("better-auth.session_token"), old);
  assert.equal((await ok(auth.getSession())).user.name, "Grace Hopper");

  console.log("an authenticator signs in");
  const byCode = open();
  assert.equal((await ok(byCode.auth.signIn.email({ email, password }))).twoFactorRedirect, true);
  await ok(byCode.auth.twoFactor.verifyTotp({ code: await app.code() }));
  assert.equal((await ok(byCode.auth.getSession())).user.email, email);

  console.log("a backup code signs in once");
  for (const refusal of [false, true]) {
    const byBackup = open();
    await ok(byBackup.auth.signIn.email({ email, password }));
    const answer = byBackup.auth.twoFactor.verifyBackupCode({ code: state.backupCodes[0] });
    await (refusal ? refused(answer, 401, "INVALID_BACKUP_CODE") : ok(answer));
  }

  console.log("signing out ends it");
  await ok(auth.signOut());
  assert.equal(await ok(auth.getSession()), null);
}

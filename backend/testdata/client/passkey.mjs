// A passkey from adding it to deleting it, told by Better Auth's own client
// with its plugin for them, and the code of a page that uses it.
// Usage: node passkey.mjs BASE_URL
import assert from "node:assert/strict";
import { passkeyClient } from "@better-auth/passkey/client";
import { attach, Authenticator } from "./authenticator.mjs";
import { browser, ok, refused } from "./browser.mjs";

const [baseURL] = process.argv.slice(2);
const email = "hedy@example.test";
const password = "frequency hopping 1942";
const googlePasswordManager = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4";

const { auth: authClient, cookies } = browser(
  baseURL, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36", [passkeyClient()],
);
const device = new Authenticator(googlePasswordManager);
attach(device, new URL(baseURL).origin);

const toasts = [];
const toast = {
  error: (message) => toasts.push(["error", message]),
  success: (message) => toasts.push(["success", message]),
};
let mutations = 0;
const mutate = () => mutations++;

// A page's button.
const handleAddPasskey = async () => {
  const { error } = await authClient.passkey.addPasskey({
    name: 'My MacBook Pro', // User-defined label for this device
  });
  if (error) toast.error(error.message);
  else {
    toast.success('Passkey added!');
    mutate(); // refresh passkey list
  }
};

console.log("add");
await handleAddPasskey();
assert.deepEqual(toasts.splice(0), [["error", "Unauthorized"]]);
await ok(authClient.signUp.email({ name: "Hedy", email, password }));
assert.deepEqual(await ok(authClient.passkey.listUserPasskeys()), []);
await handleAddPasskey();
assert.deepEqual(toasts.splice(0), [["success", "Passkey added!"]]);
assert.equal(mutations, 1);

const { data: passkeys } = await authClient.passkey.listUserPasskeys();
assert.equal(passkeys.length, 1);
const [first] = passkeys;
const { user } = await ok(authClient.getSession());
assert.equal(first.name, "My MacBook Pro");
assert.equal(first.userId, user.id);
assert.equal(first.aaguid, googlePasswordManager);
assert.equal(first.provider.name, "Google Password Manager");
assert.deepEqual([first.deviceType, first.backedUp, first.synced, first.userVerified], ["multiDevice", true, true, true]);
assert.deepEqual([first.counter, first.transports, first.lastUsedAt ?? null], [0, "hybrid,internal", null]);
assert.ok(first.createdAt instanceof Date);

console.log("add once more");
await refused(authClient.passkey.addPasskey({ name: "Again" }), 400, "ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED");
const key = new Authenticator("00000000-0000-0000-0000-000000000000");
attach(key, new URL(baseURL).origin);
const second = await ok(authClient.passkey.addPasskey({ name: "Spare" }));
assert.equal(second.name, "Spare");
assert.equal(Buffer.from(second.credentialID, "base64url").length, 16);
assert.ok("provider" in second);
assert.equal(second.synced, true);
assert.equal(second.userId, user.id);
assert.deepEqual((await ok(authClient.passkey.listUserPasskeys())).map(({ id }) => id), [first.id, second.id]);

console.log("sign in");
async function signsIn() {
  await ok(authClient.signOut());
  assert.equal(await ok(authClient.getSession()), null);
  const signedIn = await ok(authClient.signIn.passkey());
  assert.equal(signedIn.user.email, email);
  const { session, user } = await ok(authClient.getSession());
  assert.equal(user.email, email);
  assert.deepEqual([session.id, session.token, session.method], [signedIn.session.id, signedIn.session.token, "passkey"]);
}
await signsIn();
attach(device, new URL(baseURL).origin);
await signsIn();
assert.ok((await ok(authClient.passkey.listUserPasskeys())).every(({ lastUsedAt }) => lastUsedAt instanceof Date));

console.log("sign in while signed in");
await ok(authClient.signIn.passkey());
attach(new Authenticator(googlePasswordManager), new URL(baseURL).origin);
await refused(authClient.signIn.passkey(), 400, "ERROR_PASSTHROUGH_SEE_CAUSE_PROPERTY");

console.log("rename");
const renamed = await ok(authClient.passkey.updatePasskey({ id: second.id, name: "In the drawer" }));
assert.equal(renamed.passkey.name, "In the drawer");
const credentials = [first.credentialID, second.credentialID];
assert.deepEqual(renamed.allAcceptedCredentialIds, credentials);
assert.deepEqual((await ok(authClient.passkey.listUserPasskeys())).map(({ name }) => name), ["My MacBook Pro", "In the drawer"]);
await refused(authClient.passkey.updatePasskey({ id: "nobody's", name: "Mine" }), 404, "PASSKEY_NOT_FOUND");

console.log("delete");
const passkeyId = first.id;
// Delete a specific passkey
const { data: deleted } = await authClient.passkey.deletePasskey({ id: passkeyId });
assert.equal(deleted.status, true);
assert.deepEqual(deleted.allAcceptedCredentialIds, [second.credentialID]);
assert.deepEqual([deleted.rpId, deleted.userId], [first.rpId, first.userHandle]);
await refused(authClient.passkey.deletePasskey({ id: passkeyId }), 404, "PASSKEY_NOT_FOUND");
await ok(authClient.signOut());
attach(device, new URL(baseURL).origin);
await refused(authClient.signIn.passkey(), 401, "PASSKEY_NOT_FOUND");
assert.equal(await ok(authClient.getSession()), null);
assert.ok(![...cookies.keys()].some((name) => name.endsWith("session_token")));
attach(key, new URL(baseURL).origin);
await signsIn();

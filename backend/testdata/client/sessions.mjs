// The life of some sessions, told by Better Auth's own client.
// Usage: node sessions.mjs BASE_URL
import assert from "node:assert/strict";
import { browser, ok, refused } from "./browser.mjs";

const baseURL = process.argv[2];
const email = "ada@example.test";
const password = "the engine weaves 1843";

const laptop = browser(baseURL, "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0");
const phone = browser(baseURL, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1");
const desk = browser(baseURL, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36");

console.log("sign up");
assert.equal(await ok(laptop.auth.getSession()), null);
const signedUp = await ok(laptop.auth.signUp.email({ name: "Ada", email, password }));
assert.equal(signedUp.user.email, email);
assert.equal(signedUp.user.emailVerified, false);
assert.ok(signedUp.user.createdAt instanceof Date);
assert.ok(laptop.cookies.size > 0);
await refused(phone.auth.signUp.email({ name: "Eve", email, password }), 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
await refused(phone.auth.signUp.email({ name: "Eve", email: "eve@example.test", password: "short" }), 400, "PASSWORD_TOO_SHORT");

console.log("sign in");
await refused(phone.auth.signIn.email({ email, password: password + "?" }), 401, "INVALID_EMAIL_OR_PASSWORD");
await refused(phone.auth.signIn.email({ email: "nobody@example.test", password }), 401, "INVALID_EMAIL_OR_PASSWORD");
await refused(phone.auth.listSessions(), 401, "UNAUTHORIZED");
const signedIn = await ok(phone.auth.signIn.email({ email: email.toUpperCase(), password }));
assert.equal(signedIn.redirect, false);
assert.equal(signedIn.user.id, signedUp.user.id);
await ok(desk.auth.signIn.email({ email, password, rememberMe: false }));

console.log("list sessions");
async function sessions(of) {
  const list = await ok(of.auth.listSessions());
  const current = list.filter((s) => s.isCurrent);
  assert.equal(current.length, 1, "exactly one session is the current one");
  assert.equal(list[0], current[0], "the current session comes first");
  const { session, user } = await ok(of.auth.getSession());
  assert.equal(session.token, current[0].token);
  assert.equal(session.id, current[0].id);
  assert.equal(session.userId, user.id);
  for (const s of list) {
    assert.ok(s.createdAt instanceof Date && s.expiresAt > s.createdAt && s.lastActiveAt instanceof Date);
    assert.equal(s.method, "password");
    assert.equal(s.ipAddress, "127.0.0.1");
    for (const cookie of of.cookies.values()) {
      assert.ok(!cookie.includes(s.token), "what the list calls token does not sign anybody in");
    }
  }
  return list;
}
const all = await sessions(laptop);
assert.deepEqual(all.map((s) => s.device.os).sort(), ["Linux", "Windows", "iOS"]);
assert.equal(signedUp.token, all[0].token);

console.log("revoke a session");
const phoneRow = all.find((s) => s.token === signedIn.token);
assert.equal(phoneRow.device.kind, "mobile");
assert.deepEqual(await ok(laptop.auth.revokeSession({ token: phoneRow.token })), { status: true });
assert.equal(await ok(phone.auth.getSession()), null);
await refused(phone.auth.listSessions(), 401, "UNAUTHORIZED");
assert.equal((await sessions(laptop)).length, 2);
// Somebody else's or none at all: the answer does not tell.
assert.deepEqual(await ok(laptop.auth.revokeSession({ token: phoneRow.token })), { status: true });

console.log("revoke all other sessions");
assert.deepEqual(await ok(laptop.auth.revokeOtherSessions()), { status: true });
assert.equal(await ok(desk.auth.getSession()), null);
assert.equal((await sessions(laptop)).length, 1);

console.log("update the user");
assert.deepEqual(await ok(laptop.auth.updateUser({ name: "Ada L.", image: "https://example.test/ada.png" })), { status: true });
const { user } = await ok(laptop.auth.getSession());
assert.deepEqual([user.name, user.image], ["Ada L.", "https://example.test/ada.png"]);

console.log("change the password");
const newPassword = "notes on the engine 1843";
await ok(desk.auth.signIn.email({ email, password }));
await refused(laptop.auth.changePassword({ currentPassword: "wrong, wrong", newPassword }), 400, "INVALID_PASSWORD");
const before = new Map(laptop.cookies);
const changed = await ok(laptop.auth.changePassword({ currentPassword: password, newPassword, revokeOtherSessions: true }));
assert.equal(changed.user.id, user.id);
assert.notDeepEqual(laptop.cookies, before, "the session gets a new cookie");
assert.equal(changed.token, (await sessions(laptop))[0].token);
assert.equal(await ok(desk.auth.getSession()), null);
await refused(desk.auth.signIn.email({ email, password }), 401, "INVALID_EMAIL_OR_PASSWORD");
await ok(desk.auth.signIn.email({ email, password: newPassword }));

console.log("sign out");
assert.deepEqual(await ok(desk.auth.signOut()), { success: true });
assert.ok(![...desk.cookies.keys()].some((name) => name.endsWith("session_token")));
assert.equal(await ok(desk.auth.getSession()), null);
assert.equal((await sessions(laptop)).length, 1);

console.log("revoke all sessions");
await ok(desk.auth.signIn.email({ email, password: newPassword }));
assert.deepEqual(await ok(laptop.auth.revokeSessions()), { status: true });
assert.equal(await ok(laptop.auth.getSession()), null);
assert.equal(await ok(desk.auth.getSession()), null);

console.log("delete the user");
await ok(laptop.auth.signIn.email({ email, password: newPassword }));
await refused(laptop.auth.deleteUser({ password: "wrong, wrong" }), 400, "INVALID_PASSWORD");
assert.equal((await ok(laptop.auth.deleteUser({ password: newPassword }))).success, true);
await refused(laptop.auth.signIn.email({ email, password: newPassword }), 401, "INVALID_EMAIL_OR_PASSWORD");

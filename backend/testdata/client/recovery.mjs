// Forgotten passwords, addresses that are verified and changed, and accounts that
// are deleted by mail, told by Better Auth's own client. The second server
// requires that addresses are verified.
// Usage: node recovery.mjs BASE_URL MAIL_DIR VERIFYING_BASE_URL VERIFYING_MAIL_DIR
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { browser, ok, refused } from "./browser.mjs";

const [baseURL, mailDir, verifyingURL, verifyingMailDir] = process.argv.slice(2);
const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const password = "the compiler of 1952 A-0";
const newPassword = "flow-matic, then cobol";

const read = new Set();

// link waits for a mail, and is what its link leads to.
async function link(dir, to, form) {
  for (let tries = 0; tries < 3000; tries++) {
    const files = existsSync(dir) ? readdirSync(dir) : []; // it is made for the first mail
    for (const file of files.filter((name) => name.endsWith(".json")).sort()) {
      if (read.has(file)) {
        continue;
      }
      read.add(file);
      const mail = JSON.parse(readFileSync(`${dir}/${file}`, "utf8"));
      const found = mail.to === to && mail.text.match(form);
      if (found) {
        return { url: found[0], token: found[1] };
      }
    }
    await setTimeout(20);
  }
  assert.fail(`${to} got no mail`);
}

// Links lead to pages of the server. What they are for, a script does by the client.
const resetLink = /http:\S+\/reset-password\?token=([\w-]+)\S*/;
const emailLink = /http:\S+\/email\?token=([\w-]+)&callbackURL=\S*/;
// A sign-in that was refused sends a link to the same page, at any time after it.
const deleteLink = /http:\S+\/email\?token=([\w-]+)&callbackURL=%2Fbye/;

// press presses the button of the page that a link leads to.
async function press({ url, token }) {
  const callbackURL = new URL(url).searchParams.get("callbackURL");
  const page = await fetch(url, { redirect: "manual" });
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<form class="card" method="post" action="\/email">/);
  return fetch(new URL("/email", url), { method: "POST", headers: { origin: new URL(url).origin }, body: new URLSearchParams({ token, callbackURL }) });
}

const email = "grace@reset.example.test";
const laptop = browser(baseURL, userAgent);
const phone = browser(baseURL, userAgent);

console.log("request a new password");
await ok(laptop.auth.signUp.email({ name: "Grace", email, password }));
const asked = await ok(phone.auth.requestPasswordReset({ email, redirectTo: "/new-password" }));
assert.deepEqual(asked, await ok(phone.auth.requestPasswordReset({ email: "nobody@reset.example.test", redirectTo: "/new-password" })));
assert.equal(asked.status, true);
await refused(phone.auth.requestPasswordReset({ email, redirectTo: "https://evil.test" }), 403, "INVALID_REDIRECT_URL");
const reset = await link(mailDir, email, resetLink);
const followed = await fetch(reset.url, { redirect: "manual" });
assert.deepEqual([followed.status, followed.headers.get("location")], [302, `${baseURL}/new-password?token=${reset.token}`]);

console.log("reset it");
await refused(phone.auth.resetPassword({ newPassword: "short", token: reset.token }), 400, "PASSWORD_TOO_SHORT");
assert.deepEqual(await ok(phone.auth.resetPassword({ newPassword, token: reset.token })), { status: true });
await refused(phone.auth.resetPassword({ newPassword, token: reset.token }), 400, "INVALID_TOKEN");
assert.equal(await ok(laptop.auth.getSession()), null);
assert.equal(await ok(phone.auth.getSession()), null);
await refused(laptop.auth.signIn.email({ email, password }), 401, "INVALID_EMAIL_OR_PASSWORD");
await ok(laptop.auth.signIn.email({ email, password: newPassword }));

console.log("verify the address");
await refused(laptop.auth.sendVerificationEmail({ email: "other@reset.example.test" }), 400, "EMAIL_MISMATCH");
assert.deepEqual(await ok(laptop.auth.sendVerificationEmail({ email, callbackURL: "/verified" })), { status: true });
const verification = await link(mailDir, email, emailLink);
assert.ok(verification.url.endsWith("callbackURL=%2Fverified"));
assert.deepEqual(await ok(phone.auth.verifyEmail({ query: { token: verification.token } })), { status: true, user: null });
await refused(phone.auth.verifyEmail({ query: { token: verification.token } }), 401, "INVALID_TOKEN");
assert.equal(await ok(phone.auth.getSession()), null, "a link signs nobody in");
assert.equal((await ok(laptop.auth.getSession())).user.emailVerified, true);
await refused(laptop.auth.sendVerificationEmail({ email }), 400, "EMAIL_ALREADY_VERIFIED");

console.log("change the address");
const newEmail = "grace.h@reset.example.test";
await refused(laptop.auth.changeEmail({ newEmail: email }), 400, "EMAIL_IS_THE_SAME");
assert.deepEqual(await ok(laptop.auth.changeEmail({ newEmail, callbackURL: "/changed" })), { status: true });
const confirmation = await link(mailDir, email, emailLink);
assert.equal((await ok(laptop.auth.verifyEmail({ query: { token: confirmation.token } }))).status, true);
assert.equal((await ok(laptop.auth.getSession())).user.email, email);
const change = await link(mailDir, newEmail, emailLink);
const changed = await ok(laptop.auth.verifyEmail({ query: { token: change.token } }));
assert.deepEqual([changed.user.email, changed.user.emailVerified], [newEmail, true]);
assert.equal((await ok(laptop.auth.getSession())).user.email, newEmail);
await link(mailDir, email, /\/not-me\?token=([\w-]+)/);

console.log("delete the account");
await refused(laptop.auth.deleteUser({}), 403, "CONFIRMATION_REQUIRED");
assert.deepEqual(await ok(laptop.auth.deleteUser({ password: newPassword })), { success: true, message: "User deleted" });
assert.equal(await ok(laptop.auth.getSession()), null);

console.log("sign up where addresses have to be verified");
const desk = browser(verifyingURL, userAgent);
const signedUp = await ok(desk.auth.signUp.email({ name: "Grace", email, password, callbackURL: "/welcome" }));
assert.equal(signedUp.token, null);
assert.equal(desk.cookies.size, 0);
const welcome = await link(verifyingMailDir, email, emailLink);
const again = await ok(desk.auth.signUp.email({ name: "Grace", email, password }));
assert.deepEqual([again.token, Object.keys(again.user), again.user.email], [null, Object.keys(signedUp.user), email]);
assert.notEqual(again.user.id, signedUp.user.id);
const newer = await link(verifyingMailDir, email, emailLink);
await refused(desk.auth.signIn.email({ email, password: "wrong, wrong" }), 401, "INVALID_EMAIL_OR_PASSWORD");
await refused(desk.auth.signIn.email({ email, password }), 403, "EMAIL_NOT_VERIFIED");
const opened = await press(welcome);
assert.equal(opened.status, 200, "a newer link does not end the one before");
assert.match(await opened.text(), /Your email address is verified\.[^]*href="\/welcome">Continue</);
await ok(desk.auth.verifyEmail({ query: { token: newer.token } }));
await ok(desk.auth.signIn.email({ email, password }));

console.log("delete the account by mail");
assert.deepEqual(await ok(desk.auth.deleteUser({ callbackURL: "/bye" })), { success: true, message: "Verification email sent" });
const deletion = await link(verifyingMailDir, email, deleteLink);
await refused(desk.auth.deleteUser({ token: "nope" }), 404, "INVALID_TOKEN");
assert.equal((await ok(desk.auth.deleteUser({ token: deletion.token }))).success, true);
assert.equal(await ok(desk.auth.getSession()), null);
await refused(desk.auth.signIn.email({ email, password }), 401, "INVALID_EMAIL_OR_PASSWORD");

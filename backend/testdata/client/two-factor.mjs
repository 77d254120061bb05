// A second factor from switching it on to switching it off, told by Better
// Auth's own client with its plugin for it, and the forms of a page that uses it.
// Usage: node two-factor.mjs BASE_URL MAIL_DIR REDIRECTING_BASE_URL
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { twoFactorClient } from "better-auth/client/plugins";
import { AuthenticatorApp } from "./authenticator-app.mjs";
import { browser, ok, refused } from "./browser.mjs";

const [baseURL, mailDir, redirectingURL] = process.argv.slice(2);
const email = "grace@example.test";
const password = "nanoseconds of wire 1952";

// mailedCode waits for the next code that comes by mail.
const read = new Set();
async function mailedCode() {
  for (let i = 0; i < 1200; i++) {
    const files = existsSync(mailDir) ? readdirSync(mailDir) : []; // it is made for the first mail
    for (const name of files.filter((n) => n.endsWith(".json") && !read.has(n)).sort()) {
      read.add(name);
      const mail = JSON.parse(readFileSync(`${mailDir}/${name}`, "utf8"));
      if (mail.to === email && mail.subject === "Your sign-in code") {
        return mail.text.match(/\b\d{6}\b/)[0];
      }
    }
    await setTimeout(50);
  }
  assert.fail("no code came by mail");
}

const toasts = [];
const toast = {
  error: (message) => toasts.push(["error", message]),
  success: (message) => toasts.push(["success", message]),
};

// Enable2FAForm is a page's form, but for what it draws.
function Enable2FAForm(authClient) {
  const state = { qrUri: null, backupCodes: [], step: "password" };
  const setQrUri = (qrUri) => (state.qrUri = qrUri);
  const setBackupCodes = (backupCodes) => (state.backupCodes = backupCodes);
  const setStep = (step) => (state.step = step);

  const handleEnable = async (password) => {
    const { data, error } = await authClient.twoFactor.enable({ password });
    if (error) {
      toast.error(error.message);
      return;
    }
    setQrUri(data.totpURI);
    setBackupCodes(data.backupCodes);
    setStep('verify');
  };
  const handleVerify = async (code) => {
    const { error } = await authClient.twoFactor.verifyTotp({ code });
    if (error) {
      toast.error('Invalid code. Please try again.');
      return;
    }
    setStep('done');
    toast.success('2FA enabled successfully!');
  };
  return { state, handleEnable, handleVerify };
}

// signIn is a page's sign-in form. It returns whether a code is asked for.
async function signIn(authClient) {
  let showTotpPrompt = false;
  const setShowTotpPrompt = (show) => (showTotpPrompt = show);
  const handleSignIn = async () => {
    const { error } = await authClient.signIn.email({ email, password });
    if (error?.status === 403 && error.message === 'twoFactorRequired') {
      setShowTotpPrompt(true);
      return;
    }
    assert.equal(error, null);
  };
  await handleSignIn();
  return showTotpPrompt;
}

async function isSignedIn(authClient, method) {
  const { user } = await ok(authClient.getSession());
  assert.equal(user.email, email);
  const [current] = await ok(authClient.listSessions());
  assert.equal(current.method, method);
}

const laptop = browser(baseURL, "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", [twoFactorClient()]);
const phone = browser(baseURL, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", [twoFactorClient()]);
const desk = browser(baseURL, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36", [twoFactorClient()]);
const has = (of, name) => [...of.cookies.keys()].some((cookie) => cookie.endsWith(name));

console.log("enable");
await refused(laptop.auth.twoFactor.enable({ password }), 401, "UNAUTHORIZED");
await ok(laptop.auth.signUp.email({ name: "Grace", email, password }));
assert.equal(await signIn(phone.auth), false);
const form = Enable2FAForm(laptop.auth);
await form.handleEnable("wrong, wrong");
assert.deepEqual(toasts.splice(0), [["error", "Invalid password"]]);
assert.deepEqual(form.state, { qrUri: null, backupCodes: [], step: "password" });
await form.handleEnable(password);
assert.deepEqual(toasts, []);
assert.equal(form.state.step, "verify");
assert.equal(new Set(form.state.backupCodes).size, 10);
const app = new AuthenticatorApp(form.state.qrUri);

await form.handleVerify(app.wrong());
assert.deepEqual(toasts.splice(0), [["error", "Invalid code. Please try again."]]);
assert.equal(form.state.step, "verify");
assert.equal((await ok(laptop.auth.getSession())).user.twoFactorEnabled, false);
const before = new Map(laptop.cookies);
await form.handleVerify(app.code());
assert.deepEqual(toasts.splice(0), [["success", "2FA enabled successfully!"]]);
assert.equal(form.state.step, "done");
assert.equal((await ok(laptop.auth.getSession())).user.twoFactorEnabled, true);
assert.notDeepEqual(laptop.cookies, before, "the session gets a new cookie");
assert.equal(await ok(phone.auth.getSession()), null, "other sessions end");
await refused(laptop.auth.twoFactor.enable({ password }), 400, "TOTP_ALREADY_ENABLED");

console.log("sign in");
assert.equal(await signIn(phone.auth), true);
assert.equal(await ok(phone.auth.getSession()), null);
await refused(phone.auth.listSessions(), 401, "UNAUTHORIZED");
await refused(phone.auth.twoFactor.verifyTotp({ code: app.wrong() }), 401, "INVALID_CODE");
await refused(phone.auth.twoFactor.verifyTotp({ code: app.spent() }), 401, "INVALID_CODE");
// In the page's TOTP prompt:
const totpCode = app.code();
const { user, token } = await ok(phone.auth.twoFactor.verifyTotp({ code: totpCode }));
assert.equal(user.twoFactorEnabled, true);
await isSignedIn(phone.auth, "password+totp");
assert.equal((await ok(phone.auth.getSession())).session.token, token);
const { error } = await desk.auth.signIn.email({ email, password });
assert.deepEqual(error, {
  status: 403, statusText: "Forbidden", message: "twoFactorRequired", code: "TWO_FACTOR_REQUIRED",
  twoFactorRedirect: true, twoFactorMethods: ["totp", "otp"],
});
await refused(desk.auth.twoFactor.verifyTotp({ code: totpCode }), 401, "INVALID_CODE");

console.log("sign in with a backup code");
const [first, second] = form.state.backupCodes;
await refused(desk.auth.twoFactor.verifyBackupCode({ code: "aaaaa-bbbbb" }), 401, "INVALID_BACKUP_CODE");
assert.equal((await ok(desk.auth.twoFactor.verifyBackupCode({ code: first }))).user.email, email);
await isSignedIn(desk.auth, "password+backup-code");
await ok(desk.auth.signOut());
assert.equal(await signIn(desk.auth), true);
await refused(desk.auth.twoFactor.verifyBackupCode({ code: first }), 401, "INVALID_BACKUP_CODE");

console.log("sign in with a code by mail, and trust the device");
await refused(desk.auth.twoFactor.verifyOtp({ code: "000000" }), 400, "OTP_HAS_EXPIRED");
assert.deepEqual(await ok(desk.auth.twoFactor.sendOtp()), { status: true });
const mailed = await mailedCode();
await refused(desk.auth.twoFactor.verifyOtp({ code: mailed === "000000" ? "000001" : "000000" }), 401, "INVALID_CODE");
await ok(desk.auth.twoFactor.verifyOtp({ code: mailed, trustDevice: true }));
await isSignedIn(desk.auth, "password+email-code");
assert.ok(has(desk, "trust_device") && !has(desk, "two_factor"));
for (let i = 0; i < 2; i++) { // each sign-in gives what opens the next
  await ok(desk.auth.signOut());
  assert.equal(await signIn(desk.auth), false);
  await isSignedIn(desk.auth, "password+trusted-device");
}

console.log("read the URI, and make new backup codes");
await refused(laptop.auth.twoFactor.getTotpUri({ password: "wrong, wrong" }), 400, "INVALID_PASSWORD");
const { totpURI } = await ok(laptop.auth.twoFactor.getTotpUri({ password }));
assert.equal(new AuthenticatorApp(totpURI).secret, app.secret);
await refused(laptop.auth.twoFactor.generateBackupCodes({ password: "wrong, wrong" }), 400, "INVALID_PASSWORD");
const { backupCodes } = await ok(laptop.auth.twoFactor.generateBackupCodes({ password }));
assert.equal(new Set([...backupCodes, ...form.state.backupCodes]).size, 20);
await isSignedIn(laptop.auth, "password");
assert.equal(await ok(desk.auth.getSession()), null, "other sessions end");
assert.equal(await signIn(desk.auth), true, "the device is trusted no more");
await refused(desk.auth.twoFactor.verifyBackupCode({ code: second }), 401, "INVALID_BACKUP_CODE");
await ok(desk.auth.twoFactor.verifyBackupCode({ code: backupCodes[0] }));
await isSignedIn(desk.auth, "password+backup-code");

console.log("try too many codes");
for (let i = 0; i < 10; i++) {
  await refused(laptop.auth.twoFactor.verifyTotp({ code: app.wrong() }), 401, "INVALID_CODE");
}
let retryAfter;
const onError = ({ response }) => (retryAfter = response.headers.get("X-Retry-After"));
await refused(laptop.auth.twoFactor.verifyBackupCode({ code: backupCodes[1], fetchOptions: { onError } }), 429, "ACCOUNT_TEMPORARILY_LOCKED");
assert.ok(retryAfter > 14 * 60 && retryAfter <= 15 * 60, `X-Retry-After: ${retryAfter}`);

console.log("disable");
const authClient = laptop.auth;
// A page's button.
const handleDisable = async (password) => {
  const { error } = await authClient.twoFactor.disable({ password });
  if (error) toast.error(error.message);
  else toast.success('2FA has been disabled.');
};
await handleDisable("wrong, wrong");
assert.deepEqual(toasts.splice(0), [["error", "Invalid password"]]);
assert.equal(await signIn(phone.auth), true);
await handleDisable(password);
assert.deepEqual(toasts.splice(0), [["success", "2FA has been disabled."]]);
assert.equal((await ok(laptop.auth.getSession())).user.twoFactorEnabled, false);
await refused(phone.auth.twoFactor.verifyBackupCode({ code: backupCodes[2] }), 401, "INVALID_TWO_FACTOR_COOKIE");
assert.equal(await signIn(phone.auth), false);
await isSignedIn(phone.auth, "password");

console.log("sign in where the server answers as Better Auth's does");
const redirects = [];
const onTwoFactorRedirect = (context) => redirects.push(context);
const stock = browser(redirectingURL, "Mozilla/5.0", [twoFactorClient({ onTwoFactorRedirect })]);
await ok(stock.auth.signUp.email({ name: "Grace", email, password }));
const enabling = await ok(stock.auth.twoFactor.enable({ password }));
const stockApp = new AuthenticatorApp(enabling.totpURI);
await ok(stock.auth.twoFactor.verifyTotp({ code: stockApp.code() }));
await ok(stock.auth.signOut());
assert.deepEqual(redirects, []);
const due = await ok(stock.auth.signIn.email({ email, password }));
assert.deepEqual(due, { twoFactorRedirect: true, twoFactorMethods: ["totp", "otp"] });
assert.deepEqual(redirects, [{ twoFactorMethods: ["totp", "otp"] }]);
assert.equal(await ok(stock.auth.getSession()), null);
await ok(stock.auth.twoFactor.verifyTotp({ code: stockApp.code() }));
await isSignedIn(stock.auth, "password+totp");

// The plugin of Better Auth's client for Latchkey, against a server whose sessions are stale from the
// beginning.
// Usage: node plugin.mjs BASE_URL
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { twoFactorClient } from "better-auth/client/plugins";
import { latchkeyClient } from "latchkey-client";
import { AuthenticatorApp } from "./authenticator-app.mjs";
import { browser, ok, pageOf, refused } from "./browser.mjs";

const [baseURL] = process.argv.slice(2);
const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const password = "analytical engines 1843";

// person signs up in a browser whose page answers step-ups with onStepUp. asked has what they needed, and
// answers the responses that the page got to its changes of the address.
async function person(name, onStepUp) {
  const email = `${name}@plugin.example.com`;
  const asked = [];
  const answers = [];
  const desk = browser(baseURL, userAgent, [
    twoFactorClient(),
    latchkeyClient({
      onStepUp: async (step) => {
        asked.push(step.need);
        await onStepUp?.(step);
      },
    }),
  ]);
  const auth = desk.auth;
  await ok(auth.signUp.email({ name, email, password }));
  const fetchOptions = { onResponse: ({ response }) => void answers.push(response.status) };
  const newEmail = (text) => auth.changeEmail({ newEmail: `${text}-${email}`, fetchOptions });
  return { email, asked, answers, auth, fetch: desk.fetch, newEmail };
}

console.log("cancel");
const canceled = await person("cancel");
await refused(canceled.newEmail("a"), 403, "SESSION_NOT_FRESH");
assert.deepEqual(canceled.asked, [undefined]);
await assert.rejects(canceled.auth.changeEmail({ newEmail: "b@plugin.example.com", fetchOptions: { throw: true } }));
assert.equal(canceled.asked.length, 2);

console.log("no callback");
const silent = browser(baseURL, userAgent, [latchkeyClient()]);
await ok(silent.auth.signUp.email({ name: "silent", email: "silent@plugin.example.com", password }));
await refused(silent.auth.changeEmail({ newEmail: "c@plugin.example.com" }), 403, "SESSION_NOT_FRESH");

console.log("confirm");
const wrong = [];
const confirmed = await person("confirm", async ({ confirm }) => {
  const { error } = await confirm({ password: "wrong, wrong" });
  wrong.push(error.code);
  await ok(confirm({ password }));
});
await ok(confirmed.newEmail("a"));
assert.deepEqual(confirmed.asked, [undefined]);
assert.deepEqual(wrong, ["INVALID_PASSWORD"]);
assert.deepEqual(confirmed.answers, [200], "the page sees only the last answer");
await ok(confirmed.newEmail("b"));
assert.equal(confirmed.asked.length, 1, "a fresh session asks nothing");

console.log("at the same time");
const hasty = await person("hasty", async ({ confirm }) => ok(confirm({ password })));
await Promise.all([ok(hasty.newEmail("a")), ok(hasty.newEmail("b")), ok(hasty.newEmail("c"))]);
assert.equal(hasty.asked.length, 1, "several calls ask once");

// The step-up of the first call waits until the second is refused, whose page learns that only after the first
// is done.
console.log("late");
let refuse;
const refusal = new Promise((resolve) => (refuse = resolve));
const late = await person("late", async ({ confirm }) => {
  await refusal;
  await ok(confirm({ password }));
});
const before = late.newEmail("a");
const after = late.auth.changeEmail({
  newEmail: "later@plugin.example.com",
  fetchOptions: {
    customFetchImpl: async (url, init) => {
      const response = await late.fetch(url, init);
      refuse();
      await before;
      return response;
    },
  },
});
await ok(before);
await ok(after);
assert.equal(late.asked.length, 1, "a late refusal does not ask again");

console.log("other refusals");
await refused(hasty.auth.latchkey.checkLink({ token: "x", purpose: "reset" }), 400, "INVALID_TOKEN");
await refused(hasty.auth.$fetch("/events", { method: "GET" }), 404, "NOT_FOUND");
assert.equal(hasty.asked.length, 1);

// A password confirms too little for what needs a second factor: the call is not sent for a third time.
console.log("second factor");
let proofs = [];
const enrolled = await person("enrolled", async ({ confirm }) => ok(confirm(proofs.shift())));
proofs.push({ password });
await ok(enrolled.auth.latchkey.stepUp({ password }));
const { totpURI } = await ok(enrolled.auth.twoFactor.enable({ password }));
const app = new AuthenticatorApp(totpURI);
await ok(enrolled.auth.twoFactor.verifyTotp({ code: app.code() }));
await ok(enrolled.auth.latchkey.trustDevice());
await ok(enrolled.auth.signOut());
await ok(enrolled.auth.signIn.email({ email: enrolled.email, password })); // trusted, so without a second factor
await refused(enrolled.newEmail("a"), 403, "SESSION_NOT_FRESH");
assert.deepEqual(enrolled.asked, ["second-factor"]);
proofs = [{ code: app.code() }];
await ok(enrolled.newEmail("a"));
assert.deepEqual(enrolled.asked, ["second-factor", "second-factor"]);

console.log("actions");
const { latchkey } = enrolled.auth;
const status = await ok(latchkey.twoFactorStatus());
assert.equal(status.enabled, true);
assert.ok(status.since instanceof Date);
assert.equal(status.backupCodesLeft, 10);
const [device] = await ok(latchkey.listTrustedDevices());
assert.equal(device.isCurrent, true);
assert.equal(device.device.os, "Linux");
assert.ok(device.expiresAt instanceof Date);
await ok(latchkey.revokeTrustedDevice({ id: device.id }));
assert.deepEqual(await ok(latchkey.listTrustedDevices()), []);
await ok(latchkey.revokeTrustedDevices());
const first = await ok(latchkey.listEvents({ group: "factors" }));
assert.ok(first.events.length > 0 && first.events.every((event) => event.at instanceof Date && event.text !== ""));
assert.ok(!first.events.some((event) => event.kind === "sign-in"));
assert.ok((await ok(latchkey.listEvents())).events.some((event) => event.kind === "sign-in"));
assert.equal(typeof (await ok(latchkey.passkeyOptions())).challenge, "string");

// The example of the document, in a page.
console.log("document");
const page = pageOf(baseURL, userAgent);
globalThis.fetch = page.fetch;
const answers = ["wrong, wrong", password];
const messages = [];
globalThis.newEmail = "other@plugin.example.com";
globalThis.ask = async (message) => {
  messages.push(message);
  return answers.shift();
};
await page.fetch(`${baseURL}/api/auth/sign-up/email`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ name: "Reader", email: "reader@plugin.example.com", password }),
});
const source = readFileSync(new URL("./blocks/plugin.js", import.meta.url), "utf8").replace("https://accounts.example.com", baseURL);
writeFileSync(new URL("./example.mjs", import.meta.url), `${source}\nexport { error, devices };\n`);
const example = await import("./example.mjs");
assert.equal(example.error, null);
assert.deepEqual(example.devices, []);
assert.deepEqual(messages, ["Enter your password", "Invalid password"]);

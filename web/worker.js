// The service worker lets the app open without a network. It caches only files that are the
// same for all users, and never a response of the API.
"use strict";

const cacheName = "latchkey-{{.Version}}";

// The caches of other versions: earlier ones had another name. An application on the same origin
// may have caches, too.
const isOurs = (name) => /^(latchkey|app)-[0-9a-f]{12}$/.test(name);

// Paths of pages have no file extension, and paths of files have one.
const isPage = (path) => !path.includes(".");

// Links in emails always go to the server: their pages are about one account and must not be
// cached. The sign-in page with such a parameter leads a user who is signed in to an application.
const isLink = (url) => url.pathname === "/email"
  || (["/reset-password", "/sign-in"].includes(url.pathname) && url.searchParams.has("callbackURL"));

// go-app always lists its own stylesheet, which no page uses, and the manifest,
// which must not come from the cache.
const files = {{.ResourcesToCache}}.filter((path) => !["/app.css", "/manifest.webmanifest"].includes(path));

self.addEventListener("install", (event) => {
  // Calls of the API need not wait until the browser has started this worker.
  event.waitUntil(Promise.all([install(), event.addRoutes?.({ condition: { urlPattern: "/api/*" }, source: "network" })]));
});
self.addEventListener("activate", (event) => event.waitUntil(activate()));

// Installs a version completely or not at all: if one file fails, the browser discards this
// worker and keeps the previous one. After the installation, this worker waits until no page
// uses the previous worker, or until the user agrees to reload.
async function install() {
  const cache = await caches.open(cacheName);
  await cache.addAll(files.filter((path) => !isPage(path)).map((path) => new Request(path, {
    credentials: "omit",
    cache: path.includes("?v=") ? "default" : "no-cache", // a versioned file never changes
  })));
  await cachePages();
}

// Caches the pages. They are in the language of the cookie and contain the server's name. A
// server of another version returns no page. An application on the same origin may answer for some
// of the paths: its pages are not cached.
async function cachePages() {
  const paths = files.filter(isPage);
  const answers = await Promise.all(paths.map((path) => fetch(path + "?v={{.Version}}", { cache: "no-cache" })));
  const isPageOfOurs = (answer) => answer.headers.has("Latchkey-Edition");
  if (!answers.some(isPageOfOurs) || !answers.every((answer) => answer.ok || !isPageOfOurs(answer))) {
    throw new Error("the server has another version");
  }
  const cache = await caches.open(cacheName);
  // The responses are copied, because a stored response keeps the URL that it was fetched from.
  await Promise.all(answers.map((answer, i) => isPageOfOurs(answer) && cache.put(paths[i], new Response(answer.body, answer))));
}

self.addEventListener("message", (event) => {
  if (event.data === "version") {
    event.ports[0].postMessage("{{.Version}}");
  } else if (event.data === "activate") {
    self.skipWaiting();
  } else if (event.data === "claim") {
    event.waitUntil(self.clients.claim());
  } else if (event.data === "pages") {
    event.waitUntil(cachePages().catch(() => {})); // the cached pages still work
  }
});

async function activate() {
  for (const name of await caches.keys()) {
    if (isOurs(name) && name !== cacheName) {
      await caches.delete(name);
    }
  }
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

// Pages come from the server, which draws them with the user's data. This worker never caches
// those. Files come from the cache, even with a network.
self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) {
    return; // the browser handles the request itself
  }
  const fromServer = url.pathname.startsWith("/api/") || isLink(url);
  if (request.mode === "navigate") {
    // Never without a response: the browser has sent the request as a preload, and would send it
    // again. Some links work only once.
    event.respondWith(fromServer ? answer(event) : page(event, url.pathname));
  } else if (!fromServer && files.includes(url.pathname + url.search)) {
    event.respondWith(file(request));
  }
});

// How many milliseconds to wait for the server before the app starts in a cached page, with the
// snapshot of the user's data.
const patience = 2e3;

async function page(event, path) {
  const cache = await caches.open(cacheName);
  const cached = await cache.match(path, { ignoreVary: true });
  const served = answer(event);
  if (!cached) {
    return served; // an address without a page, or a page of an application on the same origin
  }
  const late = new Promise((resolve) => setTimeout(resolve, patience));
  const response = await Promise.race([served.catch(() => null), late]);
  if (response) {
    event.waitUntil(renew(cached, response));
  }
  // A proxy answers with such a status while the server is down.
  return response && ![502, 503, 504].includes(response.status) ? response : cached;
}

// Caches the pages again if those of the server are in another language or have another name. Once
// for each change: the cookie of the language may be blocked.
let edition = null;

async function renew(cached, served) {
  const next = served.headers.get("Latchkey-Edition");
  if (next && next !== edition && next !== cached.headers.get("Latchkey-Edition")) {
    edition = next;
    await cachePages().catch(() => {}); // the cached pages still work
  }
}

async function answer(event) {
  return (await event.preloadResponse) ?? fetch(event.request);
}

async function file(request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}

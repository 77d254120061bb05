// The service worker opens the app without a network. It keeps the files that
// are the same for everyone and never an answer of the API.
"use strict";

const cacheName = "app-{{.Version}}";

// The pages have no ending, and files do.
const isPage = (path) => !path.includes(".");

// Where links in emails lead the server decides: what their page says is about one
// account, and must not be kept.
const isLink = (url) => url.pathname === "/email" || (url.pathname === "/reset-password" && url.searchParams.has("callbackURL"));

// go-app always lists a stylesheet of its own, which the shell does not use, and
// the manifest, which is to be as it is now.
const files = {{.ResourcesToCache}}.filter((path) => !["/app.css", "/manifest.webmanifest"].includes(path));

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

// A version is installed whole or not at all: if one file fails, the browser
// throws this worker away and keeps the one before it. Then it waits until no
// page is open that began with that one, or until the person says so.
async function install() {
  const cache = await caches.open(cacheName);
  await cache.addAll(files.filter((path) => !isPage(path)).map((path) => new Request(path, {
    credentials: "omit",
    cache: path.includes("?v=") ? "default" : "no-cache", // what has a version never changes
  })));
  await keepPages();
}

// Pages are in the language that a cookie names, and say what the server is called.
// One that is of another version has none for us.
async function keepPages() {
  const paths = files.filter(isPage);
  const answers = await Promise.all(paths.map((path) => fetch(path + "?v={{.Version}}", { cache: "no-cache" })));
  if (!answers.every((answer) => answer.ok)) {
    throw new Error("the server is of another version");
  }
  const cache = await caches.open(cacheName);
  // Made anew, because what a worker answers is at the address that it came from.
  await Promise.all(answers.map((answer, i) => cache.put(paths[i], new Response(answer.body, answer))));
}

self.addEventListener("message", (event) => {
  if (event.data === "activate") {
    self.skipWaiting();
  } else if (event.data === "claim") {
    event.waitUntil(self.clients.claim());
  } else if (event.data === "pages") {
    event.waitUntil(keepPages().catch(() => {})); // those that are there are good, too
  }
});

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith("app-") && name !== cacheName) {
      await caches.delete(name);
    }
  }
  await self.clients.claim();
}

// Pages and files are of one version: those of the cache, at once, whether
// there is a network or not. What is not in it comes from the network.
self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin || url.pathname.startsWith("/api/") || isLink(url)) {
    return; // the browser does as if there were no worker
  }
  if (request.mode === "navigate") {
    event.respondWith(page(request, url.pathname));
  } else if (files.includes(url.pathname + url.search)) {
    event.respondWith(file(request));
  }
});

async function page(request, path) {
  const cache = await caches.open(cacheName);
  const kept = await cache.match(path, { ignoreVary: true });
  if (kept) {
    return kept;
  }
  try {
    return await fetch(request);
  } catch (offline) {
    return (await cache.match("/", { ignoreVary: true })) ?? Promise.reject(offline);
  }
}

async function file(request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}

// The service worker opens the app without a network. It keeps the files that
// are the same for everyone and never an answer of the API.
"use strict";

const cacheName = "app-{{.Version}}";

// go-app always lists a stylesheet of its own, which the shell does not use.
const files = {{.ResourcesToCache}}.filter((path) => path !== "/app.css");

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

// A version is installed whole or not at all: if one file fails, the browser
// throws this worker away and keeps the one before it.
async function install() {
  const cache = await caches.open(cacheName);
  await cache.addAll(files.map((path) => new Request(path, { credentials: "omit", cache: "no-cache" })));
  await self.skipWaiting();
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith("app-") && name !== cacheName) {
      await caches.delete(name);
    }
  }
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin || url.pathname.startsWith("/api/")) {
    return; // the browser does as if there were no worker
  }
  if (request.mode === "navigate") {
    event.respondWith(page(request, url.pathname));
  } else if (files.includes(url.pathname)) {
    event.respondWith(file(request));
  }
});

// Pages come from the network, so that a new version shows soon, and from the
// cache when there is no network.
async function page(request, path) {
  try {
    return await fetch(request);
  } catch (offline) {
    const cache = await caches.open(cacheName);
    const shell = (await cache.match(path)) || (await cache.match("/"));
    if (shell) {
      return shell;
    }
    throw offline;
  }
}

// Files come from the cache: they fit the Wasm that is in it too.
async function file(request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(request, { ignoreSearch: true, ignoreVary: true })) || fetch(request);
}

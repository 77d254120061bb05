// What must happen before the page is painted, and may wait for no file, and the start of
// everything else, which waits for the first paint. The page has this script in it, and the
// Content-Security-Policy allows it by its hash. Each page has it without comments: package web
// removes the lines that begin with //.
"use strict";

(() => {
  // The theme that the user has chosen in this browser: "light" or "dark". Anything else is
  // the system's.
  const colors = [...document.querySelectorAll("meta[name=theme-color]")].map((meta) => [meta, meta.media]);
  self.latchkeyTheme = (theme) => {
    const chosen = theme === "light" || theme === "dark";
    if (chosen) {
      document.documentElement.dataset.theme = theme;
    } else {
      delete document.documentElement.dataset.theme;
    }
    for (const [meta, media] of colors) {
      meta.media = chosen ? (media.includes(theme) ? "all" : "not all") : media;
    }
  };
  try {
    self.latchkeyTheme(localStorage.getItem("latchkey.theme"));
  } catch {
    // The user does not allow sites to store data.
  }
  addEventListener("storage", ({ key, newValue }) => key === "latchkey.theme" && self.latchkeyTheme(newValue));

  // Only the app handles these buttons. The last one that the user has clicked before it runs is
  // busy until then. web/loader.js clicks it again once, and sets this to null.
  self.latchkeyClick = { button: null };
  addEventListener("click", ({ target }) => {
    const button = target.closest?.("button[type=button]");
    if (button && self.latchkeyClick && button !== self.latchkeyClick.button && document.body.firstElementChild.contains(button)) {
      self.latchkeyClick.button?.removeAttribute("aria-busy");
      self.latchkeyClick.button = button;
      button.setAttribute("aria-busy", "true");
    }
  });

  // The browser may offer to install the app before app.js listens for the event. web/loader.js
  // repeats it then.
  self.latchkeyPrompt = null;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    self.latchkeyPrompt = event;
  });

  // Downloads and scripts would delay the first paint, and loading the app can keep a small machine
  // fully busy. A page in the background does not paint, so this starts after a second at the latest.
  // The browser may paint a part of the page, but web/loader.js needs all of it.
  addEventListener("DOMContentLoaded", async () => {
    const scripts = [...document.querySelectorAll("head > link[as=script]")].map((link) => link.getAttribute("href"));
    if (scripts.length === 0) {
      return;
    }
    await new Promise((resolve) => {
      new PerformanceObserver((list) => list.getEntriesByName("first-contentful-paint").forEach(resolve)).
        observe({ type: "paint", buffered: true });
      setTimeout(resolve, 1e3);
    });
    for (const link of document.querySelectorAll("head > link[rel~=later]")) {
      link.relList.replace("later", "preload");
    }
    // The page's Content-Security-Policy requires Trusted Types. This policy allows no string
    // as markup or code. As script URLs it allows only the page's scripts and the service worker.
    self.trustedTypes?.createPolicy("default", {
      createScriptURL: (url) => (url === "/app-worker.js" || scripts.includes(url) ? url : null),
    });
    const loader = document.createElement("script");
    loader.src = scripts[0];
    document.head.append(loader);
  });
})();

// Everything that must happen outside the Go program and can wait for the first paint, unlike
// web/first.js: it starts the app and shows the progress of the download. It hands over what the
// user has typed meanwhile. It tells the user if the app cannot start or has crashed, and checks
// for newer versions.
"use strict";

(() => {
  const notes = document.getElementById("app-wasm-loader"); // go-app removes it when the app runs
  const label = document.getElementById("app-wasm-loader-label");
  const bar = document.getElementById("boot");
  const note = document.getElementById("boot-failed");
  const crash = document.getElementById("crash");

  // On an origin that an application has, too, the browser deletes nothing at sign-out, because the
  // application would lose its data. The server sets a cookie with the time of the sign-out. The
  // snapshot of an older session is deleted before the app can show it, even without a network, and
  // if another page has called for the sign-out.
  try {
    const [, signedOutAt] = document.cookie.match(/(?:^|; )latchkey\.signed-out=(\d+)/) ?? [];
    for (const storage of signedOutAt ? [localStorage, sessionStorage] : []) {
      const { since } = JSON.parse(storage.getItem("latchkey.kept")) ?? {};
      if (Date.parse(since) <= Number(signedOutAt)) {
        storage.removeItem("latchkey.kept");
      }
    }
  } catch {
    // The user does not allow sites to store data. Or the snapshot is invalid, and the app deletes it.
  }

  // The time zone of the browser, for the times in pages that the server draws. Later, because the
  // first use of Intl takes longer than all the rest of this script.
  setTimeout(() => {
    try {
      const cookie = `latchkey.zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
      if (!document.cookie.split("; ").includes(cookie)) {
        const secure = location.protocol === "https:" ? "; Secure" : "";
        document.cookie = `${cookie}; Path=/; SameSite=Lax; Max-Age=31536000${secure}`;
      }
    } catch {
      // The browser allows no cookies here. The server draws times in UTC.
    }
  });

  document.getElementById("reload").addEventListener("click", () => location.reload());

  let endStart; // called when the app has taken over, cannot run, or has crashed
  const startEnded = new Promise((resolve) => { endStart = resolve; });

  // The page works as the server has drawn it. The note that the app cannot run is above its content.
  const withoutApp = () => {
    endStart();
    bar.hidden = true;
    document.documentElement.classList.add("no-app");
    document.getElementById("content").prepend(notes);
  };

  bar.hidden = false; // from now on this script updates it
  note.hidden = true;

  // A browser that blocks the site's data throws when a script looks for its storages, and a Go
  // program cannot catch that. The app then stores what it needs in this page only.
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      self[name].getItem("");
    } catch {
      const texts = new Map();
      const value = {
        get length() { return texts.size; },
        key: (i) => [...texts.keys()][i] ?? null,
        getItem: (key) => texts.get(key) ?? null,
        setItem: (key, text) => { texts.set(key, String(text)); },
        removeItem: (key) => { texts.delete(key); },
      };
      Object.defineProperty(self, name, { value });
    }
  }

  // Some browsers and modes have no WebAssembly, such as the Lockdown Mode of iOS. The page then
  // stays as the server has drawn it.
  if (typeof WebAssembly === "undefined") {
    document.getElementById("boot-unable").hidden = false;
    withoutApp();
    return;
  }

  // The scripts that start the app, in this order: /wasm_exec.js, which defines Go, and
  // /app.js.
  const scripts = [...document.querySelectorAll("head > link[as=script]")].map((link) => link.getAttribute("href"));
  const [go, app] = scripts;

  // The page's Content-Security-Policy requires Trusted Types. This policy allows no string
  // as markup or code. As script URLs it allows only these scripts and the service worker.
  self.trustedTypes?.createPolicy("default", {
    createScriptURL: (url) => (url === "/app-worker.js" || scripts.includes(url) ? url : null),
  });

  // The app contains the English texts only. It calls latchkeyCatalog for those of another
  // language. On a page in another language, it does not draw before it has them.
  const load = async (language, options) => {
    const link = document.querySelector(`link[rel~=catalog][hreflang="${language}"]`);
    const answer = link && await fetch(link.href, options);
    if (answer && !answer.ok) {
      throw new Error(`${link.href}: ${answer.status}`);
    }
    return answer?.text();
  };
  self.latchkeyCatalog = (language) => load(language, { signal: AbortSignal.timeout(20e3) });

  // The browser may offer to install the app before the app listens for the event.
  let installPrompt = null;
  const savePrompt = (event) => {
    event.preventDefault();
    installPrompt = event;
  };
  addEventListener("beforeinstallprompt", savePrompt);

  let install = () => {}; // registers the service worker, if the browser supports it

  const run = (address, then) => {
    const script = document.createElement("script");
    script.addEventListener("load", then);
    script.addEventListener("error", () => failed());
    script.src = address;
    document.head.append(script);
  };

  let texts; // a promise that tells whether the texts of the page's language have been loaded

  // Downloads and scripts would delay the first paint, and loading and compiling the app can keep a
  // small machine fully busy. A page in the background does not paint, so this starts after a second
  // at the latest.
  new Promise((resolve) => {
    setTimeout(resolve, 1e3);
    new PerformanceObserver((list) => list.getEntriesByName("first-contentful-paint").forEach(resolve)).
      observe({ type: "paint", buffered: true });
  }).then(() => {
    for (const link of document.querySelectorAll("head > link[rel~=later]")) {
      link.relList.replace("later", "preload");
    }
    texts = load(document.documentElement.lang).then(
      (text) => {
        self.latchkeyTexts = text;
        return true;
      },
      () => {
        failed();
        return false;
      },
    );
    run(go, () => {
      watch();
      run(app, () => {
        removeEventListener("beforeinstallprompt", savePrompt);
        if (installPrompt) {
          dispatchEvent(installPrompt);
        }
        install();
      });
    });
  });

  const failed = () => {
    withoutApp();
    note.hidden = false;
    note.classList.add("now");
  };

  // app.js writes the percentage into the label, or the reason if it fails.
  new MutationObserver(() => {
    const text = label.textContent.trim();
    if (/^\d+$/.test(text)) {
      bar.value = Math.min(Number(text), 100);
    } else if (text !== "") {
      failed();
    }
  }).observe(label, { childList: true, characterData: true, subtree: true });

  // The first empty field of a page for users who are signed out gets the focus, unless the page
  // gives it to another. On a phone, its keyboard would cover the page.
  if (document.activeElement === document.body && !document.querySelector("main [autofocus]") && !matchMedia("(pointer: coarse)").matches) {
    [...document.querySelectorAll(".narrow .input > input")].find((input) => input.value === "")?.focus({ preventScroll: true });
  }

  // Until the app runs, the browser submits forms itself. The app does not start while a
  // form waits for its response. No form is submitted twice, because a code works only once.
  // If the response does not come or the user cancels it, the wait ends after 20 seconds,
  // the time limit of the app's own calls.
  let answered = null;
  const send = (event) => {
    if (answered) {
      event.preventDefault();
      return;
    }
    answered = new Promise((resolve) => setTimeout(resolve, 20e3)).then(() => { answered = null; });
  };
  document.addEventListener("submit", send);
  addEventListener("pageshow", ({ persisted }) => persisted && answered && location.reload());

  // The app replaces the element that the server has drawn with its own, which looks the same.
  // This keeps what the user has typed, chosen and opened, the focus and the selection.
  document.body.replaceChild = (drawn, served) => {
    delete document.body.replaceChild;
    delete self.latchkeyPause;
    endStart();
    document.removeEventListener("submit", send);
    // An element of the app corresponds to one of the server with the same ID or, without an ID, in
    // the same place. Only the server draws what is for browsers without the app.
    const counterpart = (element) => {
      if (element.id) {
        return drawn.querySelector("#" + CSS.escape(element.id));
      }
      const path = [];
      for (let at = element; at !== served; at = at.parentElement) {
        path.unshift([...at.parentElement.children].filter((one) => !one.classList.contains("without-app")).indexOf(at));
      }
      const found = path.reduce((at, i) => at?.children[i], drawn);
      return found?.localName === element.localName ? found : null;
    };
    const focused = document.activeElement;
    const { selectionStart, selectionEnd } = focused;
    for (const typed of served.querySelectorAll("input[id], select[id]")) {
      const input = counterpart(typed);
      if (input) {
        input.value = typed.value;
        input.checked = typed.checked;
      }
    }
    for (const details of served.querySelectorAll("details")) {
      const same = counterpart(details);
      if (same) {
        same.open = details.open;
      }
    }
    const target = served.contains(focused) ? counterpart(focused) : null;
    const { button: clicked } = self.latchkeyClick; // see web/first.js
    self.latchkeyClick = null;
    const button = clicked && counterpart(clicked);
    document.body.replaceChild(drawn, served);
    target?.focus({ preventScroll: true });
    if (typeof selectionStart === "number") { // null in an email field: the caret is then at its end
      target?.setSelectionRange(selectionStart, selectionEnd);
    }
    setTimeout(() => { // when the app has begun to handle events
      button?.click();
    });
  };

  // The app does not take over while the user presses a button or composes a character: the
  // press or the character would be lost. A press outside the window may never end.
  let presses = Promise.resolve();
  let compositions = Promise.resolve();
  const until = (events, limit) => new Promise((resolve) => {
    for (const event of events) {
      addEventListener(event, () => setTimeout(resolve), { capture: true, once: true }); // after the click that follows
    }
    if (limit) {
      setTimeout(resolve, limit);
    }
  });
  addEventListener("pointerdown", () => { presses = until(["pointerup", "pointercancel"], 3e3); }, true);
  addEventListener("keydown", ({ key }) => { // the release of the space bar clicks a button
    if (key === " ") {
      presses = until(["keyup"], 3e3);
    }
  }, true);
  addEventListener("compositionstart", () => { compositions = until(["compositionend"]); }, true);

  // The app draws its first page in short slices, because a browser handles no event while a program
  // runs. Between two slices it waits for this promise, which gives the browser a chance to handle
  // events, and resolves when the app may take over. It waits for a message, because a timer that
  // another timer has set is delayed by 4 ms.
  self.latchkeyPause = async () => {
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
    // One of them may begin while another ends: with the release of its button, a form is submitted.
    const waits = () => [answered, compositions, presses];
    for (let awaited = []; waits().some((one, i) => one !== awaited[i]);) {
      awaited = waits();
      await Promise.all(awaited);
    }
  };

  // go-app already handles the clicks on links while the app draws, but cannot prevent what the browser
  // does. The browser would follow a link, and go-app would do so again.
  addEventListener("click", (event) => self.latchkeyPause && event.stopImmediatePropagation());

  // A Go program that has ended no longer responds to events.
  const watch = () => {
    const run = Go.prototype.run;
    Go.prototype.run = async function (instance) {
      const ended = () => {
        crash.hidden = false;
        endStart();
      };
      if (!await texts) {
        return null;
      }
      await self.latchkeyPause();
      return run.call(this, instance).then(ended, ended);
    };
  };

  const signedOut = ["signed out", "account deleted", "session ended"];
  try {
    new BroadcastChannel("latchkey").addEventListener("message", ({ data }) => {
      if (!signedOut.includes(data)) {
        return;
      }
      // Until the app runs, it hears of no sign-out in another tab. It would begin with the data
      // of the page, and keep them in the browser again; where it cannot run, they would stay on
      // the screen. The server draws the page without them.
      if (Object.hasOwn(document.body, "replaceChild") && location.pathname.startsWith("/dashboard/")) {
        answered = new Promise(() => {}); // the app must not take over while the browser waits for the page
        location.reload();
        return;
      }
      // Sign-out deletes everything that the browser stores for the site, including the worker.
      // The worker holds no account data, so it is installed again for the app to open offline.
      if (data !== "session ended") {
        install();
      }
    });
  } catch {
    // The browser does not allow sites to store data, or to talk between tabs.
  }

  const workers = navigator.serviceWorker;
  if (!workers) {
    self.latchkeyReload = () => location.reload();
    return;
  }

  // The worker downloads all files and pages, which would delay the app.
  const { register } = workers;
  workers.register = async (...given) => {
    await startEnded;
    return register.apply(workers, given);
  };

  // app.js also registers the same worker. It does not notice when the installation of the
  // first worker fails, for example because a sign-out deleted the cache. Without a retry,
  // the app would not open offline until the next page load.
  let tries = 12; // a minute
  install = async () => {
    let next = null;
    const retry = () => tries-- > 0 && setTimeout(install, 5e3);
    try {
      const registration = await workers.register("/app-worker.js");
      next = registration.active ? null : registration.installing;
      if (!workers.controller) {
        registration.active?.postMessage("claim"); // it became active while this page was loading, and does not control it
      }
    } catch {
      retry();
    }
    next?.addEventListener("statechange", () => next.state === "redundant" && retry());
  };

  // A newer worker waits, so that this page continues with the files of its own version.
  // The app asks the user, and then calls latchkeyReload.
  workers.ready.then((registration) => {
    // The server may have drawn this page in the newer version already.
    const announceUpdate = () => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => {
        if (!app.endsWith("=" + data)) {
          self.latchkeyUpdate = true;
          dispatchEvent(new Event("latchkey-update"));
        }
      };
      registration.waiting?.postMessage("version", [port2]);
    };
    const watchInstalling = () => registration.installing?.addEventListener("statechange", announceUpdate);
    announceUpdate();
    watchInstalling(); // one may be installing already
    registration.addEventListener("updatefound", watchInstalling);
  });

  self.latchkeyReload = async () => {
    const registration = await workers.getRegistration();
    try {
      await registration?.update();
    } catch {
      // Offline: use what is installed.
    }
    const next = registration?.installing ?? registration?.waiting;
    if (!next) {
      location.reload();
      return;
    }
    workers.addEventListener("controllerchange", () => location.reload(), { once: true });
    const activate = () => {
      if (next.state === "installed") {
        next.postMessage("activate");
      } else if (next.state === "redundant") {
        location.reload(); // it could not be installed
      }
    };
    next.addEventListener("statechange", activate);
    activate();
  };

  // The browser checks for a newer worker when a page is opened. Users seldom reopen an
  // installed app, so the app also checks when the user returns to it, at most once an hour.
  let checkedAt = Date.now();
  document.addEventListener("visibilitychange", async () => {
    if (document.visibilityState !== "visible" || Date.now() - checkedAt < 3600e3) {
      return;
    }
    checkedAt = Date.now();
    try {
      const registration = await workers.getRegistration();
      await registration?.update();
    } catch {
      // Offline: the next check may succeed.
    }
  });
})();

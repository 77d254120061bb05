// What has to happen outside the Go program: starting it, showing how far its
// download is, handing over what was typed meanwhile, saying so when it cannot
// start or has died, and looking for a newer version.
"use strict";

(() => {
  const label = document.getElementById("app-wasm-loader-label");
  const bar = document.getElementById("boot");
  const note = document.getElementById("boot-failed");
  const crash = document.getElementById("crash");

  document.getElementById("reload").addEventListener("click", () => location.reload());

  bar.hidden = false; // from now on somebody moves it
  note.hidden = true;

  // The scripts that start the app, one after the other: /wasm_exec.js, which
  // defines Go, and /app.js.
  const scripts = [...document.querySelectorAll("link[as=script]")].map((link) => link.getAttribute("href"));
  const [go, app] = scripts;

  // The page's Trusted Types policy lets no string become markup or code. The few
  // that may become a script's address are those, and that of the service worker.
  self.trustedTypes?.createPolicy("default", {
    createScriptURL: (url) => (url === "/app-worker.js" || scripts.includes(url) ? url : null),
  });

  // The browser may offer to install the app before the app listens.
  let offer = null;
  const keep = (event) => {
    event.preventDefault();
    offer = event;
  };
  addEventListener("beforeinstallprompt", keep);

  let install = () => {}; // the service worker, where there can be one

  // Loading and compiling the app takes all that a small machine has. So the page
  // is painted first; one that nobody sees is not waited for.
  new Promise((resolve) => {
    new PerformanceObserver((list) => list.getEntriesByName("first-contentful-paint").forEach(resolve)).
      observe({ type: "paint", buffered: true });
    setTimeout(resolve, 1e3);
  }).then(() => run(go, () => {
    watch();
    run(app, () => {
      removeEventListener("beforeinstallprompt", keep);
      if (offer) {
        dispatchEvent(offer);
      }
      install();
    });
  }));

  const run = (address, then) => {
    const script = document.createElement("script");
    script.addEventListener("load", then);
    script.addEventListener("error", failed);
    script.src = address;
    document.head.append(script);
  };

  const failed = () => {
    bar.hidden = true;
    for (const line of document.querySelectorAll("form .skeleton-line")) {
      line.hidden = true; // nothing will come there
    }
    note.hidden = false;
    note.classList.add("now");
  };

  // app.js writes the percentage into the label, and, if it fails, why.
  new MutationObserver(() => {
    const text = label.textContent.trim();
    if (/^\d+$/.test(text)) {
      bar.value = Math.min(Number(text), 100);
    } else if (text !== "") {
      failed();
    }
  }).observe(label, { childList: true, characterData: true, subtree: true });

  // Until the app is there the browser sends forms by itself. The app does not
  // come between a form and its answer, and nothing is sent twice: a code is good
  // once. Whoever gives the answer up, or gets none, can go on after as long as
  // the app would wait.
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

  // The app draws the page anew, in the place of the shell. What was typed there
  // is kept, and so is where.
  document.body.replaceChild = (drawn, shell) => {
    delete document.body.replaceChild;
    document.removeEventListener("submit", send);
    const twin = ({ id, localName, attributes }) =>
      id ? drawn.querySelector("#" + CSS.escape(id)) :
      localName === "a" ? drawn.querySelector(`a[href="${CSS.escape(attributes.href.value)}"]`) : null;
    const had = document.activeElement;
    const { selectionStart, selectionEnd } = had;
    for (const typed of shell.querySelectorAll("input[id]")) {
      const input = twin(typed);
      if (input) {
        input.value = typed.value;
        input.checked = typed.checked;
      }
    }
    const has = shell.contains(had) ? twin(had) : null;
    document.body.replaceChild(drawn, shell);
    has?.focus({ preventScroll: true });
    if (typeof selectionStart === "number") { // null where an address is typed: the caret is at its end then
      has?.setSelectionRange(selectionStart, selectionEnd);
    }
  };

  // A Go program that has ended answers no click any more.
  const watch = () => {
    const run = Go.prototype.run;
    Go.prototype.run = async function (instance) {
      const ended = () => { crash.hidden = false; };
      await answered;
      return run.call(this, instance).then(ended, ended);
    };
  };

  const workers = navigator.serviceWorker;
  if (!workers) {
    self.latchkeyReload = () => location.reload();
    return;
  }

  // app.js registers the worker, too, which comes to the same one. It does not see
  // a first worker fail, perhaps because a sign-out wiped what it had just kept:
  // without another try the app would not open offline until the next page.
  let tries = 12; // a minute
  install = async () => {
    let next = null;
    const again = () => tries-- > 0 && setTimeout(install, 5e3);
    try {
      const registration = await workers.register("/app-worker.js");
      next = registration.active ? null : registration.installing;
      if (!workers.controller) {
        registration.active?.postMessage("claim"); // it got ready while this page was on its way, and has missed it
      }
    } catch {
      again();
    }
    next?.addEventListener("statechange", () => next.state === "redundant" && again());
  };

  // Signing out wipes the worker with all else that the browser kept. Nothing of
  // the account is in it, so that the app opens without a network as before.
  new BroadcastChannel("latchkey").addEventListener("message", ({ data }) => {
    if (data === "signed out" || data === "account deleted") {
      install();
    }
  });

  // A newer worker waits, so that this page goes on with the files that it began
  // with. The app asks the person, and then calls latchkeyReload.
  workers.ready.then((registration) => {
    const look = () => {
      if (registration.waiting) {
        self.latchkeyUpdate = true;
        dispatchEvent(new Event("latchkey-update"));
      }
    };
    const follow = () => registration.installing?.addEventListener("statechange", look);
    look();
    follow(); // one may be on its way already
    registration.addEventListener("updatefound", follow);
  });

  self.latchkeyReload = async () => {
    const registration = await workers.getRegistration();
    try {
      await registration?.update();
    } catch {} // without a network there is what there is
    const next = registration?.installing ?? registration?.waiting;
    if (!next) {
      location.reload();
      return;
    }
    workers.addEventListener("controllerchange", () => location.reload(), { once: true });
    const go = () => {
      if (next.state === "installed") {
        next.postMessage("activate");
      } else if (next.state === "redundant") {
        location.reload(); // it could not be installed
      }
    };
    next.addEventListener("statechange", go);
    go();
  };

  // The browser looks for a newer worker when a page is opened. An installed
  // app is seldom opened anew, so it looks again when it is come back to, at
  // most once an hour. Being offline is no error here.
  let looked = Date.now();
  document.addEventListener("visibilitychange", async () => {
    if (document.visibilityState !== "visible" || Date.now() - looked < 3600e3) {
      return;
    }
    looked = Date.now();
    try {
      const registration = await workers.getRegistration();
      await registration?.update();
    } catch {}
  });
})();

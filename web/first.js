// What must happen before the page is painted, and may wait for no file. The page has this script
// in it, and the Content-Security-Policy allows it by its hash. Each page has it without
// comments: package web removes the lines that begin with //.
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
})();

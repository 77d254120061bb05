// The page's Trusted Types policy lets no string become markup or code. The one
// string that may become a script's address is that of the service worker.
"use strict";

if (self.trustedTypes) {
  trustedTypes.createPolicy("default", {
    createScriptURL: (url) => (url === "/app-worker.js" ? url : null),
  });
}

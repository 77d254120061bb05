import { passkeyClient } from "@better-auth/passkey/client";
import { twoFactorClient } from "better-auth/client/plugins";
import { createAuthClient } from "better-auth/react";
import { latchkeyClient } from "latchkey-client";

export const authClient = createAuthClient({
  plugins: [twoFactorClient(), passkeyClient(), latchkeyClient({ onStepUp })],
});

// onStepUp asks for a password or a code until the user has confirmed their identity or cancels.
async function onStepUp({ need, confirm }) {
  const field = need === "second-factor" ? "code" : "password";
  let message = field === "code" ? "Enter a code from your app" : "Enter your password";
  let entered;
  while ((entered = window.prompt(message))) {
    const { error } = await confirm({ [field]: entered });
    if (!error) return;
    message = error.message;
  }
}

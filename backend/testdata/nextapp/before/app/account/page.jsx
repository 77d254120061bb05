"use client";

import { useState } from "react";
import { authClient } from "../../lib/auth-client";

export default function Account() {
  const { data: session } = authClient.useSession();
  const { data: passkeys } = authClient.useListPasskeys();
  const [enrolling, setEnrolling] = useState(null);
  const [status, setStatus] = useState("");
  const show = ({ error }, done) => setStatus(error ? error.message : done);
  async function enable(event) {
    event.preventDefault();
    const { data, error } = await authClient.twoFactor.enable({ password: new FormData(event.target).get("password") });
    if (error) return setStatus(error.message);
    setEnrolling(data);
  }
  async function verify(event) {
    event.preventDefault();
    show(await authClient.twoFactor.verifyTotp({ code: new FormData(event.target).get("code") }), "Two-factor authentication is on.");
  }
  return (
    <main>
      <h1>{session?.user.email}</h1>
      <p role="status">{status}</p>
      <form onSubmit={enable}>
        <input name="password" type="password" autoComplete="current-password" aria-label="Password" />
        <button>Turn on two-factor authentication</button>
      </form>
      {enrolling && (
        <form onSubmit={verify}>
          <p>{enrolling.totpURI}</p>
          <p>{enrolling.backupCodes.join(" ")}</p>
          <input name="code" inputMode="numeric" autoComplete="one-time-code" aria-label="Code" />
          <button>Verify</button>
        </form>
      )}
      <ul>
        {passkeys?.map(({ id, name }) => (
          <li key={id}>
            {name} <button onClick={async () => show(await authClient.passkey.deletePasskey({ id }), "Removed.")}>Remove</button>
          </li>
        ))}
      </ul>
      <button onClick={async () => show(await authClient.passkey.addPasskey({ name: "My device" }), "Passkey added.")}>Add a passkey</button>
      <button onClick={async () => { await authClient.signOut(); location.assign("/"); }}>Sign out</button>
    </main>
  );
}

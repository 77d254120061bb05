"use client";

import Link from "next/link";
import { useState } from "react";
import { authClient } from "../../lib/auth-client";

// The page to open after sign-in.
const next = () => new URLSearchParams(location.search).get("callbackURL") ?? "/dashboard";

export default function SignIn() {
  const [problem, setProblem] = useState("");
  function finish({ data, error }) {
    if (error) return setProblem(error.message);
    if (!data.twoFactorRedirect) location.assign(next());
  }
  async function submit(event) {
    event.preventDefault();
    finish(await authClient.signIn.email(Object.fromEntries(new FormData(event.target))));
  }
  return (
    <form onSubmit={submit}>
      <h1>Sign in</h1>
      <input name="email" type="email" autoComplete="username webauthn" aria-label="Email" />
      <input name="password" type="password" autoComplete="current-password" aria-label="Password" />
      <button>Sign in</button>
      <button type="button" onClick={async () => finish(await authClient.signIn.passkey())}>Use a passkey</button>
      <p role="alert">{problem}</p>
      <Link href="/sign-up">Create an account</Link>
    </form>
  );
}

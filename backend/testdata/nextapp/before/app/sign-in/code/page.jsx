"use client";

import { useState } from "react";
import { authClient } from "../../../lib/auth-client";

export default function Code() {
  const [problem, setProblem] = useState("");
  async function submit(event) {
    event.preventDefault();
    const { error } = await authClient.twoFactor.verifyTotp({ code: new FormData(event.target).get("code"), trustDevice: true });
    if (error) return setProblem(error.message);
    location.assign("/dashboard");
  }
  return (
    <form onSubmit={submit}>
      <h1>Enter the code of your app</h1>
      <input name="code" inputMode="numeric" autoComplete="one-time-code" aria-label="Code" />
      <button>Continue</button>
      <p role="alert">{problem}</p>
    </form>
  );
}

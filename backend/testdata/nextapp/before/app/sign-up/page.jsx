"use client";

import { useState } from "react";
import { authClient } from "../../lib/auth-client";

export default function SignUp() {
  const [problem, setProblem] = useState("");
  async function submit(event) {
    event.preventDefault();
    const { error } = await authClient.signUp.email(Object.fromEntries(new FormData(event.target)));
    if (error) return setProblem(error.message);
    location.assign("/dashboard");
  }
  return (
    <form onSubmit={submit}>
      <h1>Create an account</h1>
      <input name="name" autoComplete="name" aria-label="Name" />
      <input name="email" type="email" autoComplete="username" aria-label="Email" />
      <input name="password" type="password" autoComplete="new-password" aria-label="Password" />
      <button>Create account</button>
      <p role="alert">{problem}</p>
    </form>
  );
}

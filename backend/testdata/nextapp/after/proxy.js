import { NextResponse } from "next/server";

// The pages for users who are signed in.
export const config = { matcher: ["/dashboard", "/account"] };

// ask returns the answer of Latchkey to a Cookie header: null, or a session with its user. query is
// "?disableRefresh=true" where the cookies of the answer cannot be forwarded.
export async function ask(cookie, query = "") {
  const { ACCOUNTS_ORIGIN: origin, ACCOUNTS_KEY: key } = process.env;
  const answer = await fetch(`${origin}/api/auth/get-session${query}`, {
    headers: { authorization: `Bearer ${key}`, cookie: cookie ?? "" },
    cache: "no-store",
    redirect: "error",
    signal: AbortSignal.timeout(5000),
  });
  if (answer.status !== 200) throw new Error(`get-session: ${answer.status}`);
  const current = await answer.json();
  const due = new Date(current?.enrolBy ?? Infinity) <= new Date();
  return { current: due ? null : current, cookies: answer.headers.getSetCookie() };
}

export async function proxy(request) {
  let response;
  try {
    const { current, cookies } = await ask(request.headers.get("cookie"));
    if (current) {
      response = NextResponse.next();
    } else if (request.headers.get("sec-fetch-mode") === "navigate") {
      const page = encodeURIComponent(request.nextUrl.pathname + request.nextUrl.search);
      response = NextResponse.redirect(`${process.env.ACCOUNTS_ORIGIN}/sign-in?callbackURL=${page}`, 303);
    } else {
      response = new NextResponse("Please sign in.", { status: 401 });
    }
    for (const cookie of cookies) response.headers.append("Set-Cookie", cookie);
  } catch (error) {
    console.error(error);
    response = new NextResponse("Please try again shortly.", { status: 503 });
  }
  response.headers.set("Cache-Control", "private, no-store");
  return response;
}

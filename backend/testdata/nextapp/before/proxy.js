import { getSessionCookie } from "better-auth/cookies";
import { NextResponse } from "next/server";

export const config = { matcher: ["/dashboard", "/account"] };

export function proxy(request) {
  if (getSessionCookie(request)) return NextResponse.next();
  const to = new URL("/sign-in", request.url);
  to.searchParams.set("callbackURL", request.nextUrl.pathname);
  return NextResponse.redirect(to);
}

// What a browser adds to Better Auth's client: it keeps the cookies and says
// which origin a request comes from. Node's fetch does neither.
import { createAuthClient } from "better-auth/client";

export function browser(baseURL, userAgent) {
  const cookies = new Map();

  async function customFetchImpl(url, init) {
    const headers = new Headers(init?.headers);
    headers.set("origin", baseURL);
    headers.set("user-agent", userAgent);
    if (cookies.size > 0) {
      headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    const response = await fetch(url, { ...init, headers });
    for (const line of setCookies(response.headers)) {
      const [pair, ...attributes] = line.split(";").map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      if (attributes.some((a) => a.toLowerCase() === "max-age=0")) {
        cookies.delete(name);
      } else {
        cookies.set(name, value);
      }
    }
    return response;
  }

  return { cookies, auth: createAuthClient({ baseURL, fetchOptions: { customFetchImpl } }) };
}

// setCookies is what headers.getSetCookie() returns where there is such a
// thing. Debian 12's Node joins the lines, with a comma before each name.
function setCookies(headers) {
  return headers.getSetCookie?.() ?? headers.get("set-cookie")?.split(/, (?=[^;,]+=)/) ?? [];
}

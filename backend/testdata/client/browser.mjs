// What a browser adds to Better Auth's client: it keeps the cookies and says
// which origin a request comes from. Node's fetch does neither.
import assert from "node:assert/strict";
import { createAuthClient } from "better-auth/client";

const nodeFetch = fetch;

export function browser(baseURL, userAgent, plugins = []) {
  const page = pageOf(baseURL, userAgent);
  return { ...page, auth: createAuthClient({ baseURL, plugins, fetchOptions: { customFetchImpl: page.fetch } }) };
}

// pageOf returns the fetch of a page, and its cookies.
export function pageOf(baseURL, userAgent) {
  const cookies = new Map();

  async function fetch(url, init) {
    const headers = new Headers(init?.headers);
    headers.set("origin", baseURL);
    headers.set("user-agent", userAgent);
    if (cookies.size > 0) {
      headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    const response = await nodeFetch(url, { ...init, headers });
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

  return { cookies, fetch };
}

// setCookies is what headers.getSetCookie() returns where there is such a
// thing. Debian 12's Node joins the lines, with a comma before each name.
function setCookies(headers) {
  return headers.getSetCookie?.() ?? headers.get("set-cookie")?.split(/, (?=[^;,]+=)/) ?? [];
}

// ok returns the data of an answer that must be a success.
export async function ok(answer) {
  const { data, error } = await answer;
  assert.equal(error, null, `refused: ${JSON.stringify(error)}`);
  return data;
}

// refused checks the error of an answer that must be one.
export async function refused(answer, status, code) {
  const { data, error } = await answer;
  assert.equal(data, null, `not refused: ${JSON.stringify(data)}`);
  assert.deepEqual({ status: error.status, code: error.code }, { status, code });
  assert.equal(typeof error.message, "string");
}

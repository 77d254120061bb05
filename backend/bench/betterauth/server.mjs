// A server with Better Auth, for the benchmark to measure beside Latchkey, and for tests to
// import from. Its features, the size of its connection pool and the durability of its
// database are those of Latchkey.
// Usage: node server.mjs migrate | serve, with DATABASE_URL, BASE_URL and BETTER_AUTH_SECRET
// in the environment. Optional are ADMIN=on, which adds the admin plugin, and LIBSQL=on, which
// opens SQLite with a package that needs no compiler.
import { createServer } from "node:http";
import { passkey } from "@better-auth/passkey";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { admin, twoFactor } from "better-auth/plugins";

const { BASE_URL: baseURL, DATABASE_URL: databaseURL, BETTER_AUTH_SECRET: secret } = process.env;
const { ADMIN, LIBSQL } = process.env;

async function open(url) {
  if (url.startsWith("postgres:")) {
    const { default: pg } = await import("pg");
    return new pg.Pool({ connectionString: url, max: 16 });
  }
  const { default: Database } = await import(LIBSQL === "on" ? "libsql" : "better-sqlite3");
  const database = new Database(url.slice("sqlite:".length));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  if (LIBSQL !== "on") {
    return database;
  }
  const { SqliteDialect } = await import("kysely"); // as Better Auth does for better-sqlite3
  return { dialect: new SqliteDialect({ database }), type: "sqlite", transaction: true };
}

const noEmail = async () => {};

const options = {
  baseURL,
  secret,
  database: await open(databaseURL),
  emailAndPassword: { enabled: true, sendResetPassword: noEmail },
  plugins: [twoFactor({ otpOptions: { sendOTP: noEmail } }), passkey(), ...(ADMIN === "on" ? [admin()] : [])],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
};

if (process.argv[2] === "migrate") {
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  process.exit();
}

const server = createServer(toNodeHandler(betterAuth(options)));
server.keepAliveTimeout = 60_000; // as Latchkey's, so that it closes no connection during a measurement
const { hostname, port } = new URL(baseURL);
server.listen(Number(port), hostname === "localhost" ? "127.0.0.1" : hostname);
process.on("SIGTERM", () => process.exit());

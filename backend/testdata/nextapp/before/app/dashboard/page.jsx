import { headers } from "next/headers";
import Link from "next/link";
import { redirect } from "next/navigation";
import { auth } from "../../lib/auth";

export default async function Dashboard() {
  const session = await auth.api.getSession({ headers: await headers() });
  if (!session) redirect("/sign-in");
  return (
    <main>
      <h1>Tasks of {session.user.name}</h1>
      <p>{session.user.email}</p>
      <Link href="/account">Account</Link>
    </main>
  );
}

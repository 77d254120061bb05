import { headers } from "next/headers";
import Link from "next/link";
import { redirect } from "next/navigation";
import { ask } from "../../proxy";

export default async function Dashboard() {
  const { current } = await ask((await headers()).get("cookie"), "?disableRefresh=true");
  if (!current) redirect("/sign-in?callbackURL=/dashboard");
  return (
    <main>
      <h1>Tasks of {current.user.name}</h1>
      <p>{current.user.email}</p>
      <Link href="/account">Account</Link>
    </main>
  );
}

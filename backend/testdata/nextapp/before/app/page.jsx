import Link from "next/link";

export default function Home() {
  return <h1>Tasks <Link href="/dashboard">Open</Link></h1>;
}

// An application that has the pages of better-auth-ui, set up as its documentation says.
import { AccountView, AuthUIProvider, AuthView } from "@daveyplate/better-auth-ui"
import { passkeyClient } from "@better-auth/passkey/client"
import { twoFactorClient } from "better-auth/client/plugins"
import { createAuthClient } from "better-auth/react"
import { useState, useSyncExternalStore } from "react"
import { createRoot } from "react-dom/client"

const authClient = createAuthClient({
  plugins: [passkeyClient(), twoFactorClient({ onTwoFactorRedirect: () => navigate("/auth/two-factor") })],
})

const navigate = (to) => {
  history.pushState(null, "", to)
  dispatchEvent(new Event("popstate"))
}

const subscribe = (changed) => {
  addEventListener("popstate", changed)
  return () => removeEventListener("popstate", changed)
}

function App() {
  const address = useSyncExternalStore(subscribe, () => location.href)
  const [toast, setToast] = useState("")
  const { pathname } = new URL(address)
  return (
    <AuthUIProvider
      authClient={authClient}
      avatar
      deleteUser
      freshAge={15 * 60}
      navigate={navigate}
      replace={navigate}
      passkey
      redirectTo="/account/security"
      toast={({ message }) => setToast(message)}
      twoFactor={["totp"]}
    >
      {pathname.startsWith("/account/") ? <AccountView pathname={pathname} /> : <AuthView key={pathname} pathname={pathname} />}
      <p role="status">{toast}</p>
    </AuthUIProvider>
  )
}

createRoot(document.getElementById("root")).render(<App />)

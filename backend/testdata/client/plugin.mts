// What the types of the plugin accept and refuse.
import { createAuthClient } from "better-auth/client"
import { twoFactorClient } from "better-auth/client/plugins"
import { latchkeyClient, type Proof, type TrustedDevice } from "latchkey-client"

const authClient = createAuthClient({
  baseURL: "https://accounts.example.com",
  plugins: [
    twoFactorClient(),
    latchkeyClient({
      async onStepUp({ need, confirm, passkeyOptions }) {
        const proof: Proof = need === "second-factor" ? { code: "123456" } : { password: "secret" }
        const { error } = await confirm(proof)
        const code: string | undefined = error?.code
        const wait: number | undefined = error?.retryAfter
        void [code, wait, (await passkeyOptions()).data]
        // @ts-expect-error: no such proof
        await confirm({ pin: "1234" })
        // @ts-expect-error: no such need
        void (need === "password")
      },
    }),
  ],
})

const { data } = await authClient.latchkey.listTrustedDevices()
if (data) {
  const devices: TrustedDevice[] = data
  const since: Date | undefined = devices[0]?.lastUsedAt
  void since
}
// @ts-expect-error: data can be null
void data.length
void (await authClient.latchkey.twoFactorStatus()).data?.backupCodesLeft.toFixed()
void (await authClient.latchkey.listEvents({ group: "warnings" })).data?.events[0]?.at.getTime()
void (await authClient.latchkey.checkLink({ token: "x", purpose: "reset" })).data?.email
// @ts-expect-error: no such group
await authClient.latchkey.listEvents({ group: "other" })
// @ts-expect-error: the purpose is missing
await authClient.latchkey.checkLink({ token: "x" })
// @ts-expect-error: no such call
await authClient.latchkey.listPasswords()
// The other plugins keep their types.
await authClient.twoFactor.enable({ password: "secret" })
// @ts-expect-error: a password is a text
await authClient.twoFactor.enable({ password: 5 })

latchkeyClient()
// @ts-expect-error: onStepUp is a function
latchkeyClient({ onStepUp: true })

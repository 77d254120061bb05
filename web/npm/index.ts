// A plugin of Better Auth's client for a Latchkey server.
import type { BetterAuthClientPlugin } from "better-auth/client"

/** What the user has entered to confirm their identity. */
export type Proof =
  | { password: string }
  | { code: string } // from the authenticator app
  | { backupCode: string }
  | { passkey: unknown } // the browser's answer to the options of StepUp.passkeyOptions, as JSON

/** Why a call failed. */
export interface Failure {
  status: number
  code?: string
  message?: string
  /** The seconds to wait before a retry, if waiting helps. */
  retryAfter?: number
}

/** The result of a call. */
export type Result<T> = { data: T; error: null } | { data: null; error: Failure }

/** A step-up that the server asks for. */
export interface StepUp {
  /** "second-factor" if a password is not enough. */
  need: "second-factor" | undefined
  /**
   * Sends what the user has entered. If the server refuses it, the user may try again: call confirm as
   * often as they do.
   */
  confirm(proof: Proof): Promise<Result<{ status: boolean }>>
  /** Returns the options with which the browser asks for a passkey, as JSON. */
  passkeyOptions(): Promise<Result<object>>
}

export interface Options {
  /**
   * Asks the user to confirm their identity, for example in a dialog, and calls step.confirm with what
   * they enter. When it returns, the refused call is sent again if a confirm has succeeded. Otherwise, as
   * when the user cancels, the call fails with SESSION_NOT_FRESH. Several calls that are sent at the
   * same time ask once. Do not make a call in it that needs a step-up itself: it would wait for its own end.
   */
  onStepUp?(step: StepUp): Promise<void>
}

export interface Device {
  browser: string
  os: string
  kind: "desktop" | "mobile" | "tablet" | "bot" | "unknown"
}

export interface TwoFactorStatus {
  enabled: boolean
  since: Date | null
  backupCodesLeft: number
  /** A new authenticator waits for its first code in this session. */
  pending: boolean
}

export interface TrustedDevice {
  id: string
  device: Device
  ipAddress: string
  userAgent: string
  createdAt: Date
  lastUsedAt: Date
  expiresAt: Date
  isCurrent: boolean
}

export interface SecurityEvent {
  id: string
  at: Date
  kind: string
  /** The event in the user's language. */
  text: string
  ipAddress: string
  device: Device
  subject?: string
  detail?: string
  sessionId?: string
  actor: { id: string; email?: string } | null
  account: { id: string; email?: string } | null
}

export interface EventQuery {
  kind?: string
  group?: "sign-ins" | "password-email" | "factors" | "sessions" | "accounts" | "server" | "warnings"
  /** The ID of a session. */
  session?: string
  /** The next of the page before. */
  before?: string
}

type GetActions = NonNullable<BetterAuthClientPlugin["getActions"]>
type Fetch = Parameters<GetActions>[0]
type Store = Parameters<GetActions>[1]
type FetchPlugins = NonNullable<BetterAuthClientPlugin["fetchPlugins"]>
type Send = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/**
 * Makes a Better Auth client one of a Latchkey server. Each client needs a plugin of its own.
 */
export function latchkeyClient(options: Options = {}) {
  let client: Fetch
  const stepUps = new Map<string, Promise<boolean>>() // those under way, by need
  const confirmed = new Map<string, number>() // the last confirmation of each need, counted like the calls
  let count = 0 // of calls and confirmations

  async function call<T>(path: string, init: Parameters<Fetch>[1]): Promise<Result<T>> {
    return (await client<T>(path, { ...init, throw: false })) as Result<T>
  }

  const confirm = (proof: Proof) => call<{ status: boolean }>("/step-up", { method: "POST", body: proof })
  const passkeyOptions = () => call<object>("/passkey/generate-authenticate-options", { method: "GET" })

  // Returns whether the user has confirmed their identity.
  async function ask(need: StepUp["need"]): Promise<boolean> {
    let success = false
    await options.onStepUp?.({
      need,
      passkeyOptions,
      async confirm(proof) {
        const result = await confirm(proof)
        if (!result.error) {
          success = true
          confirmed.set(need ?? "", ++count)
        }
        return result
      },
    })
    return success
  }

  // Asks once for all calls that wait for the same.
  function stepUp(need: StepUp["need"]): Promise<boolean> {
    const key = need ?? ""
    let asked = stepUps.get(key)
    if (!asked) {
      asked = ask(need).finally(() => stepUps.delete(key))
      stepUps.set(key, asked)
    }
    return asked
  }

  // Sends a call, and once more after a step-up. A call that is refused again has failed.
  const withStepUp = (send: Send): Send => async (input, init) => {
    const sent = ++count
    const response = await send(input, init)
    if (response.status !== 403) {
      return response
    }
    const refusal = (await response.clone().json().catch(() => null)) as { code?: string; need?: StepUp["need"] } | null
    if (refusal?.code !== "SESSION_NOT_FRESH") {
      return response
    }
    // The refusal may arrive after a step-up that began with another call.
    const isLate = (confirmed.get(refusal.need ?? "") ?? 0) > sent
    return isLate || (await stepUp(refusal.need)) ? send(input, init) : response
  }

  return {
    id: "latchkey",
    getActions($fetch: Fetch, $store: Store) {
      client = $fetch
      return {
        latchkey: {
          /** Confirms the user's identity, before a call asks for it. */
          async stepUp(proof: Proof) {
            const result = await confirm(proof)
            if (!result.error) {
              $store.notify("$sessionSignal") // the session says when
            }
            return result
          },
          passkeyOptions,
          twoFactorStatus: () => call<TwoFactorStatus>("/two-factor/status", { method: "GET" }),
          /** Trusts this browser, soon after a second factor. */
          trustDevice: () => call<{ status: boolean }>("/two-factor/trust-device", { method: "POST", body: {} }),
          listTrustedDevices: () => call<TrustedDevice[]>("/list-trusted-devices", { method: "GET" }),
          revokeTrustedDevice: (device: { id: string }) =>
            call<{ status: boolean }>("/revoke-trusted-device", { method: "POST", body: device }),
          revokeTrustedDevices: () => call<{ status: boolean }>("/revoke-trusted-devices", { method: "POST", body: {} }),
          /** Returns a page of the user's security log, the newest entries first. */
          listEvents: (query: EventQuery = {}) =>
            call<{ events: SecurityEvent[]; next?: string }>("/list-events", { method: "GET", query }),
          /** Reports whether a link in an email still works. It does not use the link. */
          checkLink: (link: { token: string; purpose: "reset" | "disown" }) =>
            call<{ status: boolean; email?: string }>("/check-link", { method: "POST", body: link }),
        },
      }
    },
    fetchPlugins: [
      {
        id: "latchkey-step-up",
        name: "Latchkey step-up",
        async init(url, init) {
          return { url, options: { ...init, customFetchImpl: withStepUp(init?.customFetchImpl ?? fetch) } }
        },
      },
    ] as FetchPlugins,
  } satisfies BetterAuthClientPlugin
}

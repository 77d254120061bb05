// A passkey provider and the part of a browser that talks to it: WebAuthn
// Level 3 without the user, in as much as Better Auth's client asks for it.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const present = 0x01, verified = 0x04, eligible = 0x08, backedUp = 0x10, attested = 0x40;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const arrayBuffer = (bytes) => Uint8Array.from(bytes).buffer;
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

// cbor encodes what there is of CBOR (RFC 8949) in attestations and keys.
function cbor(value) {
  const head = (major, n) => {
    if (n < 24) return Buffer.of(major << 5 | n);
    if (n < 256) return Buffer.of(major << 5 | 24, n);
    return Buffer.of(major << 5 | 25, n >> 8, n & 0xff);
  };
  if (typeof value === "number") {
    return value < 0 ? head(1, -1 - value) : head(0, value);
  } else if (typeof value === "string") {
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  } else if (value instanceof Map) {
    return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)]);
  }
  return Buffer.concat([head(2, value.length), value]);
}

// Authenticator keeps synced passkeys, and counts no uses: as iCloud Keychain
// and Google Password Manager do.
export class Authenticator {
  #aaguid;
  #passkeys = []; // the last one made is the one that its user picks

  constructor(aaguid) {
    this.#aaguid = Buffer.from(aaguid.replaceAll("-", ""), "hex");
  }

  // create is navigator.credentials.create of a page.
  create(origin, { publicKey: options }) {
    const rp = this.#rp(origin, options.rp.id);
    assert.ok(options.pubKeyCredParams.some(({ type, alg }) => type === "public-key" && alg === -7), "no ES256");
    for (const { id } of options.excludeCredentials) {
      if (this.#passkeys.some((p) => p.id.equals(Buffer.from(id)))) {
        throw new DOMException("The user has a passkey here.", "InvalidStateError");
      }
    }
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const id = randomBytes(16);
    this.#passkeys.push({ id, privateKey, rp, userHandle: Buffer.from(options.user.id) });

    const { x, y } = publicKey.export({ format: "jwk" });
    const key = cbor(new Map([
      [1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, "base64url")], [-3, Buffer.from(y, "base64url")],
    ]));
    const size = Buffer.alloc(2);
    size.writeUInt16BE(id.length);
    const data = Buffer.concat([this.#data(rp, attested), this.#aaguid, size, id, key]);
    return this.#credential(id, {
      clientDataJSON: arrayBuffer(this.#clientData("webauthn.create", origin, options)),
      attestationObject: arrayBuffer(cbor(new Map([["fmt", "none"], ["attStmt", new Map()], ["authData", data]]))),
      getTransports: () => ["hybrid", "internal"],
      getPublicKeyAlgorithm: () => -7,
      getPublicKey: () => arrayBuffer(publicKey.export({ format: "der", type: "spki" })),
      getAuthenticatorData: () => arrayBuffer(data),
    });
  }

  // get is navigator.credentials.get of a page.
  get(origin, { publicKey: options }) {
    const rp = this.#rp(origin, options.rpId);
    const allowed = options.allowCredentials?.map(({ id }) => base64url(id));
    const passkey = this.#passkeys.findLast((p) => p.rp === rp && (!allowed?.length || allowed.includes(base64url(p.id))));
    if (!passkey) {
      throw new DOMException("There is no passkey to use.", "NotAllowedError");
    }
    const clientData = this.#clientData("webauthn.get", origin, options);
    const data = this.#data(rp, 0);
    return this.#credential(passkey.id, {
      clientDataJSON: arrayBuffer(clientData),
      authenticatorData: arrayBuffer(data),
      signature: arrayBuffer(sign("sha256", Buffer.concat([data, sha256(clientData)]), passkey.privateKey)),
      userHandle: arrayBuffer(passkey.userHandle),
    });
  }

  #rp(origin, id) {
    assert.equal(id, new URL(origin).hostname);
    return id;
  }

  #data(rp, flags) {
    flags |= present | verified | eligible | backedUp;
    return Buffer.concat([sha256(rp), Buffer.of(flags), Buffer.alloc(4)]);
  }

  #clientData(type, origin, { challenge }) {
    return Buffer.from(JSON.stringify({ type, challenge: base64url(challenge), origin, crossOrigin: false }));
  }

  #credential(id, response) {
    return {
      id: base64url(id), rawId: arrayBuffer(id), type: "public-key", authenticatorAttachment: "platform", response,
      getClientExtensionResults: () => ({}),
    };
  }
}

// attach gives the page of an origin an authenticator.
export function attach(authenticator, origin) {
  const credentials = {
    create: async (options) => authenticator.create(origin, options),
    get: async (options) => authenticator.get(origin, options),
  };
  globalThis.PublicKeyCredential = class PublicKeyCredential {};
  Object.defineProperty(globalThis, "navigator", { value: { credentials }, configurable: true });
}

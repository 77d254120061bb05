import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

// AuthenticatorApp has read a QR code. Each code is good once, and of one step more than
// the present one at most: there are two without waiting.
export class AuthenticatorApp {
  #key;
  #last = 0;

  constructor(uri) {
    const { protocol, host, searchParams } = new URL(uri);
    assert.deepEqual([protocol, host], ["otpauth:", "totp"]);
    assert.deepEqual([searchParams.get("digits"), searchParams.get("period")], ["6", "30"]);
    this.secret = searchParams.get("secret");
    let bits = "";
    for (const character of this.secret) {
      bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(character).toString(2).padStart(5, "0");
    }
    this.#key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  }

  // RFC 6238, by way of RFC 4226, section 5.3.
  #at(step) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac("sha1", this.#key).update(counter).digest();
    const number = mac.readUInt32BE(mac[19] & 0xf) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, "0");
  }

  get #now() {
    return Math.floor(Date.now() / 30_000);
  }

  code() {
    this.#last = Math.max(this.#last + 1, this.#now);
    assert.ok(this.#last <= this.#now + 1, "no code is left");
    return this.#at(this.#last);
  }

  spent() {
    return this.#at(this.#last);
  }

  wrong() {
    const near = new Set();
    for (let step = this.#now - 12; step <= this.#now + 12; step++) {
      near.add(this.#at(step));
    }
    for (let n = 0; ; n++) {
      const code = String(n).padStart(6, "0");
      if (!near.has(code)) {
        return code;
      }
    }
  }
}
